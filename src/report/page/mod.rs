//! The page of a report: one file of HTML that needs no other, reads without its script, light and dark,
//! on paper and aloud.

mod anomalies;
mod cards;
mod cause;
mod chrome;
mod claims;
mod compare;
mod failures;
mod head;
mod lanes;
mod latency;
mod league;
mod quotas;
mod run;
mod saved;
mod settings;
mod spending;
mod targets;
mod time;
mod tune;

pub use self::claims::claims;
pub use self::compare::compare;
pub use self::league::{drawn_league, league};
pub use self::run::RunPage;
pub use self::saved::{SavedRun, saved};
pub use self::tune::tune;
