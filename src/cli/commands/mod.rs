//! The commands, one file or folder each.

pub(crate) mod best_known;
pub(crate) mod cache;
pub(crate) mod claims;
pub(crate) mod compare;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod guide;
pub(crate) mod league;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod mutate;
pub(crate) mod new;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod tag;
pub(crate) mod tune;
pub(crate) mod undo;
pub(crate) mod validate;
