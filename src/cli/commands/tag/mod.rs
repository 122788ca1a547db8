//! `tagspace tag`: a real space. Credentials come from the environment and are shown to nobody.

mod environment;
mod report_place;
pub(crate) mod state;
mod tag;
mod verdict;
mod watcher;

pub(crate) use self::tag::tag;
