//! The world that the pipeline meets: fake Confluence, Gemini and OpenAI.
//!
//! Each fake is a plain state machine: given the virtual time and a request, it replies at once
//! and says how long the reply takes. It knows wire formats and nothing of the pipeline. How it is
//! mounted (over wiremock, or called directly) is not its business. The wire formats are those of
//! the services as of November 2026.

mod attempts;
pub mod calendar;
pub mod confluence;
pub mod content;
pub mod fault;
pub mod gemini;
pub mod hosts;
pub mod latency;
pub mod llm;
pub mod observation;
mod openai;
pub mod ordered;
mod query;
pub mod quota;
mod reply;
pub mod spell;
mod trouble;
pub mod world;
pub mod world_event;

pub use self::reply::{Broken, Reply, VERSION};
