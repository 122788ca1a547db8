//! What a run may spend: calls and money, set aside before each call.
//!
//! A call on its way counts with the most that it can cost, and with what it did cost once that is
//! known, so that no bound is ever passed.

use thiserror::Error;

/// The most that a run may spend; nothing is bounded unless it is said.
///
/// ```
/// use tagspace::{Allowance, Control};
///
/// // At most a thousand AI calls and five dollars.
/// let allowance = Allowance { calls: Some(1000), usd_micros: Some(5_000_000) };
/// let control = Control { allowance, ..Control::default() };
/// assert_eq!(control.allowance.calls, Some(1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// AI calls.
    pub calls: Option<u64>,
    /// Money, in millionths of a dollar.
    pub usd_micros: Option<u64>,
}

/// Why another call is not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Spent {
    /// All calls are made that may be.
    #[error("all {0} AI calls are made that are allowed")]
    Calls(u64),
    /// Another call could cost more than is left.
    #[error(
        "another call may cost {} USD, and {} of {} USD are left",
        dollars(*next), dollars(allowed - spent), dollars(*allowed)
    )]
    Money {
        /// What all calls together may cost, in millionths of a dollar.
        allowed: u64,
        /// What those so far have cost, those on their way at the most.
        spent: u64,
        /// The most that another one can cost.
        next: u64,
    },
    /// What a call costs is not known.
    #[error("no price of the model {0} is known, so that its cost cannot be bounded")]
    NoPrice(String),
}

fn dollars(micros: u64) -> String {
    let cents = micros.div_ceil(10_000);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// What a run has spent.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    allowed: Allowance,
    calls: u64,
    usd_micros: u64,
}

impl Spending {
    /// Nothing yet, of this much.
    pub(crate) fn of(allowed: Allowance) -> Self {
        Self { allowed, calls: 0, usd_micros: 0 }
    }

    /// Whether anything is bounded.
    pub(crate) fn is_bounded(&self) -> bool {
        self.allowed != Allowance::default()
    }

    /// Whether money is bounded.
    pub(crate) fn is_of_money(&self) -> bool {
        self.allowed.usd_micros.is_some()
    }

    /// Sets aside a call that costs `usd_micros` at most.
    pub(crate) fn set_aside(&mut self, usd_micros: u64) -> Result<(), Spent> {
        if let Some(calls) = self.allowed.calls.filter(|calls| self.calls >= *calls) {
            return Err(Spent::Calls(calls));
        }
        let (spent, next) = (self.usd_micros, usd_micros);
        if let Some(allowed) =
            self.allowed.usd_micros.filter(|most| spent.saturating_add(next) > *most)
        {
            return Err(Spent::Money { allowed, spent, next });
        }
        self.calls += 1;
        self.usd_micros = spent.saturating_add(next);
        Ok(())
    }

    /// A call has cost `usd_micros`, for which `set_aside` was set aside.
    pub(crate) fn settle(&mut self, set_aside: u64, usd_micros: u64) {
        self.usd_micros =
            (self.usd_micros - set_aside.min(self.usd_micros)).saturating_add(usd_micros);
    }
}
