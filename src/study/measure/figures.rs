//! The figures of a run: the fold over its log that gives them.
//!
//! Percentiles are exact, by nearest rank. A figure that cannot be known has no value, and says why;
//! counts and sums of nothing are 0.

use std::collections::BTreeMap;

use crate::study::measure::bound::Bound;
pub use crate::study::measure::distribution::Distribution;
use crate::study::measure::metric::find;
use crate::study::measure::value::Value;
use crate::units::Share;

/// The figures of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    pub(crate) values: BTreeMap<&'static str, Value>,
    /// Why a figure has no value, where that is not for want of samples.
    pub(crate) absent: BTreeMap<&'static str, &'static str>,
}

impl Figures {
    /// A figure, if the run has samples of it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(find(name)?.name)
    }

    /// Why a figure has no value, where that is not for want of samples.
    pub fn why_absent(&self, name: &str) -> Option<&'static str> {
        self.absent.get(find(name)?.name).copied()
    }

    /// A figure that is one number; zero if there is none.
    pub fn number(&self, name: &str) -> u64 {
        match self.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    /// A figure as an integer: shares in millionths, of distributions and levels the statistic after
    /// the name, as in `page_latency p95`.
    pub fn integer(&self, name: &str) -> Option<u64> {
        let (name, stat) = name.split_once(' ').map_or((name, ""), |(name, stat)| (name, stat));
        match self.get(name)? {
            Value::Number(number) => Some(*number),
            Value::Share(share) => share.num.checked_mul(1_000_000)?.checked_div(share.den),
            Value::Distribution(samples) => samples.stat(stat),
            Value::Level { min, max, last } => match stat {
                "min" => Some(*min),
                "max" => Some(*max),
                "final" => Some(*last),
                _ => None,
            },
        }
    }

    /// The same figures with the bound of the run.
    #[must_use]
    pub fn with_bound(mut self, bound: Option<Bound>) -> Self {
        const OF_THE_BOUND: [&str; 4] = ["bound_calls", "bound_makespan", "efficiency", "regret"];
        for name in OF_THE_BOUND {
            self.values.remove(name);
            self.absent.remove(name);
        }
        let Some(Bound { calls, makespan_ms }) = bound else {
            let why = "the run was not carried through";
            self.absent.extend(OF_THE_BOUND.map(|name| (name, why)));
            return self;
        };
        self.values.insert("bound_calls", Value::Number(calls));
        self.values.insert("bound_makespan", Value::Number(makespan_ms));
        // The bound assumes that the primary does all the work.
        let den = self.number("makespan");
        let other_work = if self.number("fallbacks") > 0 {
            Some("a fallback helped")
        } else if self.number("pages_failed") > 0 {
            Some("pages failed")
        } else if den == 0 {
            Some("the run took no time")
        } else {
            None
        };
        if let Some(why) = other_work {
            self.absent.extend(["efficiency", "regret"].map(|name| (name, why)));
        } else {
            self.values.insert("efficiency", Value::Share(Share { num: makespan_ms, den }));
            self.values.insert("regret", Value::Number(den.saturating_sub(makespan_ms)));
        }
        self
    }

    /// The same without what only fakes know: of a run that met real services.
    #[must_use]
    pub fn of_real_services(mut self) -> Self {
        let of_fakes = ["pages_mistagged", "faults_fired", "quota_refusals"];
        for name in
            of_fakes.into_iter().chain(["bound_calls", "bound_makespan", "efficiency", "regret"])
        {
            self.values.remove(name);
            self.absent.insert(name, "real services do not tell");
        }
        self
    }
}
