//! The limiter: an account for each dimension, and one gate.

use std::time::Duration;

use super::super::algorithm::{EndedCall, InferredQuota, Limit, Outcome, Start};
use super::super::clock::{clock, millis, since_start};
use super::super::line_time::Obstacle;
use super::super::paced::KnownQuota;
use super::account::QuotaAccount;
use super::constants::{
    ALL_IN_VAIN, ALONE, AT_ONCE_MS, DAY_CLOSED_MS, LATEST_CALL, LATEST_REFUSAL, LONG_WAIT_MS,
    MINUTE_MS, MOST_TOKENS, REFUSAL_MS, TIMES_TOLD, TOKEN_WALLS, WALLS,
};
use super::decision::Stakes;
use super::gate::QuotaGate;
use super::log::Told;
use super::memory;
use super::prompt_size::PromptSize;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::{self, Dimension, Stated};
use crate::units::{float, whole};

/// Weighs what it knows of a quota, and lets calls start by that.
#[derive(Debug, Clone)]
pub struct QuotaLimiter {
    requests: QuotaAccount,
    tokens: QuotaAccount,
    gate: QuotaGate,
    answered: u64,
    refusal_ms: f64,
    /// The share of calls that were refused of late.
    refused: f64,
    last_start: Option<u64>,
    /// When the last call went that some hypothesis had no room for.
    last_experiment: Option<u64>,
    /// Whether the call that may go next is one.
    is_experiment: bool,
    /// The calls that had been sent when the last refusal came that was news: those after it prove
    /// something.
    proving_since: Option<usize>,
    /// Since when a call waits because of what is thought of a quota, when the last one that had waited went, and
    /// whether such a one was answered since the last refusal.
    waits_since: Option<u64>,
    reopened_at: Option<u64>,
    is_trusted: bool,
    /// Whether the service says why it refuses, and the longest time that it has stated.
    speaks: bool,
    longest_told_ms: Option<u64>,
    /// How long an answer took at most.
    slowest_ms: u64,
    size: PromptSize,
}

impl QuotaLimiter {
    /// A limiter that knows only what it is told; `start` calls in flight at first, `ceiling` at
    /// most. After failures for longer than the patience it counts the service as lost.
    pub fn new(start: u64, ceiling: u64, patience: Duration, told: Option<KnownQuota>) -> Self {
        let mut limiter = Self {
            requests: QuotaAccount::new(Dimension::Requests),
            tokens: QuotaAccount::new(Dimension::Tokens),
            gate: QuotaGate::new(start, ceiling, millis(patience)),
            answered: 0,
            refusal_ms: REFUSAL_MS,
            refused: 0.0,
            last_start: None,
            last_experiment: None,
            is_experiment: false,
            proving_since: None,
            waits_since: None,
            reopened_at: None,
            is_trusted: false,
            speaks: false,
            longest_told_ms: None,
            slowest_ms: 0,
            size: PromptSize::default(),
        };
        if let Some(KnownQuota { requests, tokens, window }) = told {
            let accounts = [(&mut limiter.requests, requests), (&mut limiter.tokens, tokens)];
            for (account, limit) in accounts {
                if let Some(limit) = limit {
                    account.quotas.push(memory::configured(
                        clock(Duration::ZERO),
                        limit,
                        millis(window),
                    ));
                }
            }
        }
        limiter
    }

    fn accounts(&self) -> [&QuotaAccount; 2] {
        [&self.requests, &self.tokens]
    }

    fn is_known(&self) -> bool {
        self.accounts().iter().any(|account| account.is_known())
    }

    /// When a call may go as far as the hypotheses are concerned, and whether it is an experiment.
    fn decide(&self, now: u64, tokens: u64) -> (u64, bool) {
        let stakes = Stakes {
            now,
            answered: self.answered,
            refusal_ms: self.refusal_ms,
            refused: self.refused,
        };
        let mut latest = (now, false);
        for (account, amount) in [(&self.requests, 1), (&self.tokens, tokens)] {
            for quota in &account.quotas {
                let decided = stakes.decide(quota, &account.log, amount);
                latest.0 = latest.0.max(decided.at);
                latest.1 |= decided.is_experiment;
            }
        }
        latest
    }

    /// A wait that nobody has stated ends with a question before the patience does, or before it is much longer
    /// than any that was stated, and than a minute.
    fn asked_again(&self, at: u64) -> u64 {
        let patience = self.gate.outage.patience_ms / 2;
        let of_told = |told: u64| told.saturating_mul(TIMES_TOLD).max(MINUTE_MS);
        let longest = self.longest_told_ms.map_or(patience, of_told);
        self.last_start.map_or(at, |last| at.min(last + longest))
    }

    /// When the next call may go so that few are refused if something is not as it is thought.
    fn spaced(&self, now: u64, is_experiment: bool) -> u64 {
        let alone = whole(ALONE * self.refusal_ms) + 1;
        let is_wall =
            self.requests.log.has_passed(&WALLS) || self.tokens.log.has_passed(&TOKEN_WALLS);
        let last = self.last_start.unwrap_or(0);
        // In the log calls have an order, but for those of one millisecond.
        let stop = match self.is_known() {
            true => 0,
            false if is_wall => last + alone,
            false => last + 1,
        };
        let experiment = self.last_experiment.filter(|_| is_experiment).map_or(0, |at| at + alone);
        stop.max(experiment).max(self.proved_at(now, alone))
    }

    /// After a refusal as many calls may be unproved as have been proved since: a refusal would have
    /// come back by now.
    fn proved_at(&self, now: u64, alone: u64) -> u64 {
        let log = &self.requests.log;
        let Some(proving_since) = self.proving_since else { return now };
        let since = proving_since.max(log.begin());
        let unproved_from = log.after(now - alone).max(since);
        let unproved = log.between(unproved_from, log.end());
        if unproved.len() < (unproved_from - since).max(1) {
            return now;
        }
        unproved.first().map_or(now, |oldest| oldest.at + alone)
    }

    /// The first calls after a wait that is only thought to be long enough prove that it was.
    fn reopened(&mut self, now: u64) {
        let waited = self.waits_since.take().map_or(0, |since| now - since);
        if !self.is_trusted && waited >= LONG_WAIT_MS {
            self.proving_since = Some(self.requests.log.end());
            self.reopened_at = Some(now);
        }
    }

    fn succeeded(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        let took = ended.verdict.input_tokens.unwrap_or(ended.tokens).min(MOST_TOKENS);
        self.told(now, &ended.verdict.quotas);
        self.answered += 1;
        self.size.answered();
        self.is_trusted |= self.reopened_at == Some(sent);
        self.slowest_ms = self.slowest_ms.max(now - sent);
        self.refused *= 1.0 - LATEST_CALL;
        self.gate.answered(ended.in_flight);
        self.requests.answered(sent, 1, 1);
        self.tokens.answered(sent, ended.tokens, took);
        self.requests.try_more();
        self.tokens.try_more();
    }

    /// Takes limits as headers state them.
    fn told(&mut self, now: u64, quotas: &[Stated]) {
        for Stated { dimension, of_day, limit, .. } in quotas {
            if let Some(limit) = limit.filter(|_| !of_day) {
                let limit = limit.clamp(1, MOST_TOKENS);
                self.speaks_up();
                self.account(*dimension).stated(now, limit);
                if *dimension == Dimension::Tokens {
                    self.size.stated(limit);
                }
            }
        }
    }

    /// The service says what its quotas are: what it refuses without a word is chance.
    fn speaks_up(&mut self) {
        if !std::mem::replace(&mut self.speaks, true) {
            self.requests.forget_silent();
        }
    }

    fn account(&mut self, dimension: Dimension) -> &mut QuotaAccount {
        match dimension {
            Dimension::Requests => &mut self.requests,
            Dimension::Tokens => &mut self.tokens,
        }
    }

    fn void(&mut self, sent: u64, tokens: u64) {
        self.requests.void(sent, 1);
        self.tokens.void(sent, tokens);
    }

    fn refused(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        let (kept, new) = (1.0 - LATEST_REFUSAL, LATEST_REFUSAL);
        self.refusal_ms = kept * self.refusal_ms + new * float(now - sent).max(1.0);
        self.refused = (1.0 - LATEST_CALL) * self.refused + LATEST_CALL;
        let (quotas, hint_ms) = (&ended.verdict.quotas, ended.verdict.hint.map(millis));
        if ended.verdict.exhausted || quotas.iter().any(|stated| stated.of_day) {
            self.void(sent, ended.tokens);
            self.gate.close(now + hint_ms.unwrap_or(0).max(DAY_CLOSED_MS));
            return;
        }
        let is_news = self.gate.is_news(sent);
        if is_news {
            // A service that states a time is not lost.
            if hint_ms.is_none() {
                self.gate.outage.refused(now);
            }
            self.gate.cut(now);
        }
        if hint_ms.is_none() && quotas.is_empty() {
            self.refused_silently(now, sent, ended.tokens, is_news);
        } else {
            self.refused_with_words(now, sent, ended, is_news);
        }
    }

    /// A refusal that states a time or a quota.
    fn refused_with_words(&mut self, now: u64, sent: u64, ended: &EndedCall, is_news: bool) {
        let (quotas, hint_ms) = (&ended.verdict.quotas, ended.verdict.hint.map(millis));
        self.speaks_up();
        self.longest_told_ms = self.longest_told_ms.max(hint_ms);
        let free_at = hint_ms.map(|hint| sent + hint);
        let is_rounded = hint_ms.is_some_and(|hint| hint % 1_000 == 0);
        let mut limits = stated_quota::binding(quotas);
        if limits.is_empty() {
            limits.insert(Dimension::Requests, None);
        }
        for (dimension, amount) in [(Dimension::Requests, 1), (Dimension::Tokens, ended.tokens)] {
            let Some(limit) = limits.get(&dimension) else {
                self.account(dimension).void(sent, amount);
                continue;
            };
            let limit = limit.map(|limit| limit.clamp(1, MOST_TOKENS));
            if let Some(limit) = limit.filter(|_| dimension == Dimension::Tokens) {
                let log = &self.tokens.log;
                let used = log.used_since(sent.saturating_sub(MINUTE_MS), log.end(), false);
                self.size.refused(amount, limit, is_news && used <= amount);
            }
            let told = Told { limit, free_at, is_rounded };
            self.account(dimension).refused(sent, amount, told, is_news);
        }
        // A smaller call may have room for its tokens before.
        let is_for_all = is_news || limits.contains_key(&Dimension::Requests);
        if is_news {
            self.proving_since = Some(self.requests.log.end());
            self.is_trusted = false;
        }
        if let Some(hint) = hint_ms.filter(|_| is_for_all) {
            self.gate.wait_until(now + hint + 1);
        }
    }

    /// A refusal that says nothing.
    fn refused_silently(&mut self, now: u64, sent: u64, tokens: u64, is_news: bool) {
        let is_all_in_vain = self.answered == 0 && self.gate.in_vain() > ALL_IN_VAIN;
        if is_all_in_vain {
            self.size.refused_in_vain(tokens);
        }
        self.tokens.void(sent, tokens);
        if self.speaks || self.gate.outage.is_lost(now) {
            // This service says why it refuses, so that this is chance; or nothing comes of it any more.
            self.requests.void(sent, 1);
            return;
        }
        self.requests.refused(sent, 1, Told::default(), is_news);
        if is_news {
            let end = self.requests.log.end();
            // Chance proves little: half of what was proved stays so.
            let all = end - self.proving_since.unwrap_or(0);
            self.proving_since = Some(if self.is_known() { end } else { end - all / 2 });
        }
    }

    fn failed(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        if now - sent < AT_ONCE_MS {
            self.void(sent, ended.tokens);
        } else {
            self.requests.answered(sent, 1, 1);
            self.tokens.answered(sent, ended.tokens, ended.tokens);
        }
        if let Some(hint) = ended.verdict.hint {
            self.gate.close(now + millis(hint) + 1);
        }
        self.gate.failed(now, sent);
    }

    fn is_too_large(&self, tokens: u64) -> bool {
        let stated = self.tokens.quotas.iter().filter_map(|quota| quota.stated).max();
        self.size.is_too_large(tokens, stated)
    }
}

impl Limit for QuotaLimiter {
    fn current(&self) -> u64 {
        // A window's calls are still in flight when the next begins, if they take longer than it.
        let known = self.requests.quotas.iter().filter_map(|quota| quota.known());
        let most =
            known.map(|best| best.limit.saturating_mul(1 + self.slowest_ms / best.window_ms));
        self.gate.in_flight.min(most.min().unwrap_or(u64::MAX)).max(1)
    }

    fn obstacle(&self, now: Duration, is_full: bool) -> Obstacle {
        let is_closed = clock(now) < self.gate.closed_until || self.gate.is_probing();
        if is_closed && self.gate.outage.is_of_failures() {
            Obstacle::Failures
        } else if is_full && self.gate.in_flight == self.current() {
            Obstacle::Place
        } else {
            Obstacle::Quota
        }
    }

    fn next_start(&mut self, now: Duration, tokens: u64) -> Start {
        let (now, tokens) = (clock(now), tokens.min(MOST_TOKENS));
        if self.is_too_large(tokens) {
            return Start::Never;
        }
        let outage = &self.gate.outage;
        let lost = outage.is_lost(now).then(|| now + outage.patience_ms + 1);
        if now < self.gate.closed_until {
            // What has failed for so long is not expected back soon.
            return Start::At(since_start(self.gate.closed_until.max(lost.unwrap_or(0))));
        }
        if self.gate.is_probing() {
            return lost.map_or(Start::AfterAnother, |at| Start::At(since_start(at)));
        }
        let (at, is_experiment) = self.decide(now, tokens);
        if at > now {
            self.waits_since.get_or_insert(now);
        }
        self.is_experiment = is_experiment;
        let at = self.asked_again(at).max(self.spaced(now, is_experiment));
        if at > now { Start::At(since_start(at)) } else { Start::Now }
    }

    fn on_start(&mut self, now: Duration, tokens: u64) {
        let now = clock(now);
        self.reopened(now);
        self.requests.log.push(now, 1);
        self.tokens.log.push(now, tokens.min(MOST_TOKENS));
        self.last_start = Some(now);
        if self.is_experiment {
            self.last_experiment = Some(now);
        }
        self.gate.sent(now);
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        let (now, sent) = (clock(now), clock(ended.sent));
        let ended = &EndedCall { tokens: ended.tokens.min(MOST_TOKENS), ..ended.clone() };
        let is_answered = ended.verdict.outcome == Outcome::Success;
        self.gate.ended(sent, is_answered);
        if is_answered || ended.verdict.is_useless {
            self.gate.was_of_use(!ended.verdict.is_useless);
        }
        match ended.verdict.outcome {
            Outcome::Success => self.succeeded(now, sent, ended),
            Outcome::RateLimited => self.refused(now, sent, ended),
            Outcome::Failed => self.failed(now, sent, ended),
            Outcome::Ignored => {
                self.void(sent, ended.tokens);
                self.told(now, &ended.verdict.quotas);
            }
        }
    }

    fn remember(&self, now: Duration) -> Vec<LearnedQuota> {
        self.accounts()
            .into_iter()
            .flat_map(|account| memory::remember(account, clock(now)))
            .collect()
    }

    fn recall(&mut self, remembered: &[LearnedQuota]) {
        for known in remembered {
            memory::recall(self.account(known.dimension), clock(Duration::ZERO), known);
        }
    }

    fn closed_for(&self, now: Duration) -> Duration {
        Duration::from_millis(self.gate.closed_until.saturating_sub(clock(now)))
    }

    fn keep_closed(&mut self, wait: Duration) {
        if !wait.is_zero() {
            self.gate.close(clock(Duration::ZERO) + millis(wait));
        }
    }

    fn learned(&self) -> Vec<InferredQuota> {
        self.accounts().into_iter().flat_map(memory::learned).collect()
    }
}
