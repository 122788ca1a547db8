//! What is read from a game, as an integer.

use super::lab::LabResult;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric;
use crate::study::measure::metric::Unit;
use crate::study::measure::value::Value;
use crate::units::Share;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observable {
    /// A figure of a run, counted from 0: a number, or a share in millionths.
    Figure(usize, &'static str),
    /// The last value of a level of the first run.
    Final(&'static str),
    /// The highest value of a level of the first run.
    Highest(&'static str),
    /// Cache hits of all runs together, of all look-ups, in millionths.
    CumulativeHits,
    /// Fallbacks of the AI calls of the first run, in millionths.
    FallbacksOfCalls,
    /// How many times as much it was before, in thousandths.
    Times(&'static str),
    /// By which share it is less than before, in millionths. Where there was none before, nothing
    /// can be said.
    Less(&'static str),
    /// Pages that were listed in the first run and have no end.
    Lost,
    /// Pages whose labels were written more than once.
    WrittenTwice,
    /// Pages of whose end nobody was told.
    Untold,
}

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As figures of this unit are; shares in millionths.
    Of(Unit),
    /// Thousandths of a factor.
    Times,
}

impl Observable {
    /// Its name in files.
    pub fn name(self) -> String {
        match self {
            Self::Figure(0, metric) => metric.to_owned(),
            Self::Figure(run, metric) => format!("{metric} of run {}", run + 1),
            Self::Final(metric) => format!("final {metric}"),
            Self::Highest(metric) => format!("highest {metric}"),
            Self::CumulativeHits => "cache_hit_ratio of all runs".to_owned(),
            Self::FallbacksOfCalls => "fallbacks of ai_calls".to_owned(),
            Self::Times(metric) => format!("{metric}, before/after"),
            Self::Less(metric) => format!("{metric}, less than before"),
            Self::Lost => "pages lost".to_owned(),
            Self::WrittenTwice => "pages written twice".to_owned(),
            Self::Untold => "pages nobody was told of".to_owned(),
        }
    }

    /// How it is written.
    pub fn scale(self) -> Scale {
        match self {
            Self::Figure(_, name) | Self::Final(name) | Self::Highest(name) => {
                Scale::Of(metric::find(name).map_or(Unit::Count, |metric| metric.unit))
            }
            Self::CumulativeHits | Self::FallbacksOfCalls | Self::Less(_) => Scale::Of(Unit::Ratio),
            Self::Times(_) => Scale::Times,
            Self::Lost | Self::WrittenTwice | Self::Untold => Scale::Of(Unit::Count),
        }
    }

    /// Whether it compares with the state before.
    pub fn compares(self) -> bool {
        matches!(self, Self::Times(_) | Self::Less(_))
    }

    /// Reads it from a game and, where it compares, from that before; nothing if there are no
    /// samples.
    pub fn of(self, before: &LabResult, after: &LabResult) -> Option<u64> {
        let first = after.runs.first()?;
        match self {
            Self::Figure(run, name) => plain(after.runs.get(run)?, name),
            Self::Final(name) | Self::Highest(name) => match first.get(name)? {
                Value::Level { max, last, .. } => {
                    Some(if matches!(self, Self::Final(_)) { *last } else { *max })
                }
                _ => None,
            },
            Self::CumulativeHits => {
                let sum = |name| after.runs.iter().map(|run| run.number(name)).sum::<u64>();
                let hits = sum("cache_hits");
                millionths(Share { num: hits, den: hits + sum("cache_misses") })
            }
            Self::FallbacksOfCalls => {
                millionths(Share { num: first.number("fallbacks"), den: first.number("ai_calls") })
            }
            Self::Times(name) => {
                let (was, is) = (plain(before.runs.first()?, name)?, plain(first, name)?);
                (was * 1000).checked_div(is)
            }
            Self::Less(name) => {
                let (was, is) = (plain(before.runs.first()?, name)?, plain(first, name)?);
                (was > 0).then(|| was.saturating_sub(is) * 1_000_000 / was)
            }
            Self::Lost => {
                let ends = ["pages_tagged", "pages_cached", "pages_failed", "pages_not_done"];
                let ended: u64 = ends.iter().map(|name| first.number(name)).sum();
                Some(first.number("pages").abs_diff(ended))
            }
            Self::WrittenTwice => Some(after.written_twice),
            Self::Untold => Some(after.untold),
        }
    }
}

fn plain(figures: &Figures, name: &str) -> Option<u64> {
    match figures.get(name)? {
        Value::Number(number) => Some(*number),
        Value::Share(share) => millionths(*share),
        Value::Distribution(_) | Value::Level { .. } => None,
    }
}

fn millionths(share: Share) -> Option<u64> {
    (share.num * 1_000_000).checked_div(share.den)
}
