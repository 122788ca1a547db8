//! OpenAI's wire format: chat completions and responses, whole or as streams, and the models.

mod completion;
pub(super) mod error;
pub(super) mod output;
pub(super) mod request;
mod response;
mod rules;
mod service;
mod strict;
mod tools;

pub(crate) use self::service::Interface;
pub(crate) use self::service::{BODY_LIMIT, reply, too_large};
