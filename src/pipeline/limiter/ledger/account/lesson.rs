//! What a refusal teaches about a quota: how much it allows, in what kind of window, how long.

use super::neighbour::usual_for;
use super::{
    AS_GOOD_AS, Account, COARSE_MS, LATEST_US, LONGEST_MS, MINUTE_MS, MOST, Refused, USUAL_MS,
    Unproved, Window,
};
use crate::pipeline::provider::stated_quota::Dimension;

/// How exactly two times must agree that are both known only through the network.
const AGREES_MS: u64 = 1_600;
/// The same where it would be a strange coincidence.
const EXACTLY_MS: u64 = 100;
/// A bucket that gives a unit in less is faster than calls come at first.
const FAST_US: u64 = 200_000;
/// The shortest length that is named.
const SECOND_MS: u64 = 1000;
/// How exactly it is known between calls how much time has passed, and how exactly a length has to
/// be known to see that it is a whole number of seconds.
const HEARD_MS: u64 = 20;
const KNOWN_MS: u64 = 100;
/// How exactly a bucket's next unit comes at the stated time.
pub(super) const MOMENT_US: u64 = 50_000;
/// No window is shorter, as far as one can tell.
pub(super) const SHORTEST_MS: u64 = 500;

impl Account {
    /// Learns what is left to learn from the refusal of a call that was on its way at the last one.
    pub(crate) fn confirm(&mut self, refused: &Refused) {
        self.was_emptied(refused, self.opened_at);
    }

    /// Learns from a refusal. The refused call is no longer in the account.
    #[expect(clippy::too_many_lines, reason = "a limiter of another design will take its place")]
    pub(crate) fn learn(&mut self, now: u64, refused: Refused) {
        let Refused { sent, amount, stated, free_at } = refused;
        let stated = stated.map(|stated| stated.min(MOST));
        let known_before = self.allowed;
        self.retreat(now, sent);
        let used = self.used_before(sent);
        let known = self.allowed;
        if let Some(all) = self.shared.filter(|all| stated == Some(*all) && used + amount <= *all) {
            self.lengthen_to(now, sent, all);
            // As before: somebody else was quicker. More than was good has been taken back already.
            if self.allowed == known_before {
                self.leave(now, self.used_before(sent), all / 2);
            }
            return;
        }
        let limit = stated.or(known.map(|known| known.amount)).unwrap_or(used).max(1);
        let is_full = used + amount > limit;
        if let Some(stated) = stated {
            self.shared = None;
            self.state(now, stated);
            if used == 0 && amount * 20 > stated * AS_GOOD_AS && amount > 1 {
                if amount > stated || self.hardly.is_some_and(|hardly| amount >= hardly) {
                    self.refuse_for_ever(amount);
                }
                self.hardly = Some(self.hardly.map_or(amount, |hardly| hardly.min(amount)));
                // It held nothing, so that no more than all of it is waited for.
                let wait_ms = free_at.map_or(0, |at| at.saturating_sub(sent));
                let is_shorter = (SHORTEST_MS..self.window_ms()).contains(&wait_ms);
                if is_shorter && self.opened_at.is_none() && !self.is_bucket() {
                    self.change(now, Window::Sliding { ms: wait_ms });
                }
                return;
            }
            if amount > stated {
                // It fits into no window, so that its wait says nothing about them.
                return;
            }
        }
        let Some(free_at) = free_at else {
            if is_full && known.is_some() || stated.is_some() && used == 0 {
                // As expected; or somebody else had it all, which says nothing of how much it is.
                return;
            }
            // Nothing was said: what was admitted is what is allowed, as far as one can tell.
            self.infer(now, used.max(1));
            self.shared = stated.or(self.shared);
            return;
        };
        let opened_at = self.opened_at.replace(free_at);
        let cut_at = std::mem::replace(&mut self.cut_at, sent);
        let was_stated = known_before.is_some_and(|known| !known.is_inferred);
        if was_stated && known_before != self.allowed && !self.is_bucket() {
            // It is another amount now, and was used by what it was: that says nothing of windows.
            return;
        }
        if let Some(window) = self.begins_anew(opened_at, &refused, limit, free_at) {
            (self.window, self.unproved) = (window, None);
            if self.allowed.is_none() {
                self.infer(now, limit);
            }
            return;
        }
        if let Window::Fixed { ms, begins } = self.window {
            self.refused_by_fixed((ms, begins), now, &refused, (limit, free_at));
            return;
        }
        if self.is_bucket() {
            if self.is_decided(&refused, free_at) {
                return;
            }
            self.rival = None;
            if self.is_anothers(&refused, (cut_at, opened_at), (limit, free_at)) {
                self.change(now, Window::Sliding { ms: usual_for(free_at.saturating_sub(sent)) });
                self.share(now, self.used_before(sent), limit, stated);
            } else {
                self.slow_down(refused, opened_at, (limit, free_at));
            }
            return;
        }
        if is_full && self.agrees(sent, amount, limit, free_at) {
            // As expected: only the amount was unknown, or the window a moment longer.
            self.unproved = None;
            if self.allowed.is_none() {
                self.infer(now, limit);
            }
            return;
        }
        if let Some(unit_us) = self.pace_since(opened_at, sent, amount, (limit, free_at)) {
            // Up to a second too much, where it was rounded.
            let usual_us = minute_unit_us(limit);
            let rounded_us = usual_us..=usual_us + COARSE_MS * 1000;
            let is_usual = refused.is_coarse() && rounded_us.contains(&unit_us);
            let unit_us = if is_usual { usual_us } else { unit_us };
            self.change(now, Window::Bucket { unit_us, free_us: free_at * 1000 });
            return;
        }
        if !is_full && !self.refused_count && self.agrees_with_refused(sent, amount, limit, free_at)
        {
            // What a longer window would explain as well is explained exactly by refused calls.
            self.count_refused(sent, amount);
            return;
        }
        if let (true, false, Window::Sliding { ms }) = (self.refused_count, is_full, self.window) {
            // Even with them it should have had room: a window of no known kind, but longer.
            let longer = ms * 5 / 4;
            if longer <= 2 * self.proved_ms() {
                self.change(now, Window::Sliding { ms: longer.min(LONGEST_MS) });
                return;
            }
        }
        let unit_us = MINUTE_MS * 1000 / limit;
        let wait_us = free_at.saturating_sub(sent) * 1000;
        let all_us = unit_us.saturating_mul(amount);
        // A second that is rounded may be no time at all.
        let is_rounded = refused.is_coarse() && wait_us <= COARSE_MS * 1000;
        let is_soon =
            is_rounded || wait_us <= all_us.saturating_add(all_us / 10).saturating_add(200_000);
        let fits = self.window_that_fits(sent, amount, limit, free_at);
        let usual = |within: u64| {
            USUAL_MS.into_iter().find(|usual| fits.is_some_and(|ms| usual.abs_diff(ms) <= within))
        };
        if let Some(ms) = usual(EXACTLY_MS) {
            self.change(now, Window::Sliding { ms });
            // A bucket might give something back as soon.
            self.unproved = self.unproved.filter(|_| is_soon);
            if self.allowed.is_none() {
                self.infer(now, limit);
            }
            return;
        }
        // An odd length is believed if it is a little more than was thought, or up to twice what
        // has proved right where that is not proved yet; or if a proved window is full and no bucket
        // explains it. Should it be something else, the next refusal comes where this window has
        // room; the bounds keep another client's usage from inflating the estimate.
        let (thought, is_proved) = (self.window_ms(), self.unproved.is_none());
        let most = if is_proved { thought + thought / 8 } else { 2 * self.proved_ms() };
        let is_evenly = self.is_evenly(amount, limit, sent, free_at);
        // A service that states a length states it in seconds.
        let named = fits.map(|ms| if refused.is_coarse() { ms } else { ms.max(SECOND_MS) });
        let is_believed = |ms: &u64| {
            // After a second that was rounded, only what is no bucket already.
            (thought..=most).contains(ms) && (!is_rounded || thought != MINUTE_MS)
                || is_proved && is_full && !is_evenly && !is_rounded
        };
        if let Some(ms) = named.filter(|ms| *ms >= SHORTEST_MS).filter(is_believed) {
            self.change(now, Window::Sliding { ms });
            if self.allowed.is_none() {
                self.infer(now, limit);
            }
            return;
        }
        // This one is among them.
        let with_refused = used + self.refused_before(sent);
        if !is_full && with_refused > limit {
            // The window is full only if refused calls are in it.
            self.count_refused(sent, amount);
            return;
        }
        if self.allowed.is_none() {
            self.infer(now, limit);
        }
        if is_soon {
            // Some of it comes back sooner than any window would end: it comes back evenly. One
            // unit takes at least as long as this wait, and no longer where no usual length agrees:
            // what is too fast is refused and measured, what is too slow would never be known.
            let lengths = self.lengths(amount, limit, sent, free_at).rev();
            let unit_us = lengths
                .map(|ms| (ms * 1000).div_ceil(limit))
                .find(|usual| {
                    // What is stated in whole seconds says that it is no slower, and no more.
                    refused.is_coarse() && *usual == minute_unit_us(limit)
                        || usual.saturating_mul(amount) >= wait_us
                            && self.comes_evenly(
                                usual.saturating_mul(amount),
                                sent,
                                free_at,
                                MOMENT_US,
                            )
                })
                .unwrap_or((wait_us / amount.max(1)).max(1));
            self.change(now, Window::Bucket { unit_us, free_us: free_at * 1000 });
            self.rivalled_by(
                named.filter(|_| refused.is_coarse() || !self.is_twice(amount, limit, sent)),
                &refused,
                free_at,
            );
            return;
        }
        if let Some(ms) = usual(AGREES_MS).or(fits) {
            self.change(now, Window::Sliding { ms });
        } else if !is_full {
            if known_before.is_none_or(|known| known.is_inferred) {
                self.shorten_to(now, sent, free_at);
            }
            self.share(now, used, limit, stated);
        }
    }

    pub(super) fn is_bucket(&self) -> bool {
        matches!(self.window, Window::Bucket { .. })
    }

    /// Refused calls take of it as well: so did those that were refused so far, and this one.
    pub(super) fn count_refused(&mut self, sent: u64, amount: u64) {
        self.refused_count = true;
        self.taken.extend(self.refused.drain(..));
        self.taken.push_back((sent, amount));
        self.taken.make_contiguous().sort_unstable();
        self.sum_up();
    }

    /// A window of an odd length that takes only a few calls when it opens again is a bucket. Gives
    /// the time of a unit: the few have emptied it.
    fn pace_since(
        &self,
        opened_at: Option<u64>,
        sent: u64,
        amount: u64,
        (limit, free_at): (u64, u64),
    ) -> Option<u64> {
        let opened_at = opened_at.filter(|_| self.is_unproved() && !self.refused_count)?;
        let since = |(at, _): &&(u64, u64)| (opened_at..=sent).contains(at);
        let taken: u64 = self.taken.iter().filter(since).map(|(_, taken)| taken).sum();
        let (last, _) = self.taken.back().filter(|(at, _)| *at < sent)?;
        let is_little = taken > 0 && (taken + amount) * 2 <= limit;
        is_little.then(|| ((free_at - last) * 1000 / amount.max(1)).clamp(1, LONGEST_MS * 1000))
    }

    /// Whether a refusal says that the call refused before it, which was told to come again at
    /// `opened_at`, has taken all that was left in a bucket. Then so does every refused call, and
    /// this one.
    fn was_emptied(&mut self, refused: &Refused, opened_at: Option<u64>) -> bool {
        let (Window::Bucket { unit_us, .. }, Some(free_at)) = (self.window, refused.free_at) else {
            return false;
        };
        let Refused { sent, amount, .. } = *refused;
        let amount_us = unit_us.saturating_mul(amount);
        let moment_us = MOMENT_US.min(amount_us / 20);
        let before = self.refused.iter().rev().map(|(at, _)| *at).find(|at| *at < sent);
        let given_us = |at: u64| (at * 1000).saturating_add(amount_us).min(LATEST_US);
        let agrees = |at: &u64| given_us(*at).abs_diff(free_at * 1000) <= moment_us;
        // What was admitted after it would explain the wait as well.
        let is_last = |at: &u64| !self.taken.iter().any(|(taken, _)| (*at..sent).contains(taken));
        let is_later = opened_at.is_some_and(|at| free_at * 1000 > at * 1000 + moment_us);
        if !is_later || !before.filter(agrees).is_some_and(|at| is_last(&at)) {
            return false;
        }
        self.refused_count = true;
        self.window = Window::Bucket { unit_us, free_us: given_us(sent) };
        true
    }

    /// A bucket that gives less than was thought.
    fn slow_down(
        &mut self,
        refused: Refused,
        opened_at: Option<u64>,
        (limit, free_at): (u64, u64),
    ) {
        let Window::Bucket { unit_us: thought_us, free_us } = self.window else { return };
        let Refused { sent, amount, .. } = refused;
        if free_us <= sent * 1000 && self.was_emptied(&refused, opened_at) {
            return;
        }
        // It was not empty yet when the last call was taken, so that a unit takes at least this.
        let last = self.taken.back().map(|(at, _)| *at).filter(|at| *at < sent);
        let early_ms = if refused.is_coarse() { COARSE_MS } else { 0 };
        let measured_ms = last.map_or(0, |last| (free_at - last).saturating_sub(early_ms));
        let measured_us = measured_ms * 1000 / amount.max(1);
        let usual = USUAL_MS.map(|ms| (ms * 1000).div_ceil(limit));
        // If nobody else took of it meanwhile: so that not any length is believed at once.
        let most_us = 2 * thought_us.max(usual.into_iter().max().unwrap_or(0));
        let least_us = measured_us.min(most_us).max(thought_us + thought_us / 30);
        // Slower than that by measure: then it is the next. Otherwise it is only a little slower.
        let is_meant = |usual: &u64| {
            // What is fast is measured with calls still on their way, so that the next is meant.
            *usual < FAST_US && *usual >= measured_us || usual.abs_diff(least_us) <= least_us / 20
        };
        let unit_us = usual
            .into_iter()
            .rev()
            .filter(|usual| *usual > thought_us)
            .find(is_meant)
            .unwrap_or(least_us)
            .min(LONGEST_MS * 1000);
        // Clearly too early for a bucket that was full of what it had promised, and no slower by
        // measure: refused calls take as well.
        let is_slower = measured_us > thought_us + thought_us / 30;
        let is_clear = (free_at - sent) * 4000 >= thought_us;
        self.refused_count |= free_us <= sent * 1000 && is_clear && !is_slower;
        let next = if self.refused_count { sent * 1000 + unit_us } else { 0 };
        self.window = Window::Bucket { unit_us, free_us: next.max(free_at * 1000) };
    }

    pub(super) fn change(&mut self, now: u64, window: Window) {
        self.rival = None;
        let proved_ms = self.proved_ms();
        self.window = window;
        if let Some(probing) = &mut self.probing {
            probing.stop_shortening();
        }
        self.unproved = Some(Unproved { since: now, proved_ms });
    }

    /// The length of the window that proved right last.
    fn proved_ms(&self) -> u64 {
        self.unproved.map_or_else(|| self.window_ms(), |unproved| unproved.proved_ms)
    }

    /// Whether the window has not proved right yet.
    pub(crate) fn is_unproved(&self) -> bool {
        // A bucket keeps its own pace.
        self.unproved.is_some() && !self.is_bucket()
    }

    fn refused_before(&self, at: u64) -> u64 {
        let ms = self.window_ms();
        let inside = |(sent, _): &&(u64, u64)| *sent <= at && sent + ms > at;
        self.refused.iter().filter(inside).map(|(_, amount)| amount).sum()
    }

    /// Whether the stated time is that at which the window as it is known would have room.
    fn agrees(&self, sent: u64, amount: u64, limit: u64, free_at: u64) -> bool {
        let Window::Sliding { ms } = self.window else { return false };
        self.freeing(sent, amount, limit)
            .is_some_and(|at| (at + ms).abs_diff(free_at) <= AGREES_MS.min(ms / 20))
    }

    /// Whether it is that at which it would have room if the calls refused before had taken of it.
    fn agrees_with_refused(&self, sent: u64, amount: u64, limit: u64, free_at: u64) -> bool {
        let Window::Sliding { ms } = self.window else { return false };
        let inside = |(at, _): &&(u64, u64)| *at < sent && at + ms > sent;
        let mut all: Vec<(u64, u64)> =
            self.taken.iter().chain(&self.refused).filter(inside).copied().collect();
        all.sort_unstable();
        makes_room(&all, amount, limit)
            .is_some_and(|at| (at + ms).abs_diff(free_at) <= EXACTLY_MS.min(ms / 100))
    }

    /// When the amount was taken whose return makes room.
    fn freeing(&self, sent: u64, amount: u64, limit: u64) -> Option<u64> {
        let ms = self.window_ms();
        let inside = self.taken.iter().filter(|(at, _)| *at <= sent && at + ms > sent);
        makes_room(&inside.copied().collect::<Vec<_>>(), amount, limit)
    }

    /// How many units a bucket that was full at the first call will have given by the stated time,
    /// and in how long.
    fn given(&self, amount: u64, limit: u64, sent: u64, free_at: u64) -> (u64, u64) {
        let first = self.taken.front().map_or(sent, |(at, _)| *at);
        let taken: u64 = self.taken.iter().filter(|(at, _)| *at <= sent).map(|(_, n)| n).sum();
        ((taken + amount).saturating_sub(limit), free_at.saturating_sub(first) * 1000)
    }

    /// The lengths that a bucket's limit may be meant for, the longest first: the usual ones, and so
    /// many seconds as were measured.
    fn lengths(
        &self,
        amount: u64,
        limit: u64,
        sent: u64,
        free_at: u64,
    ) -> impl DoubleEndedIterator<Item = u64> {
        let (units, since_us) = self.given(amount, limit, sent, free_at);
        let measured_ms = (since_us / 1000).saturating_mul(limit) / units.max(1);
        let seconds_ms = measured_ms.saturating_add(SECOND_MS / 2) / SECOND_MS * SECOND_MS;
        let is_measured = self.dimension == Dimension::Requests
            && units > 1
            && HEARD_MS.saturating_mul(limit) <= KNOWN_MS.saturating_mul(units)
            && (SECOND_MS..USUAL_MS[1]).contains(&seconds_ms)
            && measured_ms.abs_diff(seconds_ms) <= KNOWN_MS;
        USUAL_MS.into_iter().chain(is_measured.then_some(seconds_ms))
    }

    /// Whether the next unit of a bucket may be meant by the stated time: of one that was full
    /// at the first call and has given as much since as was taken of it.
    fn is_evenly(&self, amount: u64, limit: u64, sent: u64, free_at: u64) -> bool {
        let (units, since_us) = self.given(amount, limit, sent, free_at);
        self.lengths(amount, limit, sent, free_at).any(|ms| {
            let unit_us = (ms * 1000).div_ceil(limit);
            let moment_us = MOMENT_US.min(unit_us.saturating_mul(amount) / 20);
            let is_so_many = self.dimension == Dimension::Tokens
                || unit_us < FAST_US
                || since_us.abs_diff(unit_us.saturating_mul(units)) <= moment_us;
            is_so_many
                && self.comes_evenly(unit_us.saturating_mul(amount), sent, free_at, moment_us)
        })
    }

    /// Whether a bucket has given more than the refused amount since the first call: what agrees
    /// with that is no coincidence.
    fn is_twice(&self, amount: u64, limit: u64, sent: u64) -> bool {
        self.dimension == Dimension::Requests && self.given(amount, limit, sent, sent).0 > amount
    }

    /// Whether a bucket whose next amount takes so long gives it at the stated time, give or take a
    /// moment.
    fn comes_evenly(&self, amount_us: u64, sent: u64, free_at: u64, moment_us: u64) -> bool {
        // What counts tokens takes them in lumps, so that nothing is told by the first call.
        if self.dimension == Dimension::Tokens {
            return true;
        }
        let wait_us = free_at.saturating_sub(sent) * 1000;
        let first = self.taken.front().map_or(sent, |(at, _)| *at);
        let off = free_at.saturating_sub(first) * 1000 % amount_us;
        // A bucket that gives faster than calls come stays full for a while.
        let is_fast = amount_us < FAST_US;
        wait_us <= amount_us.saturating_add(20_000)
            && (is_fast || off.min(amount_us - off) <= moment_us)
    }

    /// The length of a window that would be full now and have room at the stated time.
    fn window_that_fits(&self, sent: u64, amount: u64, limit: u64, free_at: u64) -> Option<u64> {
        let mut recent = 0;
        for (at, taken) in self.taken.iter().rev().filter(|(at, _)| *at <= sent) {
            recent += taken;
            if recent + amount > limit {
                return Some(free_at - at).filter(|ms| at + ms > sent);
            }
        }
        None
    }
}

/// The time of a unit, if `limit` of them are given in a minute.
fn minute_unit_us(limit: u64) -> u64 {
    (MINUTE_MS * 1000).div_ceil(limit)
}

/// When the usage of a full window was taken whose return makes room for `amount`.
fn makes_room(full: &[(u64, u64)], amount: u64, limit: u64) -> Option<u64> {
    let mut used: u64 = full.iter().map(|(_, taken)| taken).sum();
    let last = full.iter().find(|(_, taken)| {
        used -= taken;
        used + amount <= limit
    });
    last.map(|(at, _)| *at)
}
