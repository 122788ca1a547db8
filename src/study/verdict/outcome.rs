//! What came of a scenario as a whole: the word, the JSON and the exit code come from this one value.

use crate::study::compare;
use crate::study::verdict::judge::Verdict;

/// What came of a scenario, from the best to the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::EnumString,
)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// All targets are met.
    Met,
    /// There is no target.
    NotJudged,
    /// It was not played, because the command ended before.
    Skipped,
    /// It is not the same as what it was compared with, where that was asked.
    Changed,
    /// It cannot be compared with what it was to be compared with.
    Incomparable,
    /// It is worse than what it was compared with.
    Regressed,
    /// Two runs of one seed differ.
    Differs,
    /// At least one target is missed.
    Missed,
    /// It could not be played to its end.
    #[strum(serialize = "error")]
    Failed,
    /// It was interrupted after some of its seeds.
    Interrupted,
}

impl Outcome {
    /// Of a verdict on the targets, a comparison, and whether two runs of one seed differ.
    pub fn of(
        verdict: Verdict,
        compared: Option<compare::ComparisonVerdict>,
        differs: bool,
    ) -> Self {
        let targets = match verdict {
            Verdict::Met => Self::Met,
            Verdict::NotJudged => Self::NotJudged,
            Verdict::Missed => Self::Missed,
        };
        let compared = match compared {
            Some(compare::ComparisonVerdict::Changed) => Self::Changed,
            Some(compare::ComparisonVerdict::Regressed) => Self::Regressed,
            Some(
                compare::ComparisonVerdict::Incomparable | compare::ComparisonVerdict::Missing,
            ) => Self::Incomparable,
            Some(
                compare::ComparisonVerdict::NoChange
                | compare::ComparisonVerdict::Improved
                | compare::ComparisonVerdict::New,
            )
            | None => targets,
        };
        let differs = if differs { Self::Differs } else { targets };
        targets.max(compared).max(differs)
    }

    /// The exit code of a command that did nothing else; nothing for a scenario that was skipped.
    pub fn exit_code(self) -> Option<u8> {
        match self {
            Self::Met | Self::NotJudged => Some(0),
            Self::Skipped => None,
            Self::Changed | Self::Incomparable | Self::Regressed => Some(3),
            Self::Differs => Some(98),
            Self::Missed => Some(99),
            Self::Failed => Some(1),
            Self::Interrupted => Some(130),
        }
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Met => "MET",
            Self::NotJudged => "NOT JUDGED",
            Self::Skipped => "SKIPPED",
            Self::Changed => "CHANGED",
            Self::Incomparable => "INCOMPARABLE",
            Self::Regressed => "REGRESSED",
            Self::Differs => "DIFFERS",
            Self::Missed => "MISSED",
            Self::Failed => "ERROR",
            Self::Interrupted => "INTERRUPTED",
        }
    }
}
