//! What a prompt is about, by which draws are keyed: its lowest page id, or its digest.

use crate::fakes::llm::model;
use crate::fakes::world_event::Service;

/// The name of a service in the streams of its luck.
pub(crate) fn stream(service: Service) -> &'static str {
    match service {
        Service::Confluence => "confluence",
        Service::Gemini => "gemini",
        Service::Openai => "openai",
    }
}

/// The ids of the pages in a prompt.
pub(crate) fn ids(question: &model::Question<'_>) -> impl Iterator<Item = u64> {
    question.pages.iter().filter_map(|(id, _)| id.and_then(|id| id.parse().ok()))
}

/// What a prompt is about: its lowest page id, or its digest.
pub(crate) fn identity(question: &model::Question<'_>, prompt: &str) -> u64 {
    ids(question).min().unwrap_or_else(|| digest(prompt.as_bytes()))
}

/// What a prompt is about, and how many pages it has, for a call that the model never sees.
pub(crate) fn glance(prompt: &str) -> (u64, u64) {
    let question = model::read(prompt);
    (identity(&question, prompt), question.pages.len() as u64)
}

/// The identity of what has no page ids.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    use sha2::{Digest as _, Sha256};
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    u64::from_le_bytes(std::array::from_fn(|index| hash[index]))
}
