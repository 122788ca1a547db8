//! Somebody else who uses the same quota: how that is seen, and what is left to them.
//!
//! Who is refused though there should be room is not alone. Then half of the quota is ours, and in
//! each window a little more of what the others leave. A stated time says less than it would say
//! to somebody who is alone, because it may be one of their calls that makes room.

use super::lesson::{HEARD_MS, MOMENT_US, minute_unit_us};
use super::{Account, LONGEST_MS, MINUTE_MS, Refused, USUAL_MS, Window};
use crate::pipeline::quota::Dimension;

impl Account {
    /// Somebody else takes a part of it: half of it is ours, and what they leave.
    pub(super) fn share(&mut self, now: u64, used: u64, limit: u64, stated: Option<u64>) {
        self.leave(now, used, (limit / 4, limit / 2));
        self.shared = stated;
    }

    /// What was used is ours, if it is neither less nor more than this. If it was nothing, they had
    /// all of it, which says nothing of the next window.
    pub(super) fn leave(&mut self, now: u64, used: u64, (least, most): (u64, u64)) {
        if used > 0 {
            self.infer(now, used.max(least).min(most).max(1));
        }
    }

    /// Another length of the window than was thought is seen by the time that is stated for one of
    /// which somebody else takes a part.
    pub(super) fn show_length(&mut self, now: u64, sent: u64, free_at: Option<u64>, all: u64) {
        if let Some(ms) = free_at.and_then(|free_at| self.length_that_shows(sent, free_at, all)) {
            self.change(now, Window::Sliding { ms });
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

    /// That length: the time is further away than the window is long, or it is exactly when one of
    /// our calls leaves a window of another usual length. Or hardly anything of a short window is
    /// ours, as it would be if it were longer.
    fn length_that_shows(&self, sent: u64, free_at: u64, all: u64) -> Option<u64> {
        let Window::Sliding { ms: thought } = self.window else { return None };
        let wait_ms = free_at.saturating_sub(sent);
        if wait_ms > thought {
            return Some(usual_for(wait_ms));
        }
        let leaves =
            |ms: &u64| self.taken.iter().any(|(at, _)| (at + ms).abs_diff(free_at) <= HEARD_MS);
        let mut lengths = USUAL_MS.into_iter().filter(leaves);
        let shown = lengths.next().filter(|_| lengths.next().is_none());
        let used = self.used_in(sent, thought);
        let is_longer = used * 4 < all && self.used_in(sent, MINUTE_MS) > 2 * used;
        shown.or(is_longer.then_some(MINUTE_MS)).filter(|ms| *ms != thought)
    }

    /// Whether a call that came when it was told to, and the first since, is refused as no bucket
    /// would, even if somebody else was quicker: for longer than it takes for it, or until another
    /// moment than those at which it gives something. Nor is what was slowed down for that again and
    /// again.
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
        // Not even a refused call came in between, which may have taken of it.
        let is_first = sent >= opened_at
            && self.last_taken(sent) < opened_at
            && !self.refused.iter().any(|(at, _)| *at > cut_at && *at < sent);
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
        let is_overdone = unit_us > 2 * minute_unit_us(limit) && wait_us < amounts_us[2] / 2;
        !amounts_us.iter().any(is_drained) && (is_overdone || !amounts_us.into_iter().any(gives))
    }
}

/// The shortest of the usual lengths that is as long as this, or this.
pub(super) fn usual_for(ms: u64) -> u64 {
    let usual = USUAL_MS.into_iter().rev().find(|usual| *usual >= ms);
    usual.unwrap_or(ms.min(LONGEST_MS))
}
