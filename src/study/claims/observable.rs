//! What is read from a trial, as an integer.

use super::measurements::Measurement;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::value::Value;
use crate::units::Share;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observable {
    /// A figure of a run, counted from 0: a number, or a share in millionths.
    Figure(usize, Metric),
    /// The last value of a level of the first run.
    Final(Metric),
    /// The highest value of a level of the first run.
    Highest(Metric),
    /// Cache hits of all runs together, of all look-ups, in millionths.
    CumulativeHits,
    /// Fallbacks of the AI calls of the first run, in millionths.
    FallbacksOfCalls,
    /// How many times as much it was before, in thousandths.
    Times(Metric),
    /// By which share it is less than before, in millionths. Where there was none before, nothing
    /// can be said.
    Less(Metric),
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
            Self::Figure(0, metric) => metric.name().to_owned(),
            Self::Figure(run, metric) => format!("{} of run {}", metric.name(), run + 1),
            Self::Final(metric) => format!("final {}", metric.name()),
            Self::Highest(metric) => format!("highest {}", metric.name()),
            Self::CumulativeHits => format!("{} of all runs", Metric::CacheHitRatio),
            Self::FallbacksOfCalls => format!("{} of {}", Metric::Fallbacks, Metric::AiCalls),
            Self::Times(metric) => format!("{}, before/after", metric.name()),
            Self::Less(metric) => format!("{}, less than before", metric.name()),
            Self::Lost => "pages lost".to_owned(),
            Self::WrittenTwice => "pages written twice".to_owned(),
            Self::Untold => "pages nobody was told of".to_owned(),
        }
    }

    /// How it is written.
    pub fn scale(self) -> Scale {
        match self {
            Self::Figure(_, metric) | Self::Final(metric) | Self::Highest(metric) => {
                Scale::Of(metric.unit())
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

    /// Reads it from a trial and, where it compares, from that before; nothing if there are no
    /// samples.
    pub fn of(self, before: &Measurement, after: &Measurement) -> Option<u64> {
        let first = after.runs.first()?;
        match self {
            Self::Figure(run, metric) => plain(after.runs.get(run)?, metric),
            Self::Final(metric) | Self::Highest(metric) => match first.get(metric)? {
                Value::Level { max, last, .. } => {
                    Some(if matches!(self, Self::Final(_)) { *last } else { *max })
                }
                _ => None,
            },
            Self::CumulativeHits => {
                let sum = |metric| after.runs.iter().map(|run| run.number(metric)).sum::<u64>();
                let hits = sum(Metric::CacheHits);
                millionths(Share { num: hits, den: hits + sum(Metric::CacheMisses) })
            }
            Self::FallbacksOfCalls => millionths(Share {
                num: first.number(Metric::Fallbacks),
                den: first.number(Metric::AiCalls),
            }),
            Self::Times(metric) => {
                let (was, is) = (plain(before.runs.first()?, metric)?, plain(first, metric)?);
                (was * 1000).checked_div(is)
            }
            Self::Less(metric) => {
                let (was, is) = (plain(before.runs.first()?, metric)?, plain(first, metric)?);
                (was > 0).then(|| was.saturating_sub(is) * 1_000_000 / was)
            }
            Self::Lost => {
                let ends = [
                    Metric::PagesTagged,
                    Metric::PagesCached,
                    Metric::PagesFailed,
                    Metric::PagesNotDone,
                ];
                let ended: u64 = ends.into_iter().map(|metric| first.number(metric)).sum();
                Some(first.number(Metric::Pages).abs_diff(ended))
            }
            Self::WrittenTwice => Some(after.written_twice),
            Self::Untold => Some(after.untold),
        }
    }
}

fn plain(figures: &Figures, metric: Metric) -> Option<u64> {
    match figures.get(metric)? {
        Value::Number(number) => Some(*number),
        Value::Share(share) => millionths(*share),
        Value::Distribution(_) | Value::Level { .. } => None,
    }
}

fn millionths(share: Share) -> Option<u64> {
    (share.num * 1_000_000).checked_div(share.den)
}
