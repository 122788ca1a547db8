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
        "another call may cost {} USD, and {} of {} USD are spent",
        dollars(*next), dollars(*spent), dollars(*allowed)
    )]
    Money {
        /// What all calls together may cost, in millionths of a dollar.
        allowed: u64,
        /// What those so far have cost.
        spent: u64,
        /// The most that another one can cost.
        next: u64,
    },
    /// What a call costs is not known.
    #[error("no price of the model {0} is known, so that its cost cannot be bounded")]
    NoPrice(String),
}

fn dollars(micros: u64) -> String {
    format!("{}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100)
}

/// Whether another call may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It may, and this much is set aside for it, in millionths of a dollar.
    Given(u64),
    /// Not before a call on its way has ended, because it may cost less than was set aside.
    Later,
    /// No more.
    Refused(Spent),
}

/// What a run has spent.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    allowed: Allowance,
    calls: u64,
    /// What ended calls have cost, and what is set aside for those on their way.
    spent: u64,
    set_aside: u64,
}

impl Spending {
    /// Nothing yet, of this much.
    pub(crate) fn of(allowed: Allowance) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// Whether anything is bounded.
    pub(crate) fn is_bounded(&self) -> bool {
        self.allowed != Allowance::default()
    }

    /// Whether money is bounded.
    pub(crate) fn is_of_money(&self) -> bool {
        self.allowed.usd_micros.is_some()
    }

    /// Sets aside a call that costs `next` at most.
    pub(crate) fn set_aside(&mut self, next: u64) -> Permission {
        if let Some(calls) = self.allowed.calls.filter(|calls| self.calls >= *calls) {
            return Permission::Refused(Spent::Calls(calls));
        }
        if let Some(allowed) = self.allowed.usd_micros {
            let spent = self.spent;
            if spent.saturating_add(next) > allowed {
                return Permission::Refused(Spent::Money { allowed, spent, next });
            }
            if spent.saturating_add(next).saturating_add(self.set_aside) > allowed {
                return Permission::Later;
            }
        }
        self.calls += 1;
        self.set_aside = self.set_aside.saturating_add(next);
        Permission::Given(next)
    }

    /// A call has cost `cost`, for which `set_aside` was set aside.
    pub(crate) fn settle(&mut self, set_aside: u64, cost: u64) {
        self.set_aside = self.set_aside.saturating_sub(set_aside);
        self.spent = self.spent.saturating_add(cost);
    }
}
