//! A claim, and what can become of it.

use crate::study::claims::factor::Factor;
use crate::study::claims::statement::Hypothesis;

/// A promise of the plan.
#[derive(Debug)]
pub struct Claim {
    /// Its number in the list of claims.
    pub id: &'static str,
    /// What it says.
    pub says: &'static str,
    /// The same, so that it can be false.
    pub statements: &'static [Hypothesis],
    /// What it may depend on.
    pub axes: &'static [Factor],
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ClaimVerdict {
    /// It holds wherever it was tried.
    Holds,
    /// It holds in some places and not in others.
    #[strum(serialize = "holds when")]
    HoldsWhen,
    /// It holds nowhere.
    Refuted,
}

impl ClaimVerdict {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
