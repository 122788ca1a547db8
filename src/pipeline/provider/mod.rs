//! AI providers: how a prompt becomes their request, and their response an answer or a failure.

mod api;
mod extra;
mod gemini;
mod lane;
mod length_of_time;
mod openai;
mod provider;
mod schema;
pub mod stated_quota;

pub use self::extra::{Extra, RefusedExtras};
pub(crate) use self::lane::Lane;
pub use self::provider::{Answer, Failure, Provider, ProviderApi, Secret, Usage};
pub(crate) use self::provider::{LONGEST_WAIT, is_of_the_account, retry_after};
