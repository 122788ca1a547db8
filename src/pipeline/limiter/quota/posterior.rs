//! The hypotheses about one quota, and how evidence moves their weights.

use super::constants::{
    ABOUT_FORETOLD, BUCKET_FORETELLS_ANOTHER, BUCKET_HAS_ROOM, CHANCE_STATES_LIMIT,
    CHANCE_STATES_TIME, CHANGED, DROPPED, FORETOLD, FORETOLD_MS, KEPT, LEAST_LIKELY, MARGIN_MS,
    MORE, MORE_OF_SHARE, MORE_THAN_STATED, NOT_FORETOLD, OTHER_LIMIT, ROUNDED_MS, SOON,
    SOON_REFUSED, WEIGHED,
};
use super::hypothesis::{Hypothesis, Kind};
use super::log::{Fate, Log};
use super::proposals::Refusal;

/// What is thought of one quota.
#[derive(Debug, Clone, Default)]
pub(super) struct Posterior {
    /// The limit as the service states it.
    pub(super) stated: Option<u64>,
    /// Whether headers of answers state it.
    pub(super) is_in_headers: bool,
    /// When a refusal or a header last spoke of it.
    pub(super) confirmed_at: u64,
    /// None as long as nothing was refused and nothing stated.
    pub(super) hypotheses: Vec<Hypothesis>,
    /// Calls that it refused.
    pub(super) refused: u64,
    answered: u64,
    /// Calls before this position say nothing of it: it was another quota, or unknown.
    since: usize,
    /// The answers at which more was last tried, and the limit of which it was more.
    tried_more: (u64, u64),
}

impl Posterior {
    /// The quota of which this limit was stated then.
    pub(super) fn stating(limit: u64, confirmed_at: u64) -> Self {
        Self { stated: Some(limit), confirmed_at, ..Self::default() }
    }

    /// Whether there is a quota: it is likelier than chance, or headers state it.
    pub(super) fn is_known(&self) -> bool {
        self.known().is_some()
    }

    /// The likeliest quota, if there is one.
    pub(super) fn known(&self) -> Option<&Hypothesis> {
        let is_stated = self.is_in_headers;
        self.best().filter(|best| is_stated || best.kind != Kind::Chance)?;
        let quotas = self.hypotheses.iter().filter(|one| one.kind != Kind::Chance);
        quotas.min_by(|one, two| one.cost.total_cmp(&two.cost))
    }

    /// The likeliest hypothesis.
    pub(super) fn best(&self) -> Option<&Hypothesis> {
        self.hypotheses.iter().min_by(|one, two| one.cost.total_cmp(&two.cost))
    }

    /// The hypotheses with their weights, which sum to one.
    pub(super) fn weights(&self) -> Vec<(f64, &Hypothesis)> {
        let least = self.best().map_or(0.0, |best| best.cost);
        let weights = self.hypotheses.iter().map(|one| libm::exp(least - one.cost));
        let sum: f64 = weights.clone().sum();
        weights.zip(&self.hypotheses).map(|(weight, one)| (weight / sum, one)).collect()
    }

    /// The weight of what is known, with the likeliest of the others and its weight.
    pub(super) fn sureness_of(&self, known: &Hypothesis) -> (f64, Option<(f64, &Hypothesis)>) {
        let (is_known, others): (Vec<_>, Vec<_>) =
            self.weights().into_iter().partition(|(_, one)| std::ptr::eq(*one, known));
        let other = others.into_iter().max_by(|one, two| one.0.total_cmp(&two.0));
        (is_known.iter().map(|(weight, _)| weight).sum(), other)
    }

    /// A call was answered.
    pub(super) fn answered(&mut self, log: &Log, position: usize, sent: u64, amount: u64) {
        self.answered += 1;
        if position < self.since {
            return;
        }
        for one in self.hypotheses.iter_mut().filter(|one| one.since <= position) {
            let free_at = one.free_at(log, position, sent, amount);
            let cost = one.weigh_answer(sent, free_at);
            one.pay(cost);
        }
        self.normalize();
    }

    /// A call was refused; where that is news, new hypotheses join.
    pub(super) fn refused(&mut self, refusal: &Refusal<'_>, settled: usize, is_news: bool) {
        self.refused += 1;
        self.confirmed_at = self.confirmed_at.max(refusal.at);
        if self.hypotheses.is_empty() {
            self.hypotheses.push(Hypothesis::chance(0.0));
        }
        let is_soon = refusal.told.free_at.is_some_and(|at| at < refusal.at + 2 * MARGIN_MS);
        for one in &mut self.hypotheses {
            let cost = refusal.cost_for(one, is_news, is_soon);
            one.pay(cost);
        }
        if is_news {
            for one in refusal.proposals() {
                self.join(one, refusal, settled);
            }
        }
        self.normalize();
        self.drop_unlikely();
    }

    /// The service states another limit for the same quota.
    pub(super) fn restate(&mut self, limit: u64, position: usize) {
        (self.stated, self.since) = (Some(limit), position);
        for one in self.hypotheses.iter_mut().filter(|one| one.kind != Kind::Chance) {
            one.scale(limit);
            one.cost *= 0.5;
        }
    }

    /// A quota was used up without a refusal: perhaps there is more by now. After a try that came to
    /// something the next one is soon, otherwise after twice as many answers.
    pub(super) fn try_more(&mut self, log: &Log) {
        let Some(best) = self.best().filter(|best| best.kind != Kind::Chance).cloned() else {
            return;
        };
        let (tried_at, limit) = self.tried_more;
        let next =
            if limit > 0 && best.limit > limit { tried_at + SOON } else { 2 * tried_at.max(20) };
        let is_due = best.is_shared || self.answered >= next;
        let has_room = |at: u64| best.free_at(log, log.end(), at, 1) <= at;
        if !is_due || log.last_sent().is_none_or(has_room) {
            return;
        }
        self.tried_more = (self.answered, best.limit);
        let more: Vec<(u64, f64)> = match (best.is_shared, self.stated) {
            (true, Some(stated)) => {
                vec![((best.limit + (stated / 16).max(1)).min(stated), MORE_OF_SHARE)]
            }
            (_, stated) => {
                let cost = if stated.is_some() { MORE_THAN_STATED } else { MORE };
                vec![
                    (best.limit.saturating_mul(2), cost),
                    (best.limit.saturating_mul(5).div_ceil(4), cost),
                ]
            }
        };
        for (limit, cost) in more {
            let mut one = best.clone();
            one.limit = limit;
            one.cost += cost;
            if !self.hypotheses.iter().any(|other| other.is_like(&one)) {
                self.hypotheses.push(one);
            }
        }
    }

    /// A newcomer is weighed by the recent past, and joins.
    pub(super) fn join(&mut self, mut one: Hypothesis, refusal: &Refusal<'_>, settled: usize) {
        if self.hypotheses.iter().any(|other| other.is_like(&one)) {
            return;
        }
        let (log, position) = (refusal.log, refusal.position);
        let from = position.saturating_sub(WEIGHED).max(log.begin()).max(self.since);
        let mut since_then = one.clone();
        let mut past = weigh(&mut one, log, from, position) + refusal.cost_for_bucket(&one);
        if past > CHANGED {
            // Perhaps it is so only since the last answer.
            let last = log.last_admitted(position).map_or(from, |at| log.after(at - 1));
            since_then.begin_full(last);
            let recent = weigh(&mut since_then, log, last, position);
            let recent = CHANGED + recent + refusal.cost_for_bucket(&since_then);
            past = past.min(recent);
        }
        one.begin_full(log.begin());
        one.advance(log, settled);
        one.since = log.after(refusal.at - 1);
        one.pay(past.min(LEAST_LIKELY));
        self.hypotheses.push(one);
    }

    /// What is settled in the log is taken over.
    pub(super) fn advance(&mut self, log: &Log, settled: usize) {
        self.hypotheses.iter_mut().for_each(|one| one.advance(log, settled));
    }

    fn normalize(&mut self) {
        let least = self.best().map_or(0.0, |best| best.cost);
        for one in &mut self.hypotheses {
            one.cost = (one.cost - least).min(LEAST_LIKELY);
        }
    }

    fn drop_unlikely(&mut self) {
        self.hypotheses.sort_by(|one, two| one.cost.total_cmp(&two.cost));
        let chance = self.hypotheses.iter().find(|one| one.kind == Kind::Chance).cloned();
        self.hypotheses.retain(|one| one.cost < DROPPED && one.kind != Kind::Chance);
        self.hypotheses.truncate(KEPT - 1);
        // Nothing is ever excluded for good.
        let mut chance = chance.unwrap_or_else(|| Hypothesis::chance(DROPPED));
        chance.cost = chance.cost.min(DROPPED);
        self.hypotheses.push(chance);
    }
}

/// The cost of what became of the calls between two positions.
fn weigh(one: &mut Hypothesis, log: &Log, from: usize, to: usize) -> f64 {
    let until = log.between(to, to + 1).first().map_or(0, |entry| entry.at);
    let mut cost = 0.0;
    for (offset, entry) in log.between(from, to).iter().enumerate() {
        let position = from + offset;
        one.advance(log, position);
        let free_at = one.free_at(log, position, entry.at, entry.amount);
        cost += match entry.fate {
            Fate::Admitted => one.weigh_answer(entry.at, free_at),
            // Refusals come back in turn: what was sent before and is still on its way was admitted.
            Fate::InFlight if entry.at < until => one.weigh_answer(entry.at, free_at),
            Fate::Refused(_) => one.weigh_refusal(entry.at, free_at),
            Fate::InFlight | Fate::Void => 0.0,
        };
        if cost > LEAST_LIKELY {
            break;
        }
    }
    cost
}

impl Refusal<'_> {
    fn free_at(&self, one: &Hypothesis) -> u64 {
        one.free_at(self.log, self.position, self.at, self.amount)
    }

    /// What the refusal costs a hypothesis.
    fn cost_for(&self, one: &mut Hypothesis, is_news: bool, is_soon: bool) -> f64 {
        let free_at = self.free_at(one);
        if one.kind == Kind::Chance {
            let words = match (self.told.limit, self.told.free_at) {
                (Some(_), _) => CHANCE_STATES_LIMIT,
                (None, Some(_)) => CHANCE_STATES_TIME,
                (None, None) => 0.0,
            };
            return one.weigh_refusal(self.at, free_at) + words;
        }
        let is_other = self.told.limit.is_some_and(|limit| limit != one.limit);
        if is_other && !one.is_shared {
            return OTHER_LIMIT;
        }
        let refused = if is_soon { SOON_REFUSED } else { one.weigh_refusal(self.at, free_at) };
        let has_begun = self.at >= one.begins_at;
        let told = if is_news && has_begun && !one.is_shared {
            self.cost_of_time(one, free_at)
        } else {
            0.0
        };
        refused + told
    }

    /// What the stated time costs a hypothesis that foretold another, or earns it.
    fn cost_of_time(&self, one: &Hypothesis, foretold: u64) -> f64 {
        let Some(stated) = self.told.free_at else { return 0.0 };
        let is_bucket = matches!(one.kind, Kind::Bucket { .. });
        let foretold = if is_bucket { foretold } else { foretold.saturating_sub(MARGIN_MS) };
        let rounded = if self.told.is_rounded { ROUNDED_MS } else { 0 };
        let is_foretold = foretold + FORETOLD_MS + rounded >= stated
            && foretold <= stated + FORETOLD_MS + MARGIN_MS;
        let off = foretold.abs_diff(stated);
        match self.told.is_rounded {
            false if is_foretold => FORETOLD,
            true if is_foretold => ABOUT_FORETOLD,
            _ if off <= (one.window_ms / 20).min(1_600) => 0.0,
            _ => NOT_FORETOLD,
        }
    }

    /// A bucket is not built to explain the refusal: it pays where it does not.
    fn cost_for_bucket(&self, one: &Hypothesis) -> f64 {
        if !matches!(one.kind, Kind::Bucket { .. }) {
            return 0.0;
        }
        let free_at = self.free_at(one);
        let refused = if free_at <= self.at { BUCKET_HAS_ROOM } else { 0.0 };
        let told = if self.cost_of_time(one, free_at) < 0.0 || self.told.free_at.is_none() {
            0.0
        } else {
            BUCKET_FORETELLS_ANOTHER
        };
        refused + told
    }
}
