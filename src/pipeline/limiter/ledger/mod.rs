//! The limiter kind `quota`: it keeps an account of what it took and learns what it may take.
//!
//! A quota is a counter, not a queue: it has no latency that grows, and what it gave out comes back
//! by the clock. So nothing is steered here. The limit is learned: from the service's words in a
//! refusal or in headers, or from what was admitted before the first refusal; the window from the
//! time that a refusal names. Then a call starts when the account has room for it.
//!
//! - One gate for all: a refusal closes it until the stated time, for every call. The first call
//!   after that is a probe; the others follow when it was answered.
//! - One cut per epoch: a refusal of a call that was sent before the last one is no news.
//! - While nothing is known, calls start one after another, so that the wall is met by few: a
//!   refusal comes back within a tenth of a second or so.
//! - A 429 that names neither quota nor time is doubted: services send some at random. It counts
//!   only if those after it are refused as well.
//! - Where most calls are refused like that, a pace is tried (`trial.rs`): a fast bucket is no
//!   chance.
//! - How many calls are in flight follows from that: by Little's law it is the rate at which the
//!   account lets them start times the time that they take, so that no number has to be found. A
//!   slow start, one more for each answer, keeps a service of unknown strength from all at once;
//!   no more than the windows allow that an answer takes is ever of use.
//! - Failures of the service halve the calls in flight, and close the gate if nothing else comes: an
//!   outage halves them once, however long it is.

mod account;
mod doubt;
mod trial;

use std::time::Duration;

use self::account::{Account, LONGEST_MS, MINUTE_MS, MOST, Refused};
use self::doubt::{Doubt, Proof, Step};
use self::trial::Trial;
use super::algorithm::{CallReport, EndedCall, InferredQuota, Limit, Outcome, Start};
use super::clock::{clock, millis, since_start};
use super::line_time::Obstacle;
use super::outage::Outage;
use super::paced::KnownQuota;
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::{self, Dimension, Stated};
use crate::units::{float, whole};

/// A gate that a used-up quota of a day has closed is tried again after this time at the earliest.
const DAY_CLOSED_MS: u64 = 3_600_000;
/// Failures in a row that close the gate.
const FAILURES: u64 = 3;
/// For at first, and at most, so long: a breaker of Hystrix tries one call after 5 s as well.
const FAILURE_MS: (u64, u64) = (500, 5_000);
/// How much of the time before a wall tells when it is gone, where the quota was known before it.
const RECENT_MS: u64 = 5_000;
/// Times that an inferred pace is eased; a further refusal has another reason.
const EASED_AT_MOST: u32 = 3;
/// Waits after refusals in vain grow by this at least.
const LEAST_IN_VAIN_MS: u64 = 500;
/// A refusal that states a limit and no time closes the gate for so long at first.
const UNTOLD_MS: u64 = 1000;
/// No prompt of so few tokens is too large for a quota that nobody has stated.
const FEW_TOKENS: u64 = 2000;
/// How long a refusal takes to come back, as long as none has.
const REFUSAL_MS: f64 = 100.0;
/// How far refusals overtake one another, as a share of the time that they take.
const IN_TURN: f64 = 0.5;
/// How many refusals the first meeting with an unknown quota may cost: at least this number, or this
/// share of the calls before it.
const WALL_LEAST: f64 = 1.5;
const WALL_SHARE: f64 = 0.03;
/// That share where calls were refused without a word: perhaps it was not chance.
const WARNED_SHARE: f64 = 0.02;

/// For so long after such a refusal calls start one after another.
const WARNED_MS: u64 = 10_000;

/// What is next at a gate that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    /// Nothing special.
    None,
    /// The next call goes alone.
    Due,
    /// It is in flight: sent at this time.
    Out(u64),
}

/// The account of a provider's quotas, and the gate before it.
#[derive(Debug, Clone)]
pub struct QuotaLimiter {
    ceiling: u64,
    /// Calls in flight that the service bears.
    in_flight: u64,
    requests: Account,
    tokens: Account,
    closed_until: u64,
    last_cut: Option<u64>,
    /// Cuts since the last answer, and the longest wait that they named.
    in_vain: (u64, u64),
    probe: Probe,
    last_start: Option<u64>,
    admitted: u64,
    refusal_ms: f64,
    doubt: Doubt,
    /// When a call was refused without a word last.
    warned_at: Option<u64>,
    /// Times in a row that an inferred pace was taken to be slower.
    eased: u32,
    /// What it was before.
    eased_from: Option<u64>,
    /// A pace that is tried because most calls are refused.
    trial: Trial,
    /// An inferred amount proved wrong; it is felt for again once the gate is open.
    is_anew: bool,
    failures: u64,
    /// The calls in flight that it bore before it failed.
    bore: u64,
    outage: Outage,
    last_failure_cut: Option<u64>,
    /// How long an answer took at most.
    slowest_ms: u64,
}

impl QuotaLimiter {
    /// A ledger that knows only what it is told; `start` calls in flight at first, `ceiling` at
    /// most. After failures for longer than the patience it counts the service as lost.
    pub fn new(start: u64, ceiling: u64, patience: Duration, told: Option<KnownQuota>) -> Self {
        let mut ledger = Self {
            ceiling: ceiling.max(1),
            in_flight: start.clamp(1, ceiling.max(1)),
            requests: Account::new(Dimension::Requests),
            tokens: Account::new(Dimension::Tokens),
            closed_until: 0,
            last_cut: None,
            in_vain: (0, 0),
            probe: Probe::None,
            last_start: None,
            admitted: 0,
            refusal_ms: REFUSAL_MS,
            doubt: Doubt::default(),
            warned_at: None,
            eased: 0,
            eased_from: None,
            trial: Trial::default(),
            is_anew: false,
            failures: 0,
            bore: 1,
            outage: Outage::new(millis(patience)),
            last_failure_cut: None,
            slowest_ms: 0,
        };
        if let Some(KnownQuota { requests, tokens, window }) = told {
            let accounts = [(&mut ledger.requests, requests), (&mut ledger.tokens, tokens)];
            for (account, limit) in accounts {
                account.window = account::Window::Sliding { ms: millis(window).max(1) };
                if let Some(limit) = limit {
                    // A configured quota never goes stale.
                    account.state(u64::MAX, limit);
                }
            }
        }
        ledger
    }

    /// How far apart calls start as long as the wall is not known.
    fn spacing_ms(&self) -> u64 {
        if self.requests.allowed.is_some() {
            // More is tried than is known to be good: one refusal is enough to know.
            return whole(1.3 * self.refusal_ms);
        }
        let share = if self.warned_at.is_some() { WARNED_SHARE } else { WALL_SHARE };
        whole(self.refusal_ms / WALL_LEAST.max(share * float(self.admitted)))
    }

    fn close(&mut self, until: u64) {
        self.closed_until = self.closed_until.max(until);
        self.probe = Probe::Due;
    }

    fn account(&mut self, dimension: Dimension) -> &mut Account {
        match dimension {
            Dimension::Requests => &mut self.requests,
            Dimension::Tokens => &mut self.tokens,
        }
    }

    fn succeeded(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        if let Some(took) = ended.verdict.input_tokens {
            self.tokens.settle(sent, ended.tokens, took);
        }
        self.told(now, &ended.verdict.quotas);
        self.admitted += 1;
        self.slowest_ms = self.slowest_ms.max(now - sent);
        self.in_vain = (0, 0);
        self.failures = 0;
        self.outage.end();
        if ended.in_flight * 2 >= self.in_flight {
            self.in_flight = (self.in_flight + 1).min(self.ceiling);
        }
        (self.eased, self.eased_from) = (0, None);
        // What the service states by now is not felt for any more.
        if self.trial.admitted(now, sent) && self.requests.is_inferred_bucket() {
            self.requests.hasten();
        }
        let proof = self.doubt.answered(sent);
        if std::mem::take(&mut self.is_anew) {
            // What was used before the wall is of the time before it.
            self.doubt.begin_anew();
        } else if let Some(Proof { used, window_ms, refused_count }) = proof {
            // Where nothing had been admitted before, there is nothing to learn from. And what was
            // known is no reason for such a wall unless it was all used: it was an outage.
            if used > 0 && self.requests.explains(used) {
                self.requests.refused_count |= refused_count;
                self.requests.window = account::Window::Sliding { ms: window_ms };
                self.requests.infer(now, used);
            }
        }
        self.requests.answered(now, sent);
        self.tokens.answered(now, sent);
    }

    /// Takes limits as the service states them.
    fn told(&mut self, now: u64, quotas: &[Stated]) {
        for Stated { dimension, of_day, limit, .. } in quotas {
            if let Some(limit) = limit.filter(|_| !of_day) {
                self.account(*dimension).state(now, limit);
            }
        }
    }

    fn refused(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        let CallReport { hint, exhausted, quotas, .. } = &ended.verdict;
        let hint_ms = hint.map(millis);
        let took = float(now - sent);
        self.refusal_ms = 0.7 * self.refusal_ms + 0.3 * took.max(1.0);
        if *exhausted || quotas.iter().any(|stated| stated.of_day) {
            self.forgive(sent, ended.tokens, false);
            self.close(now + hint_ms.unwrap_or(0).max(DAY_CLOSED_MS));
            return;
        }
        if hint_ms.is_none() && quotas.is_empty() {
            self.forgive(sent, ended.tokens, false);
            self.doubted(now, sent, ended.tokens);
            if !self.doubt.is_chance_only() {
                self.requests.note_refused(sent);
            }
            return;
        }
        self.doubt.trust();
        self.forgive(sent, ended.tokens, true);
        let is_news = self.last_cut.is_none_or(|cut| sent >= cut);
        // A time without a quota's name may be anything's: it closes the gate and teaches nothing.
        for (dimension, limit) in stated_quota::binding(quotas) {
            let amount = if dimension == Dimension::Tokens { ended.tokens } else { 1 };
            let free_at = hint_ms.map(|hint| sent + hint);
            let refused = Refused { sent, amount, stated: limit, free_at };
            if is_news {
                self.account(dimension).learn(now, refused);
            } else {
                self.account(dimension).confirm(&refused);
            }
        }
        if is_news {
            self.last_cut = Some(now);
            let (cuts, longest) = self.in_vain;
            self.in_vain = (cuts + 1, longest.max(hint_ms.unwrap_or(0)));
            // A service that states a retry time is not lost until that time was wrong twice.
            if hint_ms.is_none() || cuts >= 2 {
                self.outage.refused(now);
            }
        }
        // If calls sent at the stated time are refused again and again, the stated time is
        // incomplete: a growing margin is added.
        let (cuts, longest) = self.in_vain;
        let more = longest.max(LEAST_IN_VAIN_MS).saturating_mul(cuts.saturating_sub(2));
        // Without a stated time, twice as long each time.
        let untold = UNTOLD_MS << cuts.saturating_sub(1).min(5);
        let wait = hint_ms.map_or(untold, |hint| (hint + 1).saturating_add(more));
        self.close(now.saturating_add(wait.min(LONGEST_MS)));
    }

    /// A refusal that says nothing.
    #[expect(clippy::too_many_lines, reason = "a limiter of another design will take its place")]
    fn doubted(&mut self, now: u64, sent: u64, tokens: u64) {
        self.warned_at = Some(now);
        if self.is_too_much_for_all(tokens) {
            self.tokens.refuse_for_ever(tokens);
        }
        if self.requests.is_inferred_bucket() && self.trial.has_failed() {
            // A pace that is right is refused no more. So it was chance after all.
            self.requests.forget_bucket();
            self.doubt.was_chance(trial::EASED_KNOWN);
        }
        if self.requests.allowed.is_none()
            && !self.doubt.is_chance_only()
            // Where it is waited for a window to end, no pace is measured.
            && !self.doubt.is_lasting_wall()
            && let Some(since) = self.trial.refused(now, sent)
        {
            self.requests.try_pace(now, since);
            self.doubt.begin_trial();
            self.probe = Probe::Due;
            return;
        }
        if self.requests.is_exceeding() && self.doubt.is_calm() {
            self.requests.retreat(now, sent);
            return;
        }
        if self.requests.is_shortened() && self.doubt.is_calm() {
            self.requests.lengthen(now);
            return;
        }
        if self.requests.is_inferred_bucket() && self.doubt.is_calm() {
            self.eased += 1;
            if self.eased <= EASED_AT_MOST {
                let (tried_since, carried) = self.trial.eased();
                let before = self.requests.ease(now, tried_since, carried);
                self.eased_from = self.eased_from.or(before);
                if tried_since.is_none() {
                    self.probe = Probe::Due;
                }
                return;
            }
            if let Some(unit_us) = self.eased_from.take() {
                self.requests.undo_ease(unit_us);
            }
        }
        let used = self.requests.used_before(sent);
        if self.doubt.is_calm() && self.requests.is_doubtful(used) {
            self.requests.shrink(now, used);
            self.probe = Probe::Due;
            return;
        }
        let requests = &self.requests;
        let oldest = requests.oldest().unwrap_or(sent);
        // Where a quota was known, what is old is of the time before it changed.
        let recent_ms = if requests.allowed.is_some() { RECENT_MS } else { MINUTE_MS };
        let oldest = oldest.max(sent - recent_ms);
        // Refusals come back soon, and in turn: what was sent clearly before this call and is still
        // on its way was admitted.
        let settled = sent.saturating_sub(whole(IN_TURN * self.refusal_ms));
        let used = |ms| requests.used_in(sent, ms);
        let admitted = requests.last_taken(settled);
        match self.doubt.refused(now, sent, oldest, (used, admitted)) {
            Step::Close(until) => {
                self.outage.refused(now);
                self.close(until);
                // Behind this wall there is less than was inferred, nobody knows how much.
                if self.doubt.is_wall() && self.requests.forget_inferred() {
                    self.is_anew = true;
                }
            }
            Step::Quota { used, window_ms } if self.requests.explains(used) => {
                self.requests.window = account::Window::Sliding { ms: window_ms };
                self.requests.infer(now, used);
                self.probe = Probe::Due;
            }
            Step::Bucket { unit_ms } if self.requests.allowed.is_none() => {
                self.requests.infer_bucket(now, unit_ms);
                self.probe = Probe::Due;
            }
            // A known quota that was not used up is no reason for them.
            Step::Retry | Step::Quota { .. } | Step::Bucket { .. } => {}
        }
    }

    /// Whether nothing at all was admitted so far, not even after a while: then it may be the size
    /// of the prompts.
    fn is_too_much_for_all(&self, tokens: u64) -> bool {
        self.admitted == 0 && self.doubt.is_lasting_wall() && tokens > FEW_TOKENS
    }

    fn forgive(&mut self, sent: u64, tokens: u64, was_refused: bool) {
        self.requests.give_back(sent, 1, was_refused);
        self.tokens.give_back(sent, tokens, was_refused);
    }

    fn failed(&mut self, now: u64, sent: u64, hint: Option<Duration>) {
        self.outage.failed(now);
        if let Some(hint) = hint {
            self.close(now + millis(hint) + 1);
        }
        if self.last_failure_cut.is_none_or(|cut| sent >= cut) {
            self.last_failure_cut = Some(now);
            if self.failures == 0 {
                self.bore = self.in_flight;
            }
            self.failures += 1;
            // If calls fail at every concurrency, the service is down, not overloaded: one epoch.
            let calls = if self.failures < FAILURES { self.in_flight } else { self.bore };
            self.in_flight = (calls / 2).max(1);
        }
        if self.failures >= FAILURES {
            let (first, longest) = FAILURE_MS;
            let wait = first << (self.failures - FAILURES).min(16);
            self.close(now + wait.min(longest));
        }
    }
}

impl Limit for QuotaLimiter {
    fn current(&self) -> u64 {
        // A window's calls are still in flight when the next begins, if they take longer than it.
        let most = self.requests.learned().map_or(u64::MAX, |known| {
            known.limit.saturating_mul(1 + self.slowest_ms / millis(known.window).max(1))
        });
        self.in_flight.min(most).max(1)
    }

    fn obstacle(&self, now: Duration, is_full: bool) -> Obstacle {
        let is_closed = clock(now) < self.closed_until || matches!(self.probe, Probe::Out(_));
        if is_closed && self.outage.is_of_failures() {
            Obstacle::Failures
        } else if is_full && self.in_flight == self.current() {
            Obstacle::Place
        } else {
            Obstacle::Quota
        }
    }

    fn next_start(&mut self, now: Duration, tokens: u64) -> Start {
        let (now, tokens) = (clock(now), tokens.min(MOST));
        if self.tokens.is_too_large(tokens) {
            return Start::Never;
        }
        if now < self.closed_until {
            // What has failed for so long is not expected back soon.
            let lost = if self.outage.is_lost(now) { now + self.outage.patience_ms + 1 } else { 0 };
            return Start::At(since_start(self.closed_until.max(lost)));
        }
        if matches!(self.probe, Probe::Out(_)) {
            return if self.outage.is_lost(now) {
                Start::At(since_start(now + self.outage.patience_ms + 1))
            } else {
                Start::AfterAnother
            };
        }
        let requests = &self.requests;
        // What was inferred may be more than there is, as long as something is refused.
        let is_doubtful = requests.allowed.is_some_and(|allowed| allowed.is_inferred)
            && !requests.is_inferred_bucket()
            && self.warned_at.is_some_and(|at| now < at + WARNED_MS);
        let is_unknown = requests.allowed.is_none()
            || requests.exceeds(now)
            || requests.is_unproved()
            || is_doubtful;
        let paced = self.last_start.filter(|_| is_unknown).map_or(now, |at| at + self.spacing_ms());
        let at = self.requests.free_at(now, 1).max(self.tokens.free_at(now, tokens)).max(paced);
        if at > now { Start::At(since_start(at)) } else { Start::Now }
    }

    fn on_start(&mut self, now: Duration, tokens: u64) {
        let now = clock(now);
        self.requests.take(now, 1);
        self.tokens.take(now, tokens.min(MOST));
        self.last_start = Some(now);
        if self.probe == Probe::Due {
            self.probe = Probe::Out(now);
        }
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        let (now, sent) = (clock(now), clock(ended.sent));
        // As it was taken.
        let ended = &EndedCall { tokens: ended.tokens.min(MOST), ..ended.clone() };
        let is_answered = ended.verdict.outcome == Outcome::Success;
        if self.probe == Probe::Out(sent) {
            // Without an answer the next call is a probe as well.
            self.probe = if is_answered { Probe::None } else { Probe::Due };
        }
        match ended.verdict.outcome {
            Outcome::Success => self.succeeded(now, sent, ended),
            Outcome::RateLimited => self.refused(now, sent, ended),
            Outcome::Failed => self.failed(now, sent, ended.verdict.hint),
            Outcome::Ignored => self.told(now, &ended.verdict.quotas),
        }
    }

    fn remember(&self, now: Duration) -> Vec<LearnedQuota> {
        let accounts = [&self.requests, &self.tokens];
        accounts.into_iter().filter_map(|account| account.remember(clock(now))).collect()
    }

    fn recall(&mut self, remembered: &[LearnedQuota]) {
        for known in remembered {
            self.account(known.dimension).recall(clock(Duration::ZERO), known);
        }
    }

    fn closed_for(&self, now: Duration) -> Duration {
        Duration::from_millis(self.closed_until.saturating_sub(clock(now)))
    }

    fn keep_closed(&mut self, wait: Duration) {
        if !wait.is_zero() {
            self.close(clock(Duration::ZERO) + millis(wait));
        }
    }

    fn learned(&self) -> Vec<InferredQuota> {
        [&self.requests, &self.tokens].into_iter().filter_map(Account::learned).collect()
    }
}
