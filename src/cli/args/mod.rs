//! The arguments, as typed.

mod args;
mod best_known;
mod limits;
mod play;
mod values;

pub(crate) use self::args::{
    CLAIMS_SEEDS, ClaimsArgs, Cli, Command, CompareArgs, DemoArgs, GuideArgs, LEAGUE_SEEDS,
    LeagueArgs, MetricsArgs, NewArgs, RunArgs, Scenarios, ServeArgs, TagArgs, TuneArgs,
};
pub(crate) use self::best_known::BestKnownArgs;
pub(crate) use self::limits::{LimitsArgs, LimitsFormat};
pub(crate) use self::values::{
    ClockArg, ColorArg, CompareFormat, Format, ModeArg, ObjectiveArg, TransportArg,
};
