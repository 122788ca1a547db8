//! The hypotheses that a refusal suggests: those that explain it.

use super::constants::{
    BUCKET, BURST_IS_GUESSED, BURST_IS_LIMIT, BURST_IS_ODD, BURST_IS_USUAL, BURST_OF_TOKENS, DRIPS,
    DRIPS_AFTER_BURST, FEWEST_SILENT, FIXED, FORETOLD, FORETOLD_MS, LEAST_DRIP_MS, LENGTHS_S,
    LONGEST_MS, LONGEST_SILENT_S, MARGIN_MS, MINUTE_MS, NEARLY, ODD_LENGTH, ODD_LIMIT,
    OTHER_LENGTHS, OTHER_SECONDS, PHASE, REFUSED_COUNT, REFUSED_COUNT_IN_BUCKET, ROUND_LIMIT,
    ROUND_TENTHS, ROUNDED_MS, SHARED, SILENT, SLOW_BUCKET, TO_THE_MILLISECOND, UNUSED, USED_BEFORE,
};
use super::hypothesis::{Hypothesis, Kind};
use super::log::{Fate, Log, Told};
use crate::pipeline::provider::stated_quota::Dimension;
use crate::units::{float, whole};

/// A refused call, and the log with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub(super) log: &'a Log,
    /// The position of the call.
    pub(super) position: usize,
    pub(super) at: u64,
    pub(super) amount: u64,
    pub(super) told: Told,
    pub(super) dimension: Dimension,
    /// Whether it is the first that the quota refused.
    pub(super) is_first: bool,
}

/// The cost of a length that nobody has stated.
fn length_cost(window_ms: u64) -> f64 {
    let seconds = (window_ms + 500) / 1_000;
    if window_ms.abs_diff(seconds * 1_000) > 30 {
        return ODD_LENGTH;
    }
    let usual = LENGTHS_S.iter().find(|(length, _)| *length == seconds);
    usual.map_or(OTHER_SECONDS, |(_, cost)| *cost)
}

/// Whether a limit is a round number.
fn is_round(limit: u64) -> bool {
    let digits = 10_u64.pow(limit.max(1).ilog10());
    let tenths = limit * 10 / digits;
    tenths * digits == limit * 10 && (limit < 10 || ROUND_TENTHS.contains(&tenths))
}

fn limit_cost(limit: u64) -> f64 {
    if is_round(limit) { ROUND_LIMIT } else { ODD_LIMIT }
}

/// The round limits up to this one.
fn round_limits(most: u64) -> impl Iterator<Item = u64> {
    let sizes = (0..5).map(|power| 10_u64.pow(power));
    let all = sizes.flat_map(|size| ROUND_TENTHS.iter().map(move |tenths| (size, *tenths)));
    let whole = all.filter(|(size, tenths)| size * tenths % 10 == 0);
    whole.map(|(size, tenths)| size * tenths / 10).filter(move |limit| *limit <= most)
}

impl Refusal<'_> {
    /// All that explain it.
    pub(super) fn proposals(&self) -> Vec<Hypothesis> {
        let mut all = Vec::new();
        for with_refused in [false, true] {
            match self.told.free_at {
                Some(free_at) => self.sliding(free_at, with_refused, &mut all),
                None => self.silent_windows(with_refused, &mut all),
            }
        }
        if let Some(free_at) = self.told.free_at {
            self.fixed(free_at, &mut all);
            self.fixed_of_other_lengths(free_at, &mut all);
            self.used_before(free_at, &mut all);
            self.shared(free_at, &mut all);
            self.buckets(free_at, &mut all);
        } else {
            self.silent_buckets(&mut all);
            self.drips(&mut all);
        }
        all
    }

    /// Whether nothing was stated that is against this limit.
    fn may_be(&self, limit: u64) -> bool {
        self.told.limit.is_none_or(|stated| stated == limit)
    }

    /// By how much the stated time may be too late.
    fn too_late_ms(&self) -> u64 {
        FORETOLD_MS + if self.told.is_rounded { ROUNDED_MS } else { 0 }
    }

    /// The cost of a phase that fits the stated time by chance.
    fn phase_cost(&self, window_ms: u64) -> f64 {
        let fitting = MARGIN_MS + self.too_late_ms();
        PHASE * libm::log(float(window_ms) / float(fitting)).max(0.0)
    }

    fn sliding(&self, free_at: u64, with_refused: bool, all: &mut Vec<Hypothesis>) {
        let extra = if with_refused { REFUSED_COUNT } else { 0.0 };
        let mut add = |limit: u64, window_ms: u64, cost: f64| {
            let one = Hypothesis::new(Kind::Sliding, limit, window_ms, cost + extra);
            all.push(one.counting_refused(with_refused));
        };
        let taken = self.log.taken_before(self.position, with_refused);
        let Some(limit) = self.told.limit else {
            // What was taken in a usual window before the stated time, if that is when it was begun.
            for (seconds, cost) in LENGTHS_S {
                let begun = free_at.saturating_sub(seconds * 1_000);
                let from = self.log.after(begun - self.too_late_ms() - 1);
                let to = self.log.after(begun + FORETOLD_MS);
                if from < to.min(self.position) {
                    let used = taken - self.log.taken_before(from, with_refused);
                    add(used, seconds * 1_000, cost + limit_cost(used));
                }
            }
            return;
        };
        let more = taken.saturating_add(self.amount).saturating_sub(limit).min(taken);
        let leaves = self.log.when_taken(more, self.position, with_refused);
        let Some(leaves) = leaves.filter(|_| more > 0) else { return };
        let window_ms = free_at.saturating_sub(leaves);
        let from = window_ms.saturating_sub(self.too_late_ms()).div_ceil(1_000).max(1);
        for seconds in from..=(window_ms + FORETOLD_MS) / 1_000 {
            // A usual length foretells the stated time as well as one that was thought of before.
            let cost = length_cost(seconds * 1_000);
            let is_usual = cost < OTHER_SECONDS && !self.told.is_rounded;
            add(limit, seconds * 1_000, cost + if is_usual { FORETOLD } else { 0.0 });
        }
        if !self.told.is_rounded {
            add(limit, window_ms, ODD_LENGTH + TO_THE_MILLISECOND);
        }
        for (seconds, cost) in LENGTHS_S {
            let off = window_ms.abs_diff(seconds * 1_000);
            if off > FORETOLD_MS && off <= (seconds * 50).min(1_600) {
                add(limit, seconds * 1_000, cost + NEARLY);
            }
        }
    }

    fn silent_windows(&self, with_refused: bool, all: &mut Vec<Hypothesis>) {
        let (extra, fewest) = if with_refused { (REFUSED_COUNT, FEWEST_SILENT) } else { (0.0, 1) };
        for (seconds, cost) in LENGTHS_S {
            let begun = self.at - seconds * 1_000;
            let used = self.log.used_since(begun, self.position, false);
            if seconds <= LONGEST_SILENT_S && used >= fewest {
                let limit = self.told.limit.unwrap_or(used);
                let cost = cost + limit_cost(limit) + SILENT + extra;
                let one = Hypothesis::new(Kind::Sliding, limit, seconds * 1_000, cost);
                all.push(one.counting_refused(with_refused));
            }
        }
    }

    fn fixed(&self, free_at: u64, all: &mut Vec<Hypothesis>) {
        for (seconds, cost) in LENGTHS_S {
            let window_ms = seconds * 1_000;
            let begun = free_at - window_ms + FORETOLD_MS - self.too_late_ms();
            if begun > self.at {
                continue;
            }
            let used = self.log.used_since(begun, self.position, false);
            let limit = self.told.limit.unwrap_or(used);
            if limit == 0 || used > limit {
                continue;
            }
            let stated = self.told.limit.is_some();
            let of_limit = if stated { 0.0 } else { limit_cost(limit) };
            // More of it was left, as far as is known.
            let unused = if stated && used + self.amount <= limit { UNUSED } else { 0.0 };
            let cost = cost + FIXED + self.phase_cost(window_ms) + of_limit + unused;
            let kind = Kind::Fixed { phase_ms: free_at % window_ms };
            let begins_at = if unused > 0.0 { free_at } else { 0 };
            all.push(Hypothesis::new(kind, limit, window_ms, cost).beginning(begins_at));
        }
    }

    /// A minute that began before the first call may have been used before: from now on it holds more.
    fn used_before(&self, free_at: u64, all: &mut Vec<Hypothesis>) {
        let begun = free_at.saturating_sub(MINUTE_MS);
        let is_ours = self.log.first().is_none_or(|first| first <= begun);
        if self.told.limit.is_some() || !self.is_first || is_ours {
            return;
        }
        let used = self.log.taken_before(self.position, false);
        for limit in round_limits(used.saturating_mul(4)).filter(|limit| *limit > used) {
            let kind = Kind::Fixed { phase_ms: free_at % MINUTE_MS };
            let cost = FIXED + self.phase_cost(MINUTE_MS) + ROUND_LIMIT + USED_BEFORE;
            all.push(Hypothesis::new(kind, limit, MINUTE_MS, cost).beginning(free_at));
        }
    }

    /// Windows of other whole seconds that begin at fixed times, and that are just full.
    fn fixed_of_other_lengths(&self, free_at: u64, all: &mut Vec<Hypothesis>) {
        let Some(limit) = self.told.limit.filter(|_| !self.told.is_rounded) else { return };
        let taken = self.log.taken_before(self.position, false);
        let Some(before) = taken.checked_sub(limit).filter(|before| *before > 0) else { return };
        let last = self.log.when_taken(before, self.position, false);
        let first = self.log.when_taken(before + 1, self.position, false);
        let (Some(last), Some(first)) = (last, first) else { return };
        let (shortest, longest) = (free_at.saturating_sub(first), free_at.saturating_sub(last));
        let least = shortest.saturating_sub(FORETOLD_MS).div_ceil(1_000).max(1);
        for seconds in (least..=longest.min(LONGEST_MS) / 1_000).take(OTHER_LENGTHS) {
            let window_ms = seconds * 1_000;
            let cost = length_cost(window_ms);
            if cost >= OTHER_SECONDS {
                let kind = Kind::Fixed { phase_ms: free_at % window_ms };
                let cost = cost + FIXED + self.phase_cost(window_ms);
                all.push(Hypothesis::new(kind, limit, window_ms, cost));
            }
        }
    }

    /// What was admitted is what somebody else has left of the stated limit.
    fn shared(&self, free_at: u64, all: &mut Vec<Hypothesis>) {
        let Some(limit) = self.told.limit else { return };
        for (seconds, cost) in LENGTHS_S {
            let window_ms = seconds * 1_000;
            let used = self.log.used_since(self.at - window_ms, self.position, false);
            let is_within = free_at - self.at <= window_ms + FORETOLD_MS;
            if is_within && used + self.amount <= limit && used >= limit / 4 {
                let cost = cost + SHARED + self.phase_cost(window_ms);
                all.push(Hypothesis::new(Kind::Sliding, used, window_ms, cost).shared());
            }
        }
    }

    fn buckets(&self, free_at: u64, all: &mut Vec<Hypothesis>) {
        if let Some(limit) = self.told.limit {
            for (seconds, cost) in LENGTHS_S {
                self.bucket(limit, seconds * 1_000, cost, free_at, all);
            }
        } else {
            for limit in round_limits(3_000) {
                self.bucket(limit, 60_000, ROUND_LIMIT, free_at, all);
            }
        }
    }

    /// A bucket of this pace, with the bursts that explain what was given before.
    fn bucket(
        &self,
        limit: u64,
        window_ms: u64,
        cost: f64,
        free_at: u64,
        all: &mut Vec<Hypothesis>,
    ) {
        let rate = float(limit) / float(window_ms);
        let least_wait = free_at.saturating_sub(self.at).saturating_sub(self.too_late_ms());
        let tolerance = rate * float(FORETOLD_MS);
        if float(least_wait) * rate > float(self.amount) + tolerance {
            return;
        }
        let cost = cost + if window_ms <= 60_000 { BUCKET } else { SLOW_BUCKET };
        for (burst, more) in self.bursts(limit, rate, free_at) {
            let kind = Kind::Bucket { burst };
            all.push(Hypothesis::new(kind, limit, window_ms, cost + more));
            if !self.is_first {
                let cost = cost + more + REFUSED_COUNT_IN_BUCKET;
                all.push(Hypothesis::new(kind, limit, window_ms, cost).counting_refused(true));
            }
        }
    }

    /// Bursts that a bucket of this pace may have, with their costs.
    fn bursts(&self, limit: u64, rate: f64, free_at: u64) -> Vec<(u64, f64)> {
        if self.dimension == Dimension::Tokens {
            return vec![(limit, BURST_OF_TOKENS)];
        }
        let fitted = self.log.first().map(|first| {
            let taken = self.log.taken_before(self.position, false) + self.amount;
            let empty_at = free_at.saturating_sub(self.too_late_ms() - FORETOLD_MS).max(self.at);
            float(taken) - rate * float(empty_at.saturating_sub(first))
        });
        let tolerance = rate * float(FORETOLD_MS);
        let is_exact = !self.told.is_rounded && tolerance < 0.4;
        if let Some(fitted) = fitted.filter(|fitted| is_exact && *fitted > 0.9) {
            let burst = whole(fitted);
            if (fitted - float(burst)).abs() <= tolerance.max(0.05) && burst <= 2 * limit {
                let cost = if burst == limit || burst == 1 {
                    BURST_IS_LIMIT
                } else if burst <= 5 || [2, 10, 60].iter().any(|part| burst == limit / part) {
                    BURST_IS_USUAL
                } else {
                    BURST_IS_ODD
                };
                return vec![(burst, cost)];
            }
        }
        let mut usual = vec![1, 2, 5, 10, limit, (limit / 10).max(1), (limit / 60).max(1)];
        usual.sort_unstable();
        usual.dedup();
        usual.retain(|burst| fitted.is_none_or(|fitted| float(*burst) <= fitted + 1.2));
        usual.into_iter().map(|burst| (burst, BURST_IS_GUESSED)).collect()
    }

    /// Buckets of round rates that are empty by now.
    fn silent_buckets(&self, all: &mut Vec<Hypothesis>) {
        let Some(first) = self.log.first().filter(|first| *first <= self.at) else { return };
        let taken = float(self.log.taken_before(self.position, false));
        for rate in round_limits(10_000).filter(|rate| self.may_be(*rate)) {
            let dripped = float(self.at - first) * float(rate) / 60_000.0;
            let burst = whole((taken - dripped).max(0.0)).max(1);
            if burst <= 2 * rate {
                let cost = ROUND_LIMIT + BUCKET + BURST_IS_GUESSED;
                all.push(Hypothesis::new(Kind::Bucket { burst }, rate, 60_000, cost));
            }
        }
    }

    /// What was given between refusals says how fast it drips.
    fn drips(&self, all: &mut Vec<Hypothesis>) {
        let before = self.log.between(self.log.begin(), self.position);
        let is_mark = |fate: Fate| matches!(fate, Fate::Refused(_));
        let marks: Vec<u64> = before
            .iter()
            .filter(|entry| is_mark(entry.fate) && self.at - entry.at > LEAST_DRIP_MS)
            .map(|entry| entry.at)
            .collect();
        let mut chosen: Vec<u64> = [0, marks.len() / 2, marks.len().saturating_sub(1)]
            .iter()
            .filter_map(|at| marks.get(*at).copied())
            .collect();
        chosen.dedup();
        for mark in chosen {
            let given = self.log.used_since(mark, self.position, false);
            if given == 0 {
                continue;
            }
            let per_minute = |more: f64| (float(given) + more) * 60_000.0 / float(self.at - mark);
            let (least, most) = (per_minute(0.0) * 0.97, per_minute(1.0) * 1.03);
            let mut rates: Vec<u64> = round_limits(10_000)
                .filter(|rate| (least..=most).contains(&float(*rate)))
                .collect();
            rates.push(whole(per_minute(0.5)).max(1));
            for rate in rates.into_iter().filter(|rate| self.may_be(*rate)) {
                let cost = DRIPS + limit_cost(rate);
                all.push(Hypothesis::new(Kind::Bucket { burst: 1 }, rate, 60_000, cost));
                if Some(&mark) == marks.first()
                    && let Some(first) = self.log.first()
                {
                    let taken = float(self.log.used_since(first - 1, self.log.after(mark), false));
                    let burst =
                        whole((taken - float(mark - first) * float(rate) / 60_000.0).max(0.0));
                    if (2..=2 * rate).contains(&burst) {
                        let kind = Kind::Bucket { burst };
                        all.push(Hypothesis::new(kind, rate, 60_000, cost + DRIPS_AFTER_BURST));
                    }
                }
            }
        }
    }
}
