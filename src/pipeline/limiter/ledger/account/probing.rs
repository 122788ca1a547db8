//! How more is tried of what was only inferred.
//!
//! What was admitted before a refusal without a word may be less than there is: the window held
//! something already, or is shorter than it is taken for, or the service allows more by now. All
//! three show if the same amount is tried in a shorter window, and if none is so, that costs one
//! refusal. If it is admitted, twice as much is tried at once, so that a quota that is much larger is
//! soon used. If that is refused, it is the window that is shorter, and perhaps it is shorter still.
//!
//! Where the service says when to come again, the window is known, and where it gives back evenly,
//! there is none: there twice as much is tried from the start.

use super::{Account, Allowed, Window};

/// Full windows after which more is tried than was admitted before the first refusal; and where
/// twice as much is tried at once.
const FIRST_PATIENCE: u64 = 1;
const FIRST_PATIENCE_LONGER: u64 = 2;
/// The factor by which that grows with each try in vain, and its maximum.
const PATIENCE_GROWS: u64 = 4;
const MOST_PATIENCE: u64 = 64;
/// Where the quota is shared, more is tried in steps of this share of the stated limit.
const LITTLE: u64 = 16;
/// The lengths that are tried, in milliseconds.
const SHORTER_MS: [u64; 5] = [60_000, 30_000, 20_000, 15_000, LEAST_TRIED_MS];
/// What is shorter holds so few calls that chance looks like its end.
const LEAST_TRIED_MS: u64 = 10_000;

/// Where the amount is only inferred, a little more is tried now and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probing {
    /// The amount that is known to be allowed.
    pub(super) good: u64,
    /// The length of the window that is known to allow it, and as it was inferred.
    good_ms: u64,
    inferred_ms: u64,
    /// When more is tried next.
    pub(super) due: u64,
    /// Windows to wait after more was refused.
    patience: u64,
    /// No full window has passed yet without a refusal, nor was it made smaller since.
    pub(super) is_fresh: bool,
    tries: Tries,
    /// Of this window, no more was taken.
    is_all: bool,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tries {
    /// The same in a shorter window.
    Shorter,
    /// More of a window that is shorter.
    More,
    /// More of the window that was inferred.
    Longer,
}

impl Probing {
    /// The service tells the window: it is not to be found.
    pub(super) fn stop_shortening(&mut self) {
        self.tries = Tries::Longer;
    }
}

impl Account {
    /// An amount that was admitted before a refusal is taken to be all that is allowed.
    pub(crate) fn infer(&mut self, now: u64, amount: u64) {
        let good = amount.clamp(1, super::MOST);
        self.allowed = Some(Allowed { amount: good, is_inferred: true });
        let window_ms = self.window_ms();
        // A stated retry time tells the window.
        let is_silent = self.opened_at.is_none()
            && matches!(self.window, Window::Sliding { ms } if ms > LEAST_TRIED_MS);
        let first = if is_silent { FIRST_PATIENCE } else { FIRST_PATIENCE_LONGER };
        let patience = self.probing.map_or(first, |probing| probing.patience);
        self.probing = Some(Probing {
            good,
            good_ms: window_ms,
            inferred_ms: window_ms,
            due: now + patience * window_ms,
            patience,
            is_fresh: true,
            tries: if is_silent { Tries::Shorter } else { Tries::Longer },
            is_all: false,
        });
    }

    /// How much is known to be allowed, and in how long.
    pub(super) fn proved(&self) -> Option<(u64, u64)> {
        let (allowed, window_ms) = (self.allowed?, self.window_ms());
        Some(match self.probing.filter(|_| self.is_exceeding()) {
            Some(probing) if probing.tries == Tries::Shorter => (probing.good, probing.good_ms),
            Some(probing) => (probing.good, window_ms),
            None => (allowed.amount, window_ms),
        })
    }

    /// Whether more is being tried than is known to be allowed.
    pub(crate) fn is_exceeding(&self) -> bool {
        let Some((allowed, probing)) = self.allowed.zip(self.probing) else { return false };
        let is_shorter = probing.tries == Tries::Shorter && self.window_ms() < probing.good_ms;
        allowed.amount > probing.good || is_shorter
    }

    /// Whether the next call is more than is known to be allowed.
    pub(crate) fn exceeds(&self, now: u64) -> bool {
        let Some((good, ms)) = self.proved().filter(|_| self.is_exceeding()) else { return false };
        self.is_bucket() || self.used_in(now, ms) >= good
    }

    /// Whether a shorter window than was inferred is thought to be good.
    pub(crate) fn is_shortened(&self) -> bool {
        let shortened = |probing: Probing| {
            probing.tries == Tries::Shorter && probing.good_ms < probing.inferred_ms
        };
        self.probing.is_some_and(shortened)
    }

    /// A shorter window was good only by chance: one that begins by the clock had just begun.
    pub(crate) fn lengthen(&mut self, now: u64) {
        if let Some(probing) = &mut self.probing {
            let ms = probing.inferred_ms;
            self.window = Window::Sliding { ms };
            probing.patience = (probing.patience * PATIENCE_GROWS).min(MOST_PATIENCE);
            (probing.good_ms, probing.is_all) = (ms, false);
            probing.due = now + probing.patience * ms;
        }
    }

    /// More was tried and refused: back to what is good, and the next trial is further away.
    pub(crate) fn retreat(&mut self, now: u64, sent: u64) {
        let Some(mut probing) = self.probing.filter(|_| self.is_exceeding()) else { return };
        let Some(Allowed { amount, .. }) = self.allowed else { return };
        let Probing { good, good_ms, inferred_ms, tries, .. } = probing;
        let used = self.used_before(sent);
        if tries == Tries::More && used <= good {
            // It is the window that is shorter, and perhaps it is shorter still.
            (probing.tries, probing.is_all, probing.due) = (Tries::Shorter, true, now);
        } else {
            let ms = if tries == Tries::Shorter { good_ms } else { inferred_ms };
            let used = if tries == Tries::Longer {
                used.min(amount)
            } else {
                // It is not shorter: this is how much of it is taken.
                self.window = Window::Sliding { ms };
                self.used_in(sent, ms)
            };
            probing.good = good.max(used);
            probing.patience = (probing.patience * PATIENCE_GROWS).min(MOST_PATIENCE);
            probing.due = now + probing.patience * ms;
            if tries != Tries::Longer {
                (probing.tries, probing.good_ms) = (Tries::Shorter, ms);
            }
        }
        if let Window::Bucket { unit_us, .. } = &mut self.window {
            // The pace as it was.
            *unit_us = unit_us.saturating_mul(amount) / good;
        }
        self.allowed = Some(Allowed { amount: probing.good, is_inferred: true });
        self.probing = Some(probing);
    }

    /// A call was answered. If that was in a window that is full, it is good, and more is tried.
    pub(crate) fn answered(&mut self, now: u64, sent: u64) {
        self.decide(now, sent);
        let window_ms = self.window_ms();
        self.unproved = self.unproved.filter(|unproved| now < unproved.since + 2 * window_ms);
        let is_full = self.allowed.is_some_and(|allowed| {
            !self.is_far_from(allowed.amount) && self.used_before(now) >= allowed.amount
        });
        let (Some(Allowed { amount, .. }), Some(mut probing)) = (self.allowed, self.probing) else {
            return;
        };
        // Where refused calls count, it would cost more than it brings.
        if now < probing.due || !is_full || self.refused_count {
            return;
        }
        let is_shorter = probing.tries == Tries::Shorter && window_ms < probing.good_ms;
        let clearly_ms = u64::midpoint(window_ms, probing.good_ms);
        if is_shorter && self.used_in(sent, clearly_ms) <= probing.good {
            // A longer window would have taken this call as well, or one that begins by the clock.
            return;
        }
        // However much is tried, it costs one refusal to learn that it is too much.
        (probing.good, probing.is_fresh, probing.due) = (amount, false, now);
        let mut more = amount;
        if let Some(all) = self.shared {
            // But from somebody else no more is taken than a little in each window.
            (more, probing.due) = ((all / LITTLE).max(1), now + window_ms);
        } else if probing.tries == Tries::More {
            // So the window is no shorter than it was inferred, but allows more.
            let ms = probing.inferred_ms;
            self.window = Window::Sliding { ms };
            (probing.good, probing.good_ms) = (self.used_in(now, ms), ms);
            (more, probing.tries) = (probing.good, Tries::Longer);
        } else if probing.tries == Tries::Shorter {
            probing.good_ms = window_ms;
            let shorter = SHORTER_MS.into_iter().find(|ms| *ms < window_ms);
            if window_ms < probing.inferred_ms && !probing.is_all {
                probing.tries = Tries::More;
            } else if let Some(ms) = shorter {
                self.window = Window::Sliding { ms };
                more = 0;
            }
        }
        let allowed = probing.good + more;
        if let Window::Bucket { unit_us, .. } = &mut self.window {
            *unit_us = unit_us.saturating_mul(probing.good) / allowed;
        }
        self.allowed = Some(Allowed { amount: allowed, is_inferred: true });
        self.probing = Some(probing);
    }
}
