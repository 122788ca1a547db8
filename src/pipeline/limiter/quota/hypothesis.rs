//! One explanation of what a service admits and refuses, and what it says of a call.

use super::bucket::{Bucket, Level};
use super::constants::{
    CHANCE, FULL, LEAST_LIKELY, LEAST_SURPRISE, MARGIN_MS, ROOM, SHARED_ROOM, SPELL,
};
use super::log::Log;
use crate::units::{float, whole};

/// How what was taken comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// There is no quota: calls are refused by chance.
    Chance,
    /// Each amount a window after it was taken.
    Sliding,
    /// All at once, this long after each multiple of the window.
    Fixed { phase_ms: u64 },
    /// Evenly, up to this amount.
    Bucket { burst: u64 },
}

/// Outcomes of one kind, and the surprises among them.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    surprises: u32,
    outcomes: u32,
}

impl Tally {
    /// The cost of one more outcome, by the rule of succession with a Beta prior.
    fn cost(&mut self, is_surprise: bool, (surprises, outcomes): (f64, f64)) -> f64 {
        let all = f64::from(self.outcomes) + outcomes;
        let share = (f64::from(self.surprises) + surprises) / all;
        self.outcomes = self.outcomes.saturating_add(1);
        if is_surprise {
            self.surprises = self.surprises.saturating_add(1);
            (-libm::log(share)).max(LEAST_SURPRISE)
        } else {
            -libm::log(1.0 - share.min(0.9))
        }
    }
}

/// One explanation.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    pub(super) kind: Kind,
    /// How much a window gives.
    pub(super) limit: u64,
    pub(super) window_ms: u64,
    /// Whether refused calls take of it as well.
    pub(super) refused_count: bool,
    /// Whether somebody else takes the rest of what is stated.
    pub(super) is_shared: bool,
    /// The negative logarithm of its weight.
    pub(super) cost: f64,
    /// Answers to calls before this position are weighed already.
    pub(super) since: usize,
    /// What was sent before this time says nothing of it.
    pub(super) begins_at: u64,
    room: Tally,
    full: Tally,
    /// For chance: whether the last call was refused.
    is_in_spell: bool,
    level: Level,
}

impl Hypothesis {
    /// No quota.
    pub(super) fn chance(cost: f64) -> Self {
        Self::new(Kind::Chance, 1, 1, cost)
    }

    /// A quota of this limit for each window.
    pub(super) fn new(kind: Kind, limit: u64, window_ms: u64, cost: f64) -> Self {
        let burst = if let Kind::Bucket { burst } = kind { burst } else { 0 };
        Self {
            kind,
            limit: limit.max(1),
            window_ms: window_ms.max(1),
            refused_count: false,
            is_shared: false,
            cost,
            since: 0,
            begins_at: 0,
            room: Tally::default(),
            full: Tally::default(),
            is_in_spell: false,
            level: Level { amount: float(burst), at: 0, position: 0 },
        }
    }

    /// The same where refused calls take of it.
    pub(super) fn counting_refused(mut self, refused_count: bool) -> Self {
        self.refused_count = refused_count;
        self
    }

    /// The same from this time on.
    pub(super) fn beginning(mut self, at: u64) -> Self {
        self.begins_at = at;
        self
    }

    /// The same as somebody else's share leaves it.
    pub(super) fn shared(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Whether both say the same, as far as can be told.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let is_same_kind = match (self.kind, other.kind) {
            (Kind::Fixed { phase_ms: one }, Kind::Fixed { phase_ms: two }) => {
                let apart = one.abs_diff(two);
                apart.min(self.window_ms.saturating_sub(apart)) < 300
            }
            (one, two) => one == two,
        };
        is_same_kind
            && self.limit == other.limit
            && self.window_ms.abs_diff(other.window_ms) < 50
            && self.refused_count == other.refused_count
            && self.is_shared == other.is_shared
    }

    /// The time for each unit, in milliseconds.
    pub(super) fn pace_ms(&self) -> f64 {
        if self.kind == Kind::Chance { 0.0 } else { float(self.window_ms) / float(self.limit) }
    }

    /// When a call of this amount would be admitted that is sent after those before `end`, at `now`
    /// at the earliest.
    pub(super) fn free_at(&self, log: &Log, end: usize, now: u64, amount: u64) -> u64 {
        match self.kind {
            Kind::Chance => now,
            Kind::Sliding => {
                let taken = log.taken_before(end, self.refused_count);
                let most = taken.saturating_add(amount).saturating_sub(self.limit).min(taken);
                let leaves = log.when_taken(most, end, self.refused_count);
                leaves.map_or(now, |at| (at + self.window_ms + MARGIN_MS).max(now))
            }
            Kind::Fixed { phase_ms } => {
                let begun = now - MARGIN_MS - (now - MARGIN_MS - phase_ms) % self.window_ms;
                let used = log.used_since(begun - MARGIN_MS - 1, end, self.refused_count);
                let is_free = used == 0 || used.saturating_add(amount) <= self.limit;
                if is_free { now } else { (begun + self.window_ms + MARGIN_MS).max(now) }
            }
            Kind::Bucket { .. } => self.bucket().map_or(now, |bucket| {
                let level = bucket.after(self.level, log.between(self.level.position, end));
                bucket.free_at(level, now, amount)
            }),
        }
    }

    fn bucket(&self) -> Option<Bucket> {
        let Kind::Bucket { burst } = self.kind else { return None };
        let burst = float(burst);
        Some(Bucket { burst, pace_ms: self.pace_ms(), refused_count: self.refused_count })
    }

    /// What is settled in the log before this position is taken over into the level.
    pub(super) fn advance(&mut self, log: &Log, position: usize) {
        let Some(bucket) = self.bucket() else { return };
        self.level.position = self.level.position.max(log.begin());
        self.level = bucket.after(self.level, log.between(self.level.position, position));
    }

    /// A bucket is full when the call at this position is sent.
    pub(super) fn begin_full(&mut self, position: usize) {
        let Kind::Bucket { burst } = self.kind else { return };
        self.level = Level { amount: float(burst), at: 0, position };
    }

    /// How far from the time that is free a call may be sent.
    pub(super) fn tolerance_ms(&self) -> u64 {
        match self.kind {
            Kind::Bucket { .. } => MARGIN_MS.min(whole(self.pace_ms() / 4.0)),
            _ => MARGIN_MS,
        }
    }

    /// The cost of the answer to a call, for which room was foreseen at `free_at`.
    pub(super) fn weigh_answer(&mut self, sent: u64, free_at: u64) -> f64 {
        if self.kind == Kind::Chance {
            return self.weigh_by_chance(false);
        }
        if sent < self.begins_at {
            return 0.0;
        }
        let is_foreseen = free_at <= sent + MARGIN_MS + self.tolerance_ms().max(25);
        if is_foreseen {
            let prior = self.prior();
            self.room.cost(false, prior)
        } else {
            self.full.cost(true, FULL).max(1.5 * LEAST_SURPRISE)
        }
    }

    /// The cost of a refusal, without what it tells.
    pub(super) fn weigh_refusal(&mut self, sent: u64, free_at: u64) -> f64 {
        if self.kind == Kind::Chance {
            return self.weigh_by_chance(true);
        }
        if sent < self.begins_at {
            return 0.0;
        }
        if free_at <= sent + self.tolerance_ms() {
            let prior = self.prior();
            self.room.cost(true, prior)
        } else {
            self.full.cost(false, FULL)
        }
    }

    /// Chance comes in spells: it has one tally after an answer and another after a refusal.
    fn weigh_by_chance(&mut self, is_refused: bool) -> f64 {
        let was_refused = std::mem::replace(&mut self.is_in_spell, is_refused);
        let (tally, prior) =
            if was_refused { (&mut self.full, SPELL) } else { (&mut self.room, CHANCE) };
        tally.cost(is_refused, prior)
    }

    fn prior(&self) -> (f64, f64) {
        if self.is_shared { SHARED_ROOM } else { ROOM }
    }

    /// Pays a cost.
    pub(super) fn pay(&mut self, cost: f64) {
        self.cost = (self.cost + cost).min(4.0 * LEAST_LIKELY);
    }

    /// The service states another limit: the amounts change with it, the window stays.
    pub(super) fn scale(&mut self, limit: u64) {
        if let Kind::Bucket { burst } = &mut self.kind {
            let share = float(*burst) / float(self.limit);
            *burst = if *burst > 1 { whole(share * float(limit)).max(1) } else { 1 };
            self.level.amount = self.level.amount.min(float(*burst));
        }
        self.limit = limit.max(1);
        (self.room, self.full) = (Tally::default(), Tally::default());
    }
}
