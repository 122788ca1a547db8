//! Figures of a run: folds over its log.

pub mod bound;
pub mod distribution;
pub mod figure;
pub mod figures;
mod fold;
pub mod invariants;
pub mod metric;
pub mod quota_usage;
pub mod stat;
pub mod timeline;
pub mod value;
