//! What a prompt is about, by which draws are keyed: its lowest page id, or its digest.

use crate::fakes::model;
use crate::fakes::record::Service;

/// The name of a service in the streams of its luck.
pub(super) fn stream(service: Service) -> &'static str {
    match service {
        Service::Confluence => "confluence",
        Service::Gemini => "gemini",
        Service::Openai => "openai",
    }
}

/// The ids of the pages in a prompt.
pub(super) fn ids(question: &model::Question<'_>) -> impl Iterator<Item = u64> {
    question.pages.iter().filter_map(|(id, _)| id.and_then(|id| id.parse().ok()))
}

/// What a prompt is about: its lowest page id, or its digest.
pub(super) fn identity(question: &model::Question<'_>, prompt: &str) -> u64 {
    ids(question).min().unwrap_or_else(|| digest(prompt.as_bytes()))
}

/// What a prompt is about, and how many pages it has, for a call that the model never sees.
pub(in crate::fakes) fn glance(prompt: &str) -> (u64, u64) {
    let question = model::read(prompt);
    (identity(&question, prompt), question.pages.len() as u64)
}

/// The identity of what has no page ids.
pub(in crate::fakes) fn digest(bytes: &[u8]) -> u64 {
    use sha2::{Digest as _, Sha256};
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    u64::from_le_bytes(std::array::from_fn(|index| hash[index]))
}
