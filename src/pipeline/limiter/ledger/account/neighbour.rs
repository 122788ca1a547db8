//! Another client of the same quota: how it is noticed, and what is left to it.
//!
//! A refusal though there should be room means that another client takes a part. Then half of the
//! quota is ours, and in each window a little more of what the others leave. A stated time says less
//! than it would without them, because it may be one of their calls that makes room.

use super::lesson::MOMENT_US;
use super::{Account, LONGEST_MS, MINUTE_MS, Refused, USUAL_MS, Window};
use crate::pipeline::provider::stated_quota::Dimension;

impl Account {
    /// Somebody else takes a part of it: half of it is ours, and what they leave.
    pub(super) fn share(&mut self, now: u64, used: u64, limit: u64, stated: Option<u64>) {
        self.leave(now, used, limit / 2);
        self.shared = stated;
    }

    /// What was used is ours, if it is no more than this. If it was nothing, they had all of it,
    /// which says nothing of the next window.
    pub(super) fn leave(&mut self, now: u64, used: u64, most: u64) {
        if used > 0 {
            self.infer(now, used.min(most).max(1));
        }
    }

    /// The window may be a shorter one of the usual lengths: somebody's first call may have been
    /// before ours, but hardly long before.
    pub(super) fn shorten_to(&mut self, now: u64, sent: u64, free_at: u64) {
        let ms = usual_for(free_at.saturating_sub(self.oldest().unwrap_or(sent)));
        if ms < self.window_ms() {
            self.change(now, Window::Sliding { ms });
        }
    }

    /// A short window is longer than was thought, if hardly anything of it is ours: then it would
    /// be all theirs.
    pub(super) fn lengthen_to(&mut self, now: u64, sent: u64, all: u64) {
        let Window::Sliding { ms } = self.window else { return };
        let used = self.used_in(sent, ms);
        if ms < MINUTE_MS && used * 4 < all && self.used_in(sent, MINUTE_MS) > 2 * used {
            self.change(now, Window::Sliding { ms: MINUTE_MS });
        }
    }

    /// Whether a call that came when it was told to, and the first since, is refused as no bucket
    /// would, even if somebody else was quicker: for longer than it takes for it, or until another
    /// moment than those at which it gives something.
    pub(super) fn is_anothers(
        &self,
        refused: &Refused,
        (cut_at, opened_at): (u64, Option<u64>),
        (limit, free_at): (u64, u64),
    ) -> bool {
        let (Window::Bucket { unit_us, .. }, Some(opened_at)) = (self.window, opened_at) else {
            return false;
        };
        let Refused { sent, amount, .. } = *refused;
        let is_first = sent >= opened_at && self.last_taken(sent) < opened_at;
        let wait_us = free_at.saturating_sub(sent) * 1000;
        if !is_first || refused.is_coarse() || wait_us <= MOMENT_US {
            return false;
        }
        let usual = USUAL_MS.map(|ms| (ms * 1000).div_ceil(limit));
        let amounts_us = [usual[0], usual[1], unit_us].map(|us| us.saturating_mul(amount).max(1));
        // If refused calls take of it as well, it takes so long from one of them.
        let from_us = [cut_at, sent].map(|at| free_at.saturating_sub(at) * 1000);
        let is_drained = |us: &u64| from_us.iter().any(|from| from.abs_diff(*us) <= us / 10);
        let off_us = free_at.saturating_sub(opened_at) * 1000;
        let gives = |us: u64| {
            let off = off_us % us;
            let is_then = off.min(us - off) <= MOMENT_US.min(us / 10);
            wait_us <= us && (is_then || self.dimension == Dimension::Tokens)
        };
        !amounts_us.iter().any(is_drained) && !amounts_us.into_iter().any(gives)
    }
}

/// The shortest of the usual lengths that is as long as this, or this.
pub(super) fn usual_for(ms: u64) -> u64 {
    let usual = USUAL_MS.into_iter().rev().find(|usual| *usual >= ms);
    usual.unwrap_or(ms.min(LONGEST_MS))
}
