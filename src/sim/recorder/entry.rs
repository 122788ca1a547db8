//! An entry of the log: what happened, and when.

use serde::{Deserialize, Serialize};

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::event::Event;

/// What happened: in the pipeline, or where only the fakes could see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum What {
    /// An event of the pipeline.
    Event(Event),
    /// A record of the fakes.
    World(WorldEvent),
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Virtual milliseconds since the run's world began.
    pub t_ms: u64,
    /// What happened.
    pub what: What,
}
