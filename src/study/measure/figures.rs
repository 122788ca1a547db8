//! The figures of a run: the fold over its log that gives them.
//!
//! Percentiles are exact, by nearest rank. A figure that cannot be known has no value, and says why;
//! counts and sums of nothing are 0.

use std::collections::BTreeMap;

use crate::study::measure::bound::Bound;
pub use crate::study::measure::distribution::Distribution;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Metric;
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::units::Share;

/// The figures of one run.
///
/// ```
/// use tagspace::{Figures, Metric};
///
/// let figures = Figures::default();
/// assert_eq!(figures.number(Metric::AiCalls), 0);
/// assert_eq!(figures.integer(Metric::Makespan), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    pub(crate) values: BTreeMap<Metric, Value>,
    /// Why a figure has no value, where that is not for want of samples.
    pub(crate) absent: BTreeMap<Metric, &'static str>,
}

impl Figures {
    /// The value of a metric, if the run has samples of it.
    pub fn get(&self, metric: Metric) -> Option<&Value> {
        self.values.get(&metric)
    }

    /// Why a metric has no value, where that is not for want of samples.
    pub fn why_absent(&self, metric: Metric) -> Option<&'static str> {
        self.absent.get(&metric).copied()
    }

    /// A metric that is one number, in its unit ([`Metric::unit`]): a count, milliseconds or millionths
    /// of a dollar. Zero if there is none.
    pub fn number(&self, metric: Metric) -> u64 {
        match self.get(metric) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// A figure as an integer in its unit, shares in millionths.
    pub fn integer(&self, figure: impl Into<Figure>) -> Option<u64> {
        let Figure { metric, stat } = figure.into();
        match (self.get(metric)?, stat) {
            (Value::Number(number), _) => Some(*number),
            (Value::Share(share), _) => share.num.checked_mul(1_000_000)?.checked_div(share.den),
            (Value::Distribution(samples), Some(stat)) => samples.stat(stat),
            (Value::Level { min, .. }, Some(Stat::Min)) => Some(*min),
            (Value::Level { max, .. }, Some(Stat::Max)) => Some(*max),
            (Value::Level { last, .. }, Some(Stat::Final)) => Some(*last),
            (Value::Distribution(_) | Value::Level { .. }, _) => None,
        }
    }

    fn leave_out(&mut self, metrics: impl IntoIterator<Item = Metric>, why: &'static str) {
        for metric in metrics {
            self.values.remove(&metric);
            self.absent.insert(metric, why);
        }
    }

    /// The same figures with the bound of the run.
    #[must_use]
    pub fn with_bound(mut self, bound: Option<Bound>) -> Self {
        let of_bound = || Metric::ALL.iter().copied().filter(|metric| metric.is_of_bound());
        self.leave_out(of_bound(), "the run was not carried through");
        let Some(Bound { calls, makespan_ms, any_ms }) = bound else { return self };
        for metric in of_bound() {
            self.absent.remove(&metric);
        }
        self.values.insert(Metric::BoundCalls, Value::Number(calls));
        self.values.insert(Metric::BoundMakespan, Value::Number(makespan_ms));
        self.values.insert(Metric::BoundAny, Value::Number(any_ms));
        // The bound assumes that the primary does all the work.
        let den = self.number(Metric::Makespan);
        let other_work = if self.number(Metric::Fallbacks) > 0 {
            Some("a fallback helped")
        } else if self.number(Metric::PagesFailed) > 0 {
            Some("pages failed")
        } else if den == 0 {
            Some("the run took no time")
        } else {
            None
        };
        if let Some(why) = other_work {
            self.leave_out([Metric::Efficiency, Metric::Regret], why);
        } else {
            self.values.insert(Metric::Efficiency, Value::Share(Share { num: makespan_ms, den }));
            self.values.insert(Metric::Regret, Value::Number(den.saturating_sub(makespan_ms)));
        }
        self
    }

    /// The same without what only fakes know: of a run that met real services.
    #[must_use]
    pub fn of_real_services(mut self) -> Self {
        let simulated = Metric::ALL.iter().copied().filter(|metric| metric.is_simulated());
        self.leave_out(simulated, "real services do not tell");
        self
    }
}
