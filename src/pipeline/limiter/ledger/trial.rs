//! A pace that is tried where most calls are refused without a word.
//!
//! Chance refuses calls however they come. A bucket, or a window of a second, refuses all that come
//! too soon, and those that come evenly never. It cannot be told by waiting whether the wall is
//! still there: after a second it is gone, as chance would be. So the pace at which calls were
//! admitted is tried: where that is refused as often as before, it was chance.

use std::collections::VecDeque;

/// Calls that are considered.
const CALLS: usize = 9;
/// Refusals among them that start pacing: random 429s rarely reach 6 of 9.
const MOST: usize = 6;
/// Corrections of a pace that is right,
const EASED: u64 = 4;
/// until this number of calls was admitted.
const PROVED: u64 = 48;
/// Corrections of a pace that is known, unless as many calls in a row are admitted.
pub(super) const EASED_KNOWN: u64 = 6;
/// Calls after which a pace that was never refused is tried faster.
const TIMID: u64 = 8;
/// Calls that are admitted after a pace that was none, until another is tried; twice as many each
/// time.
const REST: u64 = 100;

/// What the last calls came to, and how a pace is doing.
#[derive(Debug, Clone, Default)]
pub(super) struct Trial {
    /// When the last calls were sent, and whether they were refused.
    last: VecDeque<(u64, bool)>,
    /// When the first call was refused since nothing is known.
    first: Option<u64>,
    /// Since when a pace is tried.
    since: Option<u64>,
    /// Calls that were admitted since then, and corrections.
    admitted: u64,
    eased: u64,
    /// Calls in a row that were admitted since the pace was corrected last.
    in_a_row: u64,
    /// Corrections without `PROVED` calls in a row between them.
    corrected: u64,
    /// Whether the pace was too fast already.
    was_refused: bool,
    /// Calls that are still to be admitted before a pace is tried.
    rest: u64,
    /// Paces that turned out to be none.
    failed: u32,
}

impl Trial {
    fn note(&mut self, sent: u64, was_refused: bool) {
        if self.last.len() == CALLS {
            self.last.pop_front();
        }
        self.last.push_back((sent, was_refused));
    }

    /// A call was admitted. Says whether the pace should be tried faster.
    pub(super) fn admitted(&mut self, now: u64, sent: u64) -> bool {
        self.note(sent, false);
        if self.last.iter().all(|(_, was_refused)| !was_refused) {
            self.first = None;
        }
        self.rest = self.rest.saturating_sub(1);
        self.admitted += 1;
        self.in_a_row += 1;
        if self.in_a_row >= PROVED {
            self.corrected = 0;
        }
        let is_timid = self.since.is_some() && !self.was_refused && self.admitted >= TIMID;
        if is_timid {
            (self.since, self.admitted) = (Some(now), 0);
        }
        if self.admitted >= PROVED {
            (self.admitted, self.eased) = (0, 0);
        }
        is_timid
    }

    /// A call was refused without a word while nothing is known. Says since when there is a wall, if
    /// a pace should be tried.
    pub(super) fn refused(&mut self, now: u64, sent: u64) -> Option<u64> {
        self.note(sent, true);
        let first = *self.first.get_or_insert(sent);
        let refused = self.last.iter().filter(|(_, was_refused)| *was_refused).count();
        if self.rest > 0 || refused < MOST {
            return None;
        }
        (self.since, self.admitted, self.eased) = (Some(now), 0, 0);
        self.last.clear();
        (self.first, self.was_refused) = (None, false);
        Some(first)
    }

    /// The pace was too fast; gives since when it is tried, and how many calls in a row it has
    /// carried.
    pub(super) fn eased(&mut self) -> (Option<u64>, u64) {
        self.eased += 1;
        self.corrected += 1;
        self.was_refused = true;
        (self.since, std::mem::take(&mut self.in_a_row))
    }

    /// Whether the pace is refused as if it were none. It is given up then.
    pub(super) fn has_failed(&mut self) -> bool {
        let has_failed = match self.since {
            Some(_) => self.eased >= EASED,
            None => self.corrected >= EASED_KNOWN,
        };
        if has_failed {
            (self.since, self.corrected) = (None, 0);
            self.rest = REST << self.failed.min(6);
            self.failed += 1;
        }
        has_failed
    }
}
