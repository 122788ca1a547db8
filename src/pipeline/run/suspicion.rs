//! Whether it is the pages that make a service fail: it fails these again and again, and answers
//! others meanwhile.
//!
//! A service that is down fails everything; then nothing is suspected, and no call is made more than
//! without this. Where others are answered between two failures, the part is halved. The halves are
//! suspected as their whole was, so that one failure and one answer of others are enough there. A
//! page alone is given up only after as many failures, others answered in between, as hardly any page
//! meets by chance: failures that passed say how likely one is. At the end of a run others are no
//! more: then the answers to the other parts of the batch have to do, after failures enough and time
//! enough for a service to recover.

use std::time::Duration;

use tokio::time::Instant;

use crate::pipeline::error::ErrorClass;

/// Answers to others while a call gets none: then it is not the service that is silent.
const ANSWERS_IN_SILENCE: u64 = 3;
/// Failures in a row, and the time since the first of them, after which a part that nobody can vouch
/// for any more is suspected all the same.
const LONE: (u32, Duration) = (4, Duration::from_secs(4));

/// What a failure says of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Nothing yet.
    Open,
    /// It lies in them.
    OfThePages,
}

/// What is known of a part.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Suspicion {
    /// Failures in a row, and when the first of them came.
    failures: u32,
    since: Option<Instant>,
    /// Answers of the service when the last call was sent, and at the last failure.
    answers_at_start: u64,
    answers_at_failure: u64,
    /// Answers when the whole that this is a part of was halved.
    halved_at: Option<u64>,
}

impl Suspicion {
    /// A call goes out; `answers` prompts were answered until now.
    pub(crate) fn sent(&mut self, answers: u64) {
        self.answers_at_start = answers;
    }

    /// The service answered: it was not these pages. Gives the failures that have passed.
    pub(crate) fn cleared(&mut self) -> u32 {
        std::mem::take(self).failures
    }

    /// The suspicion of a half.
    pub(crate) fn inherited(&self) -> Self {
        let answers = self.answers_at_failure;
        let halved_at = (self.failures > 0 || self.halved_at.is_some()).then_some(answers);
        Self { answers_at_failure: answers, halved_at, ..Self::default() }
    }

    /// Whether a whole that this was a part of has failed.
    pub(crate) fn is_inherited(&self) -> bool {
        self.halved_at.is_some()
    }

    /// A call about `pages` pages failed; `answers` prompts were answered until now, and `passed`
    /// failures of others have passed.
    pub(crate) fn failed(
        &mut self,
        class: ErrorClass,
        (answers, passed): (u64, u64),
        pages: usize,
    ) -> Blame {
        let since = *self.since.get_or_insert_with(Instant::now);
        let before = std::mem::replace(&mut self.answers_at_failure, answers);
        self.failures += 1;
        let is_known = if pages > 1 {
            self.failures > 1 || self.is_inherited()
        } else {
            self.failures >= by_chance(answers, passed)
        };
        let is_answering = is_known && answers > before;
        let in_silence = answers.saturating_sub(self.answers_at_start);
        let is_silent =
            class == ErrorClass::Timeout && in_silence >= ANSWERS_IN_SILENCE && pages > 1;
        let (failures, time) = LONE;
        let is_lone = self.halved_at.is_some_and(|halved_at| answers > halved_at)
            && self.failures >= failures
            && since.elapsed() >= time;
        let is_suspect = is_answering || is_silent || is_lone;
        if is_suspect { Blame::OfThePages } else { Blame::Open }
    }
}

/// The number of failures in a row that a page meets by chance no more often than once in 10,000
/// times, where `answers` prompts were answered and `passed` failures have passed; two at least. A
/// failure is as likely as Jeffreys' prior and these make it.
fn by_chance(answers: u64, passed: u64) -> u32 {
    const WHOLE: u64 = 1_000_000;
    const RARE: u64 = WHOLE / 10_000;
    const MAX_FAILURES: u32 = 30;
    let share = (2 * passed + 1).saturating_mul(WHOLE) / (2 * (answers + passed + 1));
    let (mut chance, mut failures) = (WHOLE, 0);
    while chance > RARE && failures < MAX_FAILURES {
        chance = chance * share / WHOLE;
        failures += 1;
    }
    failures.max(2)
}
