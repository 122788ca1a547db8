//! Windows that begin anew at fixed times: how they are told from those that slide.
//!
//! A job that starts when such a window has just begun sees nothing of it that a sliding one would not
//! show as well, and loses little by taking it for that. A job that starts in its middle is let in
//! again sooner than a sliding window could allow: from this its begin and its length are known.

use super::lesson::SHORTEST_MS;
use super::{Account, LONGEST_MS, MARGIN_MS, Refused, Window, window};
use crate::pipeline::provider::stated_quota::Dimension;

/// How exactly a length is known that was measured from one stated time to the next.
const MEASURED_MS: u64 = 100;
/// How late the first call may come after a gate has opened.
const LATE_MS: u64 = 500;

/// What filled a window, as far as is known.
struct Filled {
    /// When the first of it was sent.
    first: u64,
    /// When the last was sent that it does not hold, if there is any.
    before: Option<u64>,
    /// When the last of it was sent.
    last: u64,
    /// How much it is.
    used: u64,
}

impl Account {
    /// The window that begins anew at fixed times, if nothing else explains a refusal: what fills
    /// it was admitted too soon for one that slides, and too much at once for a bucket.
    pub(super) fn begins_anew(
        &self,
        opened_at: Option<u64>,
        refused: &Refused,
        limit: u64,
        free_at: u64,
    ) -> Option<Window> {
        let Refused { sent, amount, .. } = *refused;
        let since = opened_at.and_then(|at| self.filled_since(at, sent, amount, limit));
        let opened_at = opened_at.filter(|_| since.is_some());
        let filled = since.or_else(|| self.filled(sent, amount, limit));
        // When it begins is to be known exactly.
        let is_clear = !self.is_bucket() && !self.refused_count && !refused.is_coarse();
        let filled = filled.filter(|_| is_clear)?;
        let Filled { first, before, last, .. } = filled;
        // It is at least as long as from the first of them until it has room again.
        let least_ms = free_at.saturating_sub(opened_at.unwrap_or(first));
        // A service that states a length states it in seconds.
        let seconds_ms = (least_ms + 1000 - MEASURED_MS) / 1000 * 1000;
        let ms = match opened_at {
            Some(begun) if first > begun + LATE_MS => return None,
            Some(begun) if filled.drips(begun, amount, limit, free_at) => return None,
            Some(_) if seconds_ms <= least_ms + MEASURED_MS => seconds_ms,
            Some(_) => least_ms,
            // It began between two calls.
            None if self.dimension == Dimension::Tokens => return None,
            None if self.drips(&filled, refused, free_at) => return None,
            None if seconds_ms < free_at.saturating_sub(before?) => seconds_ms,
            None => return None,
        };
        // If it slid, it would have had no room yet for the first of them, or the last.
        let held = |at| self.used_in(at, least_ms.saturating_sub(MEASURED_MS));
        if held(first).max(held(last)) <= limit {
            return None;
        }
        let is_possible = (SHORTEST_MS..=LONGEST_MS).contains(&ms);
        is_possible.then_some(Window::Fixed { ms, begins: free_at })
    }

    /// What was taken since a gate has opened, if it leaves no room for `amount`, and did until now.
    fn filled_since(&self, opened_at: u64, sent: u64, amount: u64, limit: u64) -> Option<Filled> {
        let since = || self.taken.iter().filter(|(at, _)| (opened_at..=sent).contains(at));
        let used: u64 = since().map(|(_, taken)| taken).sum();
        // What was sent in the same moment may be refused as well.
        let surely: u64 = since().filter(|(at, _)| *at < sent).map(|(_, taken)| taken).sum();
        let (first, last) = (since().next()?.0, since().next_back()?.0);
        let is_filled = surely <= limit && used + amount > limit;
        is_filled.then_some(Filled { first, before: None, last, used: used.min(limit) })
    }

    /// The last calls that together leave no room for `amount`.
    fn filled(&self, sent: u64, amount: u64, limit: u64) -> Option<Filled> {
        // What was sent in the same moment may be refused as well.
        let mut calls = self.taken.iter().rev().filter(|(at, _)| *at < sent);
        let (mut used, mut last) = (0, None);
        let first = calls.find(|(at, taken)| {
            used += taken;
            last.get_or_insert(*at);
            used + amount > limit
        });
        let before = calls.next().map(|(at, _)| *at);
        Some(Filled { first: first?.0, before, last: last?, used })
    }

    /// Whether a bucket that was full at the first call would give the next unit at that time.
    fn drips(&self, filled: &Filled, refused: &Refused, free_at: u64) -> bool {
        let first = self.taken.front().map_or(filled.first, |(at, _)| *at);
        let before = self.taken.iter().filter(|(at, _)| *at < refused.sent);
        let all: u64 = before.map(|(_, taken)| taken).sum();
        let given = all.saturating_sub(filled.used);
        let wait_ms = free_at.saturating_sub(refused.sent);
        wait_ms.saturating_mul(given) <= (filled.last - first) * 11 / 10
    }

    /// A refusal by a window that is thought to begin anew at fixed times.
    pub(super) fn refused_by_fixed(
        &mut self,
        (ms, begins): (u64, u64),
        now: u64,
        refused: &Refused,
        (limit, free_at): (u64, u64),
    ) {
        let Refused { sent, amount, stated, .. } = *refused;
        let begun = window::begun(ms, begins, sent);
        if (begun + ms).abs_diff(free_at) > MARGIN_MS.min(ms / 20) {
            // It begins anew when it is first used, or slides.
            self.window = Window::Sliding { ms };
            return;
        }
        let used = self.used_before(sent);
        let inside = |(at, _): &&(u64, u64)| (begun..=sent).contains(at);
        let refused: u64 = self.refused.iter().filter(inside).map(|(_, amount)| amount).sum();
        if used + amount > limit {
            // As expected.
        } else if used + refused + amount > limit {
            self.count_refused(sent, amount);
        } else {
            self.share(now, used, limit, stated);
        }
    }
}

impl Filled {
    /// Whether a bucket that was empty at that time would have given as much since.
    fn drips(&self, empty_at: u64, amount: u64, limit: u64, free_at: u64) -> bool {
        let ms = (free_at - empty_at).max(1);
        let dripped = (self.last - empty_at).saturating_mul(limit) / ms;
        self.used <= dripped + amount + limit / 20
    }
}
