//! Two recordings of the same scenarios: what moved, and whether that is a regression.
//!
//! *Exact* asks whether the logs are the same, byte for byte. *Paired* asks of many seeds whether a
//! figure became worse: the differences are taken seed by seed, so that the luck of a seed, which
//! both have met, is not in them. A figure has become worse or better if the sign test says so, with
//! Holm's correction (1979) for all figures of the comparison, if the interval of its mean change
//! excludes nothing, if signs and mean point the same way, and if that change is above a relative and
//! an absolute floor. A failure that the base has in no seed needs no statistics in one and the same
//! world: both sides have met the same luck.

pub mod baseline;
mod comparison;
pub mod drift;
pub mod event_diff;
pub mod recorded;
mod rules;
pub mod settings;

pub use self::comparison::{
    Compared, ComparedRun, Comparison, ComparisonVerdict, Lacking, Mode, Moved, Recordings,
    compare, mode, seeds,
};
pub use self::rules::Rules;
