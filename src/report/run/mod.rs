//! One run: in the terminal, for machines and as pictures.

pub mod csv;
mod failures;
pub mod json;
pub(crate) mod latency_plot;
pub(crate) mod outcomes_plot;
pub(crate) mod progress_plot;
pub mod quota_usage;
pub mod realtime_check;
pub mod text;
mod time_split;
pub(crate) mod timeline_plot;
pub mod trace;
