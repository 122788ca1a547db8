//! One batch, from its first attempt until every page of it has an answer or is given up.
//!
//! The law: a permit is held for one attempt and never through a wait (unless the configuration
//! asks for the original's way). Where the limiter keeps the quota, a refusal or a failure of the
//! service costs no attempt either: the batch stands in the line again, in its old place, and
//! leaves for the next provider only if the gate stays closed for longer than the patience. An
//! answer keeps what is valid; only the rest is asked again, and if that is more than half of the
//! pages, in halves (unless the configuration is the plan's). So each answer that a page spoils
//! leaves it among at most half as many others, and after log2(n) + 1 of them, rounded up, it was
//! alone. An answer that brings at least one page further starts the count of attempts anew, so that
//! a batch ends after finitely many calls: each either has fewer pages or one attempt less.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::pipeline::backoff;
use crate::pipeline::batch::{Batch, BatchId};
use crate::pipeline::config::PermitScope;
use crate::pipeline::error::ErrorClass;
use crate::pipeline::estimate::Answered;
use crate::pipeline::event::{CallId, CallOutcome, Event, FallbackReason};
use crate::pipeline::limiter::limit::{Outcome, Verdict};
use crate::pipeline::limiter::{Ask, Closed, Permit};
use crate::pipeline::page::Page;
use crate::pipeline::prompt;
use crate::pipeline::provider::{Answer, Failure};
use crate::pipeline::run::{RunContext, Tagged};

/// A batch that is told when to come again, and is refused each time, leaves after so many times the
/// patience.
const TOLD_AT_MOST: u32 = 4;

/// What one attempt brought.
struct Attempt {
    /// Nothing if every page was answered; else why not, and the wait that was asked for.
    failed: Option<(ErrorClass, Option<Duration>)>,
    /// Whether it answered at least one page.
    progress: bool,
}

/// What comes after a failed attempt.
enum Next {
    Wait(Duration, bool),
    /// To the gate, which knows when.
    Line,
    GiveUp(FallbackReason),
}

/// What a batch gets that stands in the line.
enum Turn {
    Permit(Permit),
    Closed,
    TooLarge,
    Cancelled,
}

/// How a part of a batch ended.
enum Ended {
    /// Every page of it has an answer.
    Answered,
    /// Most pages of it have none, because of what is in it: to be asked in halves.
    InHalves,
    /// No provider answered the rest.
    GivenUp(ErrorClass),
    /// The run was cancelled.
    Cancelled,
}

/// A batch on its way: what is counted for all its parts together.
struct Asking<'a> {
    run: &'a RunContext,
    id: BatchId,
    tagged: &'a mpsc::Sender<Tagged>,
    /// For the first attempt at the primary.
    permit: Option<Permit>,
    /// Attempts, by provider.
    attempts: Vec<u32>,
    /// How many providers have been left so far.
    left: usize,
}

/// Asks until the batch is answered, given up or cancelled; its first attempt has `permit`, if it
/// is there already.
pub(crate) async fn ask(
    run: &RunContext,
    batch: Batch,
    permit: Option<Permit>,
    tagged: &mpsc::Sender<Tagged>,
) {
    let Batch { id, pages } = batch;
    let attempts = vec![0; run.shared.providers.len()];
    let mut asking = Asking { run, id, tagged, permit, attempts, left: 0 };
    let mut parts = vec![pages];
    while let Some(mut part) = parts.pop() {
        match asking.part(&mut part).await {
            Ended::Answered => {}
            Ended::InHalves => {
                let second = part.split_off(part.len().div_ceil(2));
                parts.extend([second, part]);
            }
            Ended::GivenUp(class) => {
                for page in &part {
                    run.given_up(page, class);
                }
            }
            Ended::Cancelled => {
                parts.push(part);
                return parts.iter().for_each(|part| run.leave_pages(part));
            }
        }
    }
}

impl Asking<'_> {
    /// Asks one provider after the other about these pages; what is answered leaves the list.
    async fn part(&mut self, rest: &mut Vec<Page>) -> Ended {
        let run = self.run;
        // Who is never let in was kept out by the gate.
        let mut last = ErrorClass::RateLimited;
        let providers = &run.shared.providers;
        let usable = if run.config().fallback { providers.len() } else { providers.len().min(1) };
        for (index, provider) in providers.iter().enumerate().take(usable) {
            let why = match self.provider(index, rest, &mut last).await {
                Ok(ended) => return ended,
                Err(why) => why,
            };
            let next = providers.get(index + 1).filter(|_| index + 1 < usable);
            // A batch falls back once, however many parts it has come to.
            if let Some(to) = next.filter(|_| self.left == index) {
                self.left += 1;
                let (from, to) = (provider.name.clone(), to.name.clone());
                run.observe(Event::Fallback { batch: self.id, from, to, class: last, why });
            }
        }
        Ended::GivenUp(last)
    }

    /// Asks one provider until it has answered or is given up.
    async fn provider(
        &mut self,
        index: usize,
        rest: &mut Vec<Page>,
        last: &mut ErrorClass,
    ) -> Result<Ended, FallbackReason> {
        let (run, id) = (self.run, self.id);
        let mut held = self.permit.take();
        let mut failed = 0_u32;
        let mut failing_since = None;
        // Made once for as long as the same pages are asked about.
        let mut request = None;
        loop {
            let permit = match turn(run, index, (id, rest), held.take()).await {
                Turn::Permit(permit) => permit,
                Turn::Closed => return Err(FallbackReason::Patience),
                Turn::TooLarge if rest.len() > 1 => return Ok(Ended::InHalves),
                Turn::TooLarge => return Err(FallbackReason::TooLarge),
                Turn::Cancelled => return Ok(Ended::Cancelled),
            };
            self.attempts[index] += 1;
            let attempt = self.attempts[index];
            if attempt == 1 {
                run.shared.deposit_retry();
            }
            let asked = rest.len();
            let made = request.get_or_insert_with(|| prompt_for(run, index, rest)).clone();
            let attempted = call(run, index, (id, attempt), (rest, made), self.tagged, permit);
            let (result, permit) = attempted.await;
            if result.progress {
                request = None;
            }
            if run.config().permit_scope == PermitScope::Batch {
                held = permit;
            }
            let Some((class, hint)) = result.failed else { return Ok(Ended::Answered) };
            *last = class;
            let is_most = rest.len() * 2 > asked && rest.len() > 1;
            if run.config().halves && class.is_of_the_pages() && is_most {
                return Ok(Ended::InHalves);
            }
            let next = if run.config().keeps_quota() && class.is_of_the_service() {
                let since = *failing_since.get_or_insert(Instant::now());
                // Who is told when to come again waits for that, as long as it takes not for ever.
                let is_told = class == ErrorClass::RateLimited && hint.is_some();
                let times = if is_told { TOLD_AT_MOST } else { 1 };
                if since.elapsed() > Duration::from_secs(run.config().patience_s) * times {
                    return Err(FallbackReason::Patience);
                }
                Next::Line
            } else {
                failing_since = None;
                failed = if result.progress { 0 } else { failed + 1 };
                next(run, rest, class, hint, failed)
            };
            match next {
                Next::GiveUp(why) => return Err(why),
                Next::Line => {}
                Next::Wait(delay, hinted) => {
                    if !self.wait(index, class, delay, hinted).await {
                        return Ok(Ended::Cancelled);
                    }
                }
            }
        }
    }

    /// Waits before another attempt; whether the run goes on then.
    async fn wait(&self, index: usize, class: ErrorClass, delay: Duration, hinted: bool) -> bool {
        let run = self.run;
        if !delay.is_zero() {
            let (batch, delay_ms) = (self.id, millis(delay));
            let provider = run.shared.providers[index].name.clone();
            run.observe(Event::Backoff { batch, provider, class, delay_ms, hinted });
        }
        tokio::select! {
            biased;
            () = run.cancel.cancelled() => false,
            () = sleep(delay) => true,
        }
    }
}

/// Where a batch stands in the line, and for how long.
pub(crate) fn place(run: &RunContext, batch: BatchId, tokens: u64) -> Ask {
    if run.config().keeps_quota() {
        let patience = Duration::from_secs(run.config().patience_s);
        Ask { order: batch.0, tokens, patience }
    } else {
        Ask { tokens, ..Ask::default() }
    }
}

/// Waits for a permit, unless the run is cancelled or the gate is closed for too long.
async fn turn(
    run: &RunContext,
    provider_index: usize,
    (batch, rest): (BatchId, &[Page]),
    held: Option<Permit>,
) -> Turn {
    if run.cancel.is_cancelled() {
        return Turn::Cancelled;
    }
    if let Some(held) = held {
        return Turn::Permit(held);
    }
    let asked = Instant::now();
    let limiter = run.shared.limiter(provider_index);
    let tokens = run.shared.estimates(provider_index).input_tokens(prompt::chars(rest));
    let tokens = run.shared.charged_tokens(provider_index, tokens);
    let ask = place(run, batch, tokens);
    tokio::select! {
        biased;
        () = run.cancel.cancelled() => Turn::Cancelled,
        permit = limiter.acquire_for(ask) => match permit {
            Ok(permit) => {
                let waited_ms = millis(asked.elapsed());
                run.observe(Event::PermitGranted { batch, waited_ms });
                Turn::Permit(permit)
            }
            Err(Closed::For(_)) => Turn::Closed,
            Err(Closed::TooLarge) => Turn::TooLarge,
        }
    }
}

/// One call: sends the prompt, passes on the pages that it answers and keeps the others in `rest`.
async fn call(
    run: &RunContext,
    provider_index: usize,
    (batch, attempt): (BatchId, u32),
    (rest, request): (&mut Vec<Page>, Option<Request<Bytes>>),
    tagged: &mpsc::Sender<Tagged>,
    permit: Permit,
) -> (Attempt, Option<Permit>) {
    let provider = &run.shared.providers[provider_index];
    let call = CallId(run.calls.fetch_add(1, Ordering::Relaxed) + 1);
    let (in_flight, limit) = run.shared.limiter(provider_index).load();
    run.observe(Event::AttemptStarted {
        call,
        batch,
        provider: provider.name.clone(),
        model: None,
        attempt,
        pages: rest.len() as u64,
        in_flight,
        limit: Some(limit),
    });
    let started = Instant::now();
    let (status, result) = exchange(run, provider_index, request).await;
    let latency_ms = millis(started.elapsed());

    let chars = prompt::chars(rest);
    let (usage, answered, class, hint, quotas) = match result {
        Ok(Answer { text, truncated, usage, quotas }) => {
            let answers = prompt::read_answer(&text, rest, &run.shared.taxonomy);
            let class = match (answers.len() == rest.len(), truncated, answers.is_empty()) {
                (true, _, _) => None,
                (false, true, _) => Some(ErrorClass::Truncated),
                (false, false, true) => Some(ErrorClass::Malformed),
                (false, false, false) => Some(ErrorClass::Incomplete),
            };
            (usage, answers, class, None, quotas)
        }
        Err(Failure { class, hint, usage, quotas }) => {
            (usage, std::collections::BTreeMap::new(), Some(class), hint, quotas)
        }
    };
    let is_answered = status.is_some_and(|status| (200..300).contains(&status));
    run.shared.learn(provider_index, |estimates| {
        if is_answered {
            let (input_tokens, output_tokens) = (usage.input_tokens, usage.output_tokens);
            let (pages, is_whole) = (rest.len() as u64, class.is_none());
            estimates.learn(Answered {
                pages,
                chars,
                input_tokens,
                output_tokens,
                latency_ms,
                is_whole,
            });
        } else {
            estimates.learn_input(chars, usage.input_tokens);
        }
    });
    let outcome = match (class, answered.is_empty()) {
        (None, _) => CallOutcome::Ok,
        (Some(_), false) => CallOutcome::Partial,
        (Some(_), true) => CallOutcome::Failed,
    };
    run.observe(Event::AttemptFinished {
        call,
        batch,
        provider: provider.name.clone(),
        model: None,
        outcome,
        class,
        status,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        latency_ms,
        hint_ms: hint.map(millis),
    });
    let verdict = Verdict {
        outcome: verdict(status, outcome, class),
        input_tokens: Some(usage.input_tokens)
            .filter(|tokens| *tokens > 0)
            .map(|tokens| run.shared.charged_tokens(provider_index, tokens)),
        hint,
        exhausted: class == Some(ErrorClass::QuotaExhausted),
        quotas,
    };
    let held = settle(run, provider_index, permit, verdict, class.is_some());

    let progress = !answered.is_empty();
    for (id, tags) in answered {
        let Some(position) = rest.iter().position(|page| page.id == id) else { continue };
        let page = rest.remove(position);
        run.shared.remember(&page, &provider.model, &tags);
        run.answered(&page, tags, tagged).await;
    }
    (Attempt { failed: class.map(|class| (class, hint)), progress }, held)
}

/// What a call tells the limiter. An answer that is of no use is an answer all the same.
fn verdict(status: Option<u16>, outcome: CallOutcome, class: Option<ErrorClass>) -> Outcome {
    match (status, outcome) {
        (Some(429), _) => Outcome::RateLimited,
        (Some(200..=299), _) | (_, CallOutcome::Ok | CallOutcome::Partial) => Outcome::Success,
        (_, CallOutcome::Failed) if class.is_some_and(ErrorClass::is_of_the_service) => {
            Outcome::Failed
        }
        (_, CallOutcome::Failed) => Outcome::Ignored,
    }
}

/// Gives the permit back, or keeps it for the batch where it is configured so.
fn settle(
    run: &RunContext,
    provider_index: usize,
    mut permit: Permit,
    verdict: Verdict,
    goes_on: bool,
) -> Option<Permit> {
    if run.config().permit_scope == PermitScope::Batch && goes_on {
        // The limit still learns what became of the call; only the place is kept.
        let taught = permit.teach(verdict);
        run.taught(provider_index, taught);
        return Some(permit);
    }
    run.taught(provider_index, permit.finish(verdict));
    None
}

/// The request that asks about these pages; nothing if none can be made.
fn prompt_for(run: &RunContext, provider_index: usize, pages: &[Page]) -> Option<Request<Bytes>> {
    let text = prompt::render(&run.shared.taxonomy, pages);
    let provider = &run.shared.providers[provider_index];
    provider.request(&text, &run.shared.taxonomy, run.config().max_output_tokens).ok()
}

async fn exchange(
    run: &RunContext,
    provider_index: usize,
    request: Option<Request<Bytes>>,
) -> (Option<u16>, Result<Answer, Failure>) {
    let provider = &run.shared.providers[provider_index];
    let fail = |class| Err(Failure::of(class));
    let Some(request) = request else { return (None, fail(ErrorClass::BadRequest)) };
    let time_limit = Duration::from_millis(run.config().timeout_ms);
    match timeout(time_limit, run.shared.transport.send(request)).await {
        Err(_) => (None, fail(ErrorClass::Timeout)),
        Ok(Err(error)) => (None, fail(error.into())),
        Ok(Ok(response)) => (Some(response.status().as_u16()), provider.read(&response)),
    }
}

/// Decides what follows a failed attempt: the `failed`-th in a row without progress.
fn next(
    run: &RunContext,
    rest: &[Page],
    class: ErrorClass,
    hint: Option<Duration>,
    failed: u32,
) -> Next {
    let config = run.config();
    if config.backoff_by_class && !class.is_transient() {
        return Next::GiveUp(FallbackReason::Permanent);
    }
    if failed == 0 {
        return Next::Wait(Duration::ZERO, false);
    }
    if u64::from(failed) >= config.attempts {
        return Next::GiveUp(FallbackReason::Attempts);
    }
    let hint = hint.filter(|_| config.retry_hints);
    if hint.is_some_and(|hint| hint > Duration::from_secs(config.patience_s)) {
        return Next::GiveUp(FallbackReason::Patience);
    }
    if !run.shared.withdraw_retry() {
        return Next::GiveUp(FallbackReason::Budget);
    }
    let identity = rest.iter().map(|page| page.id.0).min().unwrap_or(0);
    let draw = run.shared.seed.draw("backoff", identity, u64::from(failed));
    if let Some(hint) = hint {
        Next::Wait(backoff::after_hint(hint, draw), true)
    } else {
        let schedule = if config.backoff_by_class {
            backoff::for_class(config.backoff, class)
        } else {
            config.backoff
        };
        Next::Wait(schedule.delay(failed, draw), false)
    }
}

/// A duration in whole milliseconds.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
