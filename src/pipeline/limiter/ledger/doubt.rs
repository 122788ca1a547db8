//! Refusals without a word: is it the quota, or chance?
//!
//! Chance strikes one call and spares the next; a used-up quota refuses all until its window moves
//! on. So after such a refusal one call is tried a second later. If that is refused too, the next
//! are sent when windows of the usual lengths would be over. How many refusals in a row it takes to
//! become suspicious depends on how many came by chance before.

use super::account::MINUTE_MS;
use crate::units::{float, whole};

/// What is known of refusals that say nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt {
    /// Whether refusals of this service have been seen to say why: then one that does not is chance.
    speaks: bool,
    answers: u64,
    by_chance: u64,
    /// When refused calls were sent, as long as no later one is known to have been admitted.
    row: Vec<u64>,
    last_sent: u64,
    suspect: Option<Wall>,
    /// A wall that was gone when the shortest window was over: a window of that length, or chance,
    /// or a bucket.
    tentative: Option<Wall>,
    /// Whether a wall after very few calls was seen before.
    was_small: bool,
    /// What was taken for chance before a pace was tried.
    before_trial: u64,
}

/// A place where everything seems to be refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    /// When it was met.
    met: u64,
    /// What had been admitted in a minute.
    used: u64,
    /// When the first of that was sent.
    oldest: u64,
    /// How often it was tried whether it is still there.
    tries: u32,
}

/// What an answer behind a wall proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    /// The amount that is allowed.
    pub(super) used: u64,
    /// In a window of this length.
    pub(super) window_ms: u64,
    /// And refused calls take of it as well.
    pub(super) refused_count: bool,
}

/// What a refusal leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it may be chance.
    Retry,
    /// The gate is closed until then.
    Close(u64),
    /// There is a quota of `used` in a window of `window_ms`.
    Quota { used: u64, window_ms: u64 },
    /// There is a bucket that gives one unit in `unit_ms`.
    Bucket { unit_ms: u64 },
}

/// The length of the shortest window that is tried, after a second for chance.
const SHORT_MS: u64 = 10_000;
const CHANCE_MS: u64 = 1_000;
/// The lengths that are tried after a minute; at the longest, a batch with a patience of two minutes
/// still waits.
const LONG_MS: u64 = 90_000;
const LONGER_MS: u64 = 119_000;
/// A row of refusals that chance brings so rarely is no chance.
const HARDLY: f64 = 0.003;
/// The fewest calls by which a quota that gives back less than at first is known.
const LEAST_USED: u64 = 5;
/// Fewer in a row are no reason to wait where refusals usually say why.
const LEAST_ROW: u64 = 3;

impl Doubt {
    /// Refusals of this service say why.
    pub(super) fn trust(&mut self) {
        self.speaks = true;
        self.suspect = None;
        self.tentative = None;
        self.row.clear();
    }

    /// Whether it was tried in vain whether a wall is still there.
    pub(super) fn is_wall(&self) -> bool {
        self.suspect.is_some_and(|wall| wall.tries > 0)
    }

    /// Whether it is still there after the shortest window.
    pub(super) fn is_lasting_wall(&self) -> bool {
        self.suspect.is_some_and(|wall| wall.tries > 1)
    }

    /// Whether a refusal without a word can only be chance.
    pub(super) fn is_chance_only(&self) -> bool {
        self.speaks
    }

    /// A pace is tried, which may explain all that was taken for chance.
    pub(super) fn begin_trial(&mut self) {
        self.before_trial = std::mem::take(&mut self.by_chance);
        self.row.clear();
        (self.suspect, self.tentative) = (None, None);
    }

    /// No pace explains the row, nor at least `refusals` refusals while one was tried.
    pub(super) fn was_chance(&mut self, refusals: u64) {
        self.by_chance += std::mem::take(&mut self.before_trial).max(refusals);
    }

    /// What was seen of walls says nothing about those to come.
    pub(super) fn begin_anew(&mut self) {
        self.tentative = None;
    }

    /// How likely a refusal by chance is.
    fn chance(&self) -> f64 {
        float(self.by_chance + 1) / float(self.answers + self.by_chance + 10)
    }

    /// Whether chance is too rare to explain anything.
    pub(super) fn is_calm(&self) -> bool {
        self.by_chance == 0 || self.chance() < 0.02
    }

    /// How many refusals in a row are believed.
    fn believed(&self) -> u64 {
        if self.by_chance == 0 {
            return 1;
        }
        whole(libm::ceil(libm::log(HARDLY) / libm::log(self.chance()))).clamp(2, 8)
    }

    /// A call was refused. `used` says what was admitted in a number of milliseconds before now, and
    /// `admitted` when the last call was sent that would have been refused by now.
    pub(super) fn refused(
        &mut self,
        now: u64,
        sent: u64,
        oldest: u64,
        (used, admitted): (impl Fn(u64) -> u64, u64),
    ) -> Step {
        if self.speaks {
            self.row.push(sent);
            self.forgive(admitted);
            // Chance or not: the wait grows with every refusal in a row.
            let row = self.row.len() as u64;
            let more = row.saturating_sub(self.believed().max(LEAST_ROW));
            return if more == 0 {
                Step::Retry
            } else {
                Step::Close(now + (CHANCE_MS << more.min(6)))
            };
        }
        self.last_sent = self.last_sent.max(sent);
        if let Some(wall) = &mut self.suspect {
            if sent < wall.met {
                // It was on its way when the wall was met.
                return Step::Retry;
            }
            wall.tries += 1;
            let over = match wall.tries {
                1 => wall.oldest + SHORT_MS,
                2 => wall.oldest + MINUTE_MS,
                // Perhaps refused calls count as well: when the first of them are gone, too.
                3 => wall.met + CHANCE_MS + MINUTE_MS,
                // No minute, then.
                4 => wall.oldest + LONG_MS,
                5 => wall.oldest + LONGER_MS,
                // Longer and longer after the last of them.
                tries => self.last_sent + (MINUTE_MS << (tries - 5).min(6)),
            };
            return Step::Close((over + 60).max(now + CHANCE_MS));
        }
        self.row.push(sent);
        self.forgive(admitted);
        if (self.row.len() as u64) < self.believed() {
            return Step::Retry;
        }
        // A window of that length would be full again soon; what comes later is something else.
        let recently = |wall: &Wall| now - wall.met <= 3 * SHORT_MS;
        if let Some(before) = self.tentative.take().filter(recently) {
            let recent = used(SHORT_MS);
            if recent * 5 >= before.used * 4 && recent * 4 <= before.used * 5 {
                self.row.clear();
                return Step::Quota { used: recent, window_ms: SHORT_MS };
            }
            let since = now - before.met;
            let is_slower = before.used >= LEAST_USED && recent * 2 <= before.used;
            if since < 2 * SHORT_MS && is_slower {
                self.row.clear();
                return Step::Bucket { unit_ms: since.div_ceil(used(since).max(1)) };
            }
        }
        self.suspect = Some(Wall { met: now, used: used(MINUTE_MS), oldest, tries: 0 });
        Step::Close(now + CHANCE_MS)
    }

    /// A call was answered; gives the quota that this proves, if it does.
    pub(super) fn answered(&mut self, sent: u64) -> Option<Proof> {
        self.answers += 1;
        if self.suspect.is_none() {
            self.forgive(sent);
            return None;
        }
        if sent <= self.last_sent {
            return None;
        }
        let refused = std::mem::take(&mut self.row).len() as u64;
        match self.suspect.take() {
            // What was gone within a few seconds was no window, though it may have been an outage.
            Some(wall) if wall.tries >= 2 && sent >= wall.met + SHORT_MS / 2 => {
                // Once may be chance, in spite of all: little is lost by meeting it again.
                let is_small = wall.used < LEAST_USED;
                let is_believed = !is_small || self.was_small;
                self.was_small = is_small;
                let window_ms = match wall.tries {
                    ..=3 => MINUTE_MS,
                    4 => LONG_MS,
                    tries => (2 * MINUTE_MS) << (tries - 5).min(6),
                };
                let refused_count = wall.tries == 3;
                is_believed.then_some(Proof { used: wall.used, window_ms, refused_count })
            }
            Some(wall) if wall.tries == 1 => {
                self.tentative = Some(wall);
                None
            }
            _ => {
                self.by_chance += refused;
                None
            }
        }
    }

    /// Refusals before a call that was admitted came by chance.
    fn forgive(&mut self, admitted: u64) {
        let before = self.row.len();
        self.row.retain(|sent| *sent >= admitted);
        self.by_chance += (before - self.row.len()) as u64;
    }
}
