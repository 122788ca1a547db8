//! What Gemini and OpenAI have in common: faults, quota, model, latency, in that order. Their wire
//! formats are in rooms of their own.

mod answering;
mod call;
pub mod completion;
mod config;
mod identity;
pub mod json_schema;
pub mod model;
mod quota_headers;
mod service;
mod shared_quota;
pub mod tokens;

pub use self::call::{Asked, Decision, Outcome, Scene};
pub use self::config::{AiConfig, PriceFile};
pub(crate) use self::identity::{digest, glance, stream};
pub use self::quota_headers::duration;
pub use self::service::LlmService;
pub use self::shared_quota::NeighbourConfig;
