//! Figures of a run: folds over its log.

pub mod bound;
mod critical_path;
pub mod distribution;
pub mod figure;
pub mod figures;
mod fold;
pub mod invariants;
pub mod lanes;
pub mod metric;
pub mod quota_usage;
pub mod run_status;
pub mod spending;
pub mod stat;
pub mod time_left;
pub mod time_split;
pub mod timeline;
pub mod value;
