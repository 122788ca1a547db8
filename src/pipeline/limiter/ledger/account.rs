//! What was taken of one quota, and when more of it is free.
//!
//! Times are milliseconds by the ledger's clock.

mod fixed;
mod lesson;
mod memory;
mod neighbour;
mod probing;
mod rival;
mod room;
mod window;

use std::collections::VecDeque;

use self::probing::Probing;
use self::rival::Rival;
pub(super) use self::window::Window;
use crate::pipeline::provider::stated_quota::Dimension;

/// The window that every service names first.
pub(super) const MINUTE_MS: u64 = 60_000;
/// A call may take this much longer on its way than one before it: windows are taken to be so
/// much longer than they are.
const MARGIN_MS: u64 = 60;
/// No quota is larger, whoever says so.
pub(super) const MOST: u64 = 1_000_000_000_000;
/// Of a limit, what is as good as all of it, in twentieths.
const AS_GOOD_AS: u64 = 19;
/// No window is longer.
pub(super) const LONGEST_MS: u64 = 864_000_000;
/// No time is later: it is never, and can still be calculated with.
const LATEST_US: u64 = 1 << 60;
/// What was stated so long ago may be another amount by now: services reset quotas daily, and change
/// what a key may take when somebody pays.
const STALE_MS: u64 = 86_400_000;
/// The last calls that are kept, however old they are.
const KEPT: usize = 256;
/// The lengths that windows usually have.
const USUAL_MS: [u64; 2] = [MINUTE_MS, 10_000];
/// What is stated in whole seconds is rounded up by this at most.
const COARSE_MS: u64 = 1000;

/// How much a window allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) amount: u64,
    /// Counted from what was admitted, and not stated by the service.
    pub(super) is_inferred: bool,
}

/// One quota's account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) dimension: Dimension,
    pub(super) allowed: Option<Allowed>,
    pub(super) window: Window,
    /// When the last refusal said that there would be room.
    opened_at: Option<u64>,
    /// When the call was sent that it refused.
    cut_at: u64,
    /// When the service stated it last.
    stated_at: u64,
    /// When what was taken, and how much; calls in flight with what they are expected to take.
    taken: VecDeque<(u64, u64)>,
    /// All of that together.
    taken_in_all: u64,
    /// The same of refused calls, which may count as well. Where they are known to and the service
    /// says so, they are in `taken`; where it says nothing they stay here, because from `taken` a
    /// pace is measured.
    refused: VecDeque<(u64, u64)>,
    pub(super) refused_count: bool,
    /// The window is thought to be another one than was thought before.
    unproved: Option<Unproved>,
    /// For an inferred amount: how more of it is tried.
    probing: Option<Probing>,
    /// The smallest amount that an empty window refused, as far as is known: another client may have
    /// used it.
    hardly: Option<u64>,
    /// The same, refused a second time by a window that should have been empty.
    never: Option<u64>,
    /// The amount that a window allows to all clients together, where there are others.
    shared: Option<u64>,
    /// What is taken for a bucket may be a window.
    rival: Option<Rival>,
}

/// A window that has not proved right yet.
#[derive(Debug, Clone, Copy)]
struct Unproved {
    /// Since when it is thought to be so.
    since: u64,
    /// The length that proved right last.
    proved_ms: u64,
}

/// What a refusal says of one quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    /// When the call was sent.
    pub(super) sent: u64,
    /// What it would have taken.
    pub(super) amount: u64,
    /// The limit, if it was stated.
    pub(super) stated: Option<u64>,
    /// When it would be taken, if that was stated.
    pub(super) free_at: Option<u64>,
}

impl Refused {
    /// Whether the time was stated in whole seconds: then it may be up to one earlier.
    fn is_coarse(&self) -> bool {
        self.free_at.is_some_and(|at| at.saturating_sub(self.sent).is_multiple_of(COARSE_MS))
    }
}

impl Account {
    pub(super) fn new(dimension: Dimension) -> Self {
        Self {
            dimension,
            allowed: None,
            window: Window::Sliding { ms: MINUTE_MS },
            opened_at: None,
            cut_at: 0,
            stated_at: 0,
            taken: VecDeque::new(),
            taken_in_all: 0,
            refused: VecDeque::new(),
            refused_count: false,
            unproved: None,
            probing: None,
            hardly: None,
            never: None,
            shared: None,
            rival: None,
        }
    }

    /// The length of the window.
    pub(super) fn window_ms(&self) -> u64 {
        match (self.window, self.allowed) {
            (Window::Sliding { ms } | Window::Fixed { ms, .. }, _) => ms,
            (Window::Bucket { unit_us, .. }, Some(allowed)) => {
                (unit_us.saturating_mul(allowed.amount) / 1000).min(LONGEST_MS)
            }
            (Window::Bucket { .. }, None) => MINUTE_MS,
        }
    }

    /// Whether `amount` can never be free at once: it is more than the service says that a window
    /// allows (estimates may be a little too large), or an empty window refused as much.
    pub(super) fn is_too_large(&self, amount: u64) -> bool {
        let stated = self.allowed.filter(|allowed| !allowed.is_inferred);
        stated.is_some_and(|allowed| amount * AS_GOOD_AS > allowed.amount * 20)
            || self.never.is_some_and(|never| amount >= never)
    }

    /// Takes an amount.
    pub(super) fn take(&mut self, now: u64, amount: u64) {
        let stated = self.allowed.filter(|allowed| !allowed.is_inferred);
        if let Some(stated) = stated.filter(|_| now > self.stated_at.saturating_add(STALE_MS)) {
            // As good as inferred: more of it is tried as soon as a window is full.
            self.infer(now, stated.amount);
            if let Some(probing) = &mut self.probing {
                (probing.due, probing.is_fresh) = (now, false);
            }
        }
        self.ask(now, amount);
        self.taken.push_back((now, amount));
        self.taken_in_all = self.taken_in_all.saturating_add(amount);
        if let Window::Bucket { unit_us, free_us } = &mut self.window {
            let taken_us = unit_us.saturating_mul(amount);
            *free_us = (*free_us).max(now * 1000).saturating_add(taken_us).min(LATEST_US);
        }
        self.forget(now);
    }

    /// What no window can hold any more is forgotten.
    fn forget(&mut self, now: u64) {
        let longest = (2 * self.window_ms()).max(2 * MINUTE_MS);
        // As long as nothing is known, the window may prove longer than that.
        let kept = if self.allowed.is_none() { KEPT } else { 0 };
        let mut gone = 0;
        for (log, is_taken) in [(&mut self.taken, 1), (&mut self.refused, 0)] {
            while log.len() > kept
                && let Some((_, amount)) = log.pop_front_if(|(at, _)| *at + longest < now)
            {
                gone += amount * is_taken;
            }
        }
        self.taken_in_all = self.taken_in_all.saturating_sub(gone);
    }

    /// A call that was answered took another amount than was expected. More of a limit that was only
    /// inferred may have been admitted by that: then it is larger.
    pub(super) fn settle(&mut self, sent: u64, expected: u64, took: u64) {
        // Nobody takes more than that, whatever is reported.
        let took = took.min(MOST);
        if let Some(entry) = self.entry(sent, expected) {
            entry.1 = took;
            self.taken_in_all = self.taken_in_all.saturating_add(took).saturating_sub(expected);
        }
        if let Window::Bucket { unit_us, free_us } = &mut self.window {
            let longer = free_us.saturating_add(unit_us.saturating_mul(took)).min(LATEST_US);
            *free_us = longer.saturating_sub(unit_us.saturating_mul(expected));
        }
        let inferred = self.allowed.filter(|allowed| allowed.is_inferred && took > expected);
        if let (Some(inferred), Window::Sliding { ms }) = (inferred, self.window) {
            let admitted = self.used_in(sent, ms);
            if admitted > inferred.amount {
                self.infer(sent, admitted);
            }
        }
    }

    fn entry(&mut self, sent: u64, amount: u64) -> Option<&mut (u64, u64)> {
        self.taken.iter_mut().rev().find(|entry| **entry == (sent, amount))
    }

    /// A call took nothing after all.
    pub(super) fn give_back(&mut self, sent: u64, amount: u64, was_refused: bool) {
        if was_refused && self.refused_count {
            return;
        }
        if let Some(at) = self.taken.iter().rposition(|entry| *entry == (sent, amount)) {
            self.taken.remove(at);
            self.taken_in_all = self.taken_in_all.saturating_sub(amount);
            if let Window::Bucket { unit_us, free_us } = &mut self.window {
                *free_us = free_us.saturating_sub(unit_us.saturating_mul(amount));
            }
        }
        if was_refused {
            self.refused.push_back((sent, amount));
        } else {
            self.ask_again(sent);
        }
    }

    /// A call was refused without a word, which may have taken of it all the same.
    pub(super) fn note_refused(&mut self, sent: u64) {
        self.refused.push_back((sent, 1));
    }

    /// Adds up what was taken, after it was written anew.
    fn sum_up(&mut self) {
        self.taken_in_all =
            self.taken.iter().fold(0, |sum: u64, (_, taken)| sum.saturating_add(*taken));
    }

    /// Whether less than `amount` was taken in all, as far back as is known: then no window holds it.
    fn is_far_from(&self, amount: u64) -> bool {
        self.taken_in_all < amount
    }

    /// What was taken in the window that ends with `at`, or holds it.
    pub(super) fn used_before(&self, at: u64) -> u64 {
        self.used_in(at, self.window.held_ms(at).unwrap_or_else(|| self.window_ms()))
    }

    /// The service states its limit.
    pub(super) fn state(&mut self, now: u64, amount: u64) {
        self.stated_at = now;
        let amount = amount.clamp(1, MOST);
        if self.shared == Some(amount) {
            // That is what all together may have.
            return;
        }
        let before = self.allowed.filter(|allowed| !allowed.is_inferred);
        if before.is_none_or(|before| before.amount != amount) {
            // What never fitted may fit into another window.
            (self.hardly, self.never) = (None, None);
        }
        if let (Some(before), Window::Bucket { unit_us, .. }) = (before, &mut self.window) {
            *unit_us = (unit_us.saturating_mul(before.amount) / amount).max(1);
        }
        self.shared = None;
        self.allowed = Some(Allowed { amount, is_inferred: false });
        self.probing = None;
    }

    /// Forgets an amount that was inferred; whether there was one.
    pub(super) fn forget_inferred(&mut self) -> bool {
        let is_inferred = self.allowed.is_some_and(|allowed| allowed.is_inferred);
        if is_inferred && !self.is_bucket() {
            self.allowed = None;
            self.probing = None;
        }
        is_inferred && !self.is_bucket()
    }

    /// The quota gives back evenly, one unit in `unit_ms`, as far as is known.
    pub(super) fn infer_bucket(&mut self, now: u64, unit_ms: u64) {
        let amount = (MINUTE_MS / unit_ms.max(1)).max(1);
        self.window = Window::Bucket { unit_us: unit_ms * 1000, free_us: (now + unit_ms) * 1000 };
        self.infer(now, amount);
    }

    /// It gives back evenly what was admitted since then, or a little more.
    pub(super) fn try_pace(&mut self, now: u64, since: u64) {
        let unit_us = self.unit_us_since(now, since) * 4 / 5;
        let amount = (MINUTE_MS * 1000 / unit_us.max(1)).max(1);
        self.window = Window::Bucket { unit_us: unit_us.max(1), free_us: now * 1000 + unit_us };
        self.infer(now, amount);
    }

    /// It gives back a little more than was thought.
    pub(super) fn hasten(&mut self) {
        if let (Window::Bucket { unit_us, .. }, Some(allowed)) =
            (&mut self.window, &mut self.allowed)
        {
            *unit_us = (*unit_us * 7 / 8).max(1);
            allowed.amount = (MINUTE_MS * 1000 / *unit_us).max(1);
            if let Some(probing) = &mut self.probing {
                probing.good = allowed.amount;
            }
        }
    }

    /// The time for each of those that were admitted since then.
    fn unit_us_since(&self, now: u64, since: u64) -> u64 {
        let ms = (now - since).clamp(1, MINUTE_MS);
        (ms * 1000).div_ceil(self.used_in(now, ms).max(1))
    }

    /// It is no bucket after all, and nothing is known of it.
    pub(super) fn forget_bucket(&mut self) {
        self.window = Window::Sliding { ms: MINUTE_MS };
        (self.allowed, self.probing) = (None, None);
    }

    /// Notes that `amount` can never be free at once.
    pub(super) fn refuse_for_ever(&mut self, amount: u64) {
        self.never = Some(self.never.map_or(amount, |never| never.min(amount)));
    }

    /// What is doubtful becomes what was used; but not again, before a wall is looked for.
    pub(super) fn shrink(&mut self, now: u64, used: u64) {
        self.infer(now, used);
        if let Some(probing) = &mut self.probing {
            probing.is_fresh = false;
        }
    }

    /// Whether a window with `used` in it may be full, as far as is known.
    pub(super) fn explains(&self, used: u64) -> bool {
        match self.allowed {
            Some(_) if self.is_bucket() => false,
            Some(allowed) => allowed.is_inferred || used * 20 >= allowed.amount * AS_GOOD_AS,
            None => used > 0,
        }
    }

    /// Whether it is a bucket whose pace was inferred.
    pub(super) fn is_inferred_bucket(&self) -> bool {
        self.is_bucket() && self.allowed.is_some_and(|allowed| allowed.is_inferred)
    }

    /// A bucket whose pace was inferred gives less than that: just enough less that it would have
    /// carried the calls in a row that it did carry, or, where the pace is tried since a time, what
    /// it gave since then. Gives the time of a unit as it was.
    pub(super) fn ease(&mut self, now: u64, tried_since: Option<u64>, carried: u64) -> Option<u64> {
        let measured_us = tried_since.map(|since| self.unit_us_since(now, since));
        let Window::Bucket { unit_us, free_us } = &mut self.window else { return None };
        let before = *unit_us;
        let slower = before.saturating_mul(carried + 10) / (carried + 8);
        let eased = measured_us.map_or(slower, |us| us.clamp(before * 65 / 64, before * 2));
        *unit_us = eased.min(LONGEST_MS * 1000);
        *free_us = now * 1000 + *unit_us;
        Some(before)
    }

    /// It was eased in vain: the pace was right.
    pub(super) fn undo_ease(&mut self, before_us: u64) {
        if let Window::Bucket { unit_us, .. } = &mut self.window {
            *unit_us = before_us;
        }
    }

    /// Whether an inferred amount has not proved right yet, and this much is most of it: then it
    /// was taken for a little more than it is.
    pub(super) fn is_doubtful(&self, used: u64) -> bool {
        let fresh = self.probing.is_some_and(|probing| probing.is_fresh);
        fresh && self.allowed.is_some_and(|allowed| used * 5 >= allowed.amount * 4)
    }

    /// What was taken in the `ms` milliseconds up to `at`.
    pub(super) fn used_in(&self, at: u64, ms: u64) -> u64 {
        let inside = |(taken, _): &&(u64, u64)| *taken <= at && taken + ms > at;
        self.taken.iter().filter(inside).map(|(_, amount)| amount).sum()
    }

    /// When the last call was sent, up to this time, that was not refused.
    pub(super) fn last_taken(&self, until: u64) -> u64 {
        self.taken.iter().rev().map(|(at, _)| *at).find(|at| *at <= until).unwrap_or(0)
    }

    /// When the oldest call was sent that the window may still hold.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.taken.front().map(|(at, _)| *at)
    }
}
