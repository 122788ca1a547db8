//! `tagspace tag`: a real space. Credentials come from the environment and are shown to nobody.

pub(crate) mod answers;
mod apply;
mod consent;
mod endpoint;
pub(crate) mod environment;
mod inputs;
pub(crate) mod job;
pub(crate) mod named_job;
mod page_rows;
mod plan;
mod probe;
mod prospect;
mod report_place;
mod session;
pub(crate) mod state;
mod tag;
mod topic;
mod verdict;
pub(crate) mod watcher;

pub(crate) use self::apply::apply;
pub(crate) use self::plan::plan;
pub(crate) use self::tag::tag;
