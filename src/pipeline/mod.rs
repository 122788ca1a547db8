//! The product: tags the pages of a Confluence space with an LLM.
//!
//! A [`Pipeline`] is made of a [`Settings`](config::Settings), a taxonomy, a site, an ordered list of
//! providers, a [`Transport`](transport::Transport) that carries its requests and an [`Observer`](event::Observer) that takes its events.
//! It keeps cache, limit and retry budget from one run to the next, and answers for other processes
//! where it is given a [`store`]. It does not know whether its services are real: there is no clock here
//! but tokio's, and no way out but the transport and the store.

pub mod allowance;
pub mod answer;
pub mod backoff;
pub mod batch;
mod builder;
pub mod cache;
pub mod complaint;
pub mod config;
mod confluence;
pub mod control;
pub mod error;
pub mod estimate;
pub mod event;
pub mod http;
pub mod job;
pub mod learned_quotas;
mod lenient;
pub mod limiter;
pub mod log;
pub mod page;
pub mod page_filter;
pub mod page_note;
mod parts;
mod pipeline;
mod preflight;
pub mod printable;
pub mod prompt;
pub mod provider;
mod quote;
mod run;
mod shared;
pub mod store;
pub mod survey;
pub mod taxonomy;
pub mod text;
pub mod tokens;
pub mod transport;

pub use self::builder::{BuildError, PipelineBuilder};
pub use self::confluence::Site;
pub use self::parts::Parts;
pub use self::pipeline::Pipeline;
pub use self::run::{Stray, Undone};
pub(crate) use self::shared::Shared;
