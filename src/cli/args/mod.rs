//! The arguments, as typed.

mod args;
mod best_known;
mod cache;
mod explain;
mod limits;
mod play;
mod report;
mod tag;
mod undo;
mod values;

pub(crate) use self::args::{
    CLAIMS_SEEDS, ClaimsArgs, Cli, Command, CompareArgs, DemoArgs, GuideArgs, LEAGUE_SEEDS,
    LeagueArgs, MetricsArgs, NewArgs, RunArgs, Scenarios, ServeArgs, TuneArgs,
};
pub(crate) use self::best_known::BestKnownArgs;
pub(crate) use self::cache::{CacheAction, CacheArgs};
pub(crate) use self::explain::ExplainArgs;
pub(crate) use self::limits::{LimitsArgs, LimitsFormat};
pub(crate) use self::report::ReportArgs;
pub(crate) use self::tag::TagArgs;
pub(crate) use self::undo::UndoArgs;
pub(crate) use self::values::{
    ClockArg, ColorArg, CompareFormat, Format, ModeArg, ObjectiveArg, PagesFormat, TransportArg,
};
