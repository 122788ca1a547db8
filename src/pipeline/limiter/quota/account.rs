//! The account of one dimension: what calls took of it, and what is thought of its quotas.

use super::constants::{
    CHANCE_BESIDE_STATED, LONGEST_MS, LONGEST_TAIL, MOST_QUOTAS, MOST_TOKENS, REMEMBERED_CALLS,
    STATED_LENGTHS, STATED_SLIDES,
};
use super::hypothesis::{Hypothesis, Kind};
use super::log::{Fate, Log, Told};
use super::posterior::Posterior;
use super::proposals::Refusal;
use crate::pipeline::provider::stated_quota::Dimension;

/// What calls took of one dimension.
#[derive(Debug, Clone)]
pub(super) struct QuotaAccount {
    pub(super) dimension: Dimension,
    pub(super) log: Log,
    pub(super) quotas: Vec<Posterior>,
    /// All calls before this position have ended.
    settled: usize,
}

impl QuotaAccount {
    pub(super) fn new(dimension: Dimension) -> Self {
        Self { dimension, log: Log::new(REMEMBERED_CALLS), quotas: Vec::new(), settled: 0 }
    }

    /// Calls before the limiter was made took these amounts, so long ago.
    pub(super) fn remember_taken(&mut self, now: u64, taken: &[(u64, u64)]) {
        if self.log.end() > 0 {
            return;
        }
        let mut taken = taken.to_vec();
        taken.sort_unstable_by(|one, two| two.cmp(one));
        // No window holds what is longer ago.
        for (ago, amount) in taken.into_iter().filter(|(ago, _)| *ago <= LONGEST_MS) {
            let amount = amount.min(MOST_TOKENS);
            self.log.push(now - ago, amount);
            self.log.settle(self.log.end() - 1, Fate::Admitted, amount);
        }
        self.settle();
    }

    /// Whether a quota is likelier than chance.
    pub(super) fn is_known(&self) -> bool {
        self.quotas.iter().any(Posterior::is_known)
    }

    /// A call was answered and took this amount, instead of what was expected.
    pub(super) fn answered(&mut self, sent: u64, expected: u64, took: u64) {
        if let Some(position) = self.log.in_flight(sent, expected, true) {
            self.log.settle(position, Fate::Admitted, took);
            for quota in &mut self.quotas {
                quota.answered(&self.log, position, sent, took);
            }
        }
        self.settle();
    }

    /// More is tried where a window was used up.
    pub(super) fn try_more(&mut self) {
        for quota in &mut self.quotas {
            quota.try_more(&self.log);
        }
    }

    /// A call took nothing.
    pub(super) fn void(&mut self, sent: u64, amount: u64) {
        if let Some(position) = self.log.in_flight(sent, amount, false) {
            self.log.settle(position, Fate::Void, amount);
        }
        self.settle();
    }

    /// A call was refused by this dimension.
    pub(super) fn refused(&mut self, sent: u64, amount: u64, told: Told, is_news: bool) {
        let Some(position) = self.log.in_flight(sent, amount, false) else { return };
        let at = self.quota_of(told.limit);
        // A limit that was not stated before is news.
        let is_first = self.quotas[at].refused == 0;
        self.log.settle(position, Fate::Refused(told), amount);
        let Self { dimension, ref log, .. } = *self;
        let refusal = Refusal { log, position, at: sent, amount, told, dimension, is_first };
        let is_news = is_news || is_first;
        self.quotas[at].refused(&refusal, self.settled, is_news);
        self.settle();
    }

    /// A limit is stated in the headers of an answer.
    pub(super) fn stated(&mut self, now: u64, limit: u64) {
        let same = |quota: &&mut Posterior| quota.stated == Some(limit);
        if let Some(quota) = self.quotas.iter_mut().find(same) {
            (quota.is_in_headers, quota.confirmed_at) = (true, now);
            return;
        }
        // What was known before this run, and has refused nothing in it, is out of date.
        let other = |quota: &&mut Posterior| {
            quota.is_in_headers || quota.stated.is_some() && quota.refused == 0
        };
        if let Some(quota) = self.quotas.iter_mut().find(other) {
            (quota.is_in_headers, quota.confirmed_at) = (true, now);
            quota.restate(limit, self.log.end());
            return;
        }
        let at = self.quota_of(Some(limit));
        let quota = &mut self.quotas[at];
        *quota = Posterior::stating(limit, now);
        quota.is_in_headers = true;
        for (window_ms, cost) in STATED_LENGTHS {
            let sliding = Hypothesis::new(Kind::Sliding, limit, window_ms, cost + STATED_SLIDES);
            let bucket = Hypothesis::new(Kind::Bucket { burst: limit }, limit, window_ms, cost);
            quota.hypotheses.extend([sliding, bucket]);
        }
        quota.hypotheses.push(Hypothesis::chance(CHANCE_BESIDE_STATED));
        self.settle();
    }

    /// The quota that is meant where this limit is stated, or none.
    fn quota_of(&mut self, limit: Option<u64>) -> usize {
        if let Some(at) = self.quotas.iter().position(|quota| quota.stated == limit) {
            return at;
        }
        if limit.is_none() && !self.quotas.is_empty() {
            return 0;
        }
        if let Some(at) = self.quotas.iter().position(|quota| quota.stated.is_none()) {
            self.quotas[at].stated = limit;
            return at;
        }
        let mut quota = match (self.quotas.first(), limit) {
            (Some(other), Some(limit)) => {
                let mut scaled = other.clone();
                scaled.restate(limit, self.log.end());
                scaled.refused = 0;
                scaled
            }
            _ => Posterior::default(),
        };
        quota.stated = limit;
        if self.quotas.len() >= MOST_QUOTAS {
            self.quotas.remove(0);
        }
        self.quotas.push(quota);
        self.quotas.len() - 1
    }

    /// Refusals without a word were chance after all: the service says why it refuses.
    pub(super) fn forget_silent(&mut self) {
        let silent: Vec<(usize, u64)> = self
            .log
            .between(self.log.begin(), self.log.end())
            .iter()
            .enumerate()
            .filter(
                |(_, entry)| matches!(entry.fate, Fate::Refused(told) if told == Told::default()),
            )
            .map(|(offset, entry)| (self.log.begin() + offset, entry.amount))
            .collect();
        for (position, amount) in silent {
            self.log.settle(position, Fate::Void, amount);
        }
        self.quotas.retain(|quota| quota.stated.is_some());
    }

    /// What has ended is taken over by the hypotheses.
    fn settle(&mut self) {
        let end = self.log.end();
        let from = self.settled.max(end.saturating_sub(LONGEST_TAIL)).max(self.log.begin());
        let ended =
            self.log.between(from, end).iter().take_while(|entry| entry.fate != Fate::InFlight);
        self.settled = from + ended.count();
        for quota in &mut self.quotas {
            quota.advance(&self.log, self.settled);
        }
    }
}
