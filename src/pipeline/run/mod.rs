//! One run and its stages.
//!
//! list -> (cache | gather -> ask) -> write. The stages run at the same time and hand pages over
//! through bounded channels, so memory follows the work in flight and not the size of the space.
//! Every page that was listed ends in exactly one of tagged, failed or not done.

mod apply;
mod ask;
mod attempt;
mod coalesce;
mod context;
mod gather;
mod known_labels;
mod list;
mod look_up;
mod read_labels;
mod stages;
mod standing;
mod survey;
mod suspicion;
mod tasks;
mod undo;
mod write;

pub(crate) use self::apply::apply;
pub(crate) use self::context::{BegunWait, RunContext, Tagged};
pub use self::look_up::Stray;
pub(crate) use self::look_up::look_up;
pub(crate) use self::stages::run;
pub(crate) use self::survey::survey;
pub use self::undo::Undone;
pub(crate) use self::undo::undo;
