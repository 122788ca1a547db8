//! What a job of real pages will take: the same pipeline tags them in virtual time, with the quotas
//! that are known, and with the latencies that an earlier job has met.
//!
//! The pages are played as they are, title and text (`page_sample.rs`). A model's latency is a line through
//! its earlier calls, a part for each call and a part for each page of it, with what the calls differed from
//! it (`call_latency.rs`). Quotas are those that were learned (`known_quotas.rs`). All this makes a scenario
//! (`prospect.rs`) that is played with several seeds (`forecast.rs`).

mod call_latency;
mod forecast;
mod known_quotas;
mod page_sample;
mod prospect;

pub use self::call_latency::{CallLatency, answered_calls};
pub use self::forecast::{Forecast, Range};
pub use self::page_sample::PageSample;
pub use self::prospect::{Prospect, ProviderProspect};
