//! `tagspace tag`: a real space. Credentials come from the environment and are shown to nobody.

pub(crate) mod answers;
pub(crate) mod environment;
mod job;
pub(crate) mod report_place;
pub(crate) mod state;
mod tag;
mod verdict;
mod watcher;

pub(crate) use self::tag::tag;
