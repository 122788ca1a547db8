//! `tagspace tune`: a grid of settings.

mod shards;
mod study_spec;
mod tune;

pub(crate) use self::tune::tune;
