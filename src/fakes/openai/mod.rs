//! OpenAI's wire format: chat completions and responses, whole or as streams, and the models.

mod completion;
pub(super) mod error;
mod interface;
pub(super) mod output;
pub(super) mod request;
mod response;
mod rules;
mod said;
mod service;
mod strict;
mod tools;
mod wrong;

pub(crate) use self::interface::Interface;
pub(crate) use self::service::{BODY_LIMIT, reply, too_large};
