//! Gemini's wire format, under `/v1` and `/v1beta`, with keys in camel case or in snake case:
//! `generateContent`, its stream, `countTokens`, batches, interactions, what it serves in OpenAI's
//! language, and the list of models.

mod batch;
mod chat;
mod error;
mod fields;
mod interactions;
mod paging;
mod request;
mod response;
mod route;
mod schema;
mod sent;
mod service;

pub use self::service::Gemini;
pub(crate) use self::service::{BODY_LIMIT, too_large};
