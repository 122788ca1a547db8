//! One batch, from its first attempt until every page of it has an answer or is given up.
//!
//! The law: a permit is held for one attempt and never through a wait (unless the configuration
//! asks for the original's way). Where the limiter keeps the quota, a refusal or a failure of the
//! service costs no attempt either: the batch stands in the line again, and leaves for the next
//! provider only if the gate stays closed for longer than the patience. A refused batch has its old
//! place there; one that met a failure goes to the end, so that others find out whether the service
//! is back.
//!
//! An answer keeps what is valid; only the rest is asked again, and if that is more than half of the
//! pages, in halves (unless the configuration is the plan's). So each answer that a page spoils
//! leaves it among at most half as many others, and after log2(n) + 1 of them, rounded up, it was
//! alone. A part that the service fails again and again while it answers others is halved as well
//! (`suspicion.rs`). An answer that brings at least one page further starts the count of attempts
//! anew, so that a batch ends after finitely many calls: each either has fewer pages or one attempt
//! less.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::pipeline::batch::{Batch, BatchId};
use crate::pipeline::config::PermitScope;
use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::event::{Awaited, Event, FallbackReason};
use crate::pipeline::limiter::line_time::WaitParts;
use crate::pipeline::limiter::{Closed, Permit, PermitRequest};
use crate::pipeline::page::Page;
use crate::pipeline::run::attempt::{Attempt, FailedCall, Prompt, millis};
use crate::pipeline::run::suspicion::{Blame, Suspicion};
use crate::pipeline::run::{BegunWait, RunContext, Tagged, attempt};
use crate::pipeline::{backoff, prompt};

/// A batch that is told when to come again, and is refused each time, leaves after this many times the
/// patience.
const TOLD_AT_MOST: u32 = 4;
/// A batch that is refused while others are answered is not refused for what it is: it goes on, but not
/// for more refusals than this.
const REFUSED_AT_MOST: u32 = 100;

/// Pages of a batch that are asked about together.
struct PageGroup {
    pages: Vec<Page>,
    /// The provider that is asked.
    provider: usize,
    /// Its place in the line.
    order: u64,
    /// Failed attempts in a row without progress.
    failed: u32,
    /// Since when the service has failed or refused it.
    failing_since: Option<Instant>,
    /// Refusals since then.
    refused: u32,
    suspicion: Suspicion,
    /// Its last failure.
    last: Option<Cause>,
}

/// What comes after a failed attempt.
enum Next {
    Wait(Duration, bool),
    /// To the gate, which knows when.
    Line,
    GiveUp(FallbackReason),
}

/// What a part gets that stands in the line.
enum Turn {
    Permit(Permit),
    Closed,
    TooLarge,
    Cancelled,
}

/// How a part ended, or what is next for it.
enum Step {
    /// Every page of it has an answer.
    Answered,
    /// It is to be asked in halves.
    InHalves,
    /// Other parts of the batch come first.
    Later,
    /// No provider answered the rest.
    GivenUp(Cause),
    /// The run was cancelled.
    Cancelled,
}

/// A batch on its way: what is counted for all its parts together.
struct Asking<'a> {
    run: &'a RunContext,
    id: BatchId,
    tagged: &'a mpsc::Sender<Tagged>,
    /// For the first attempt, at the provider of this place in the list.
    permit: Option<(usize, Permit)>,
    /// Attempts, by provider.
    attempts: Vec<u32>,
    /// How many providers have been left so far.
    left: usize,
    /// Parts that wait for their turn.
    parts: VecDeque<PageGroup>,
}

/// Asks until the batch is answered, given up or cancelled; its first attempt has `permit`, if it
/// is there already.
pub(crate) async fn ask(
    run: &RunContext,
    batch: Batch,
    permit: Option<(usize, Permit)>,
    tagged: &mpsc::Sender<Tagged>,
) {
    let Batch { id, pages } = batch;
    let attempts = vec![0; run.shared.lanes.len()];
    let parts = VecDeque::from([PageGroup::new(pages, id.0)]);
    let mut asking = Asking { run, id, tagged, permit, attempts, left: 0, parts };
    while let Some(mut part) = asking.parts.pop_front() {
        match asking.part(&mut part).await {
            Step::Answered => {}
            // Behind the other parts, so that not all of them wait for the page that spoils this one.
            Step::InHalves => asking.parts.extend(part.halves()),
            Step::Later => asking.parts.push_back(part),
            Step::GivenUp(cause) => {
                for page in &part.pages {
                    run.given_up(page, &cause);
                }
            }
            Step::Cancelled => {
                asking.parts.push_back(part);
                return asking.parts.iter().for_each(|part| run.leave_pages(&part.pages));
            }
        }
    }
}

impl PageGroup {
    fn new(pages: Vec<Page>, order: u64) -> Self {
        let (suspicion, last) = (Suspicion::default(), None);
        Self {
            pages,
            provider: 0,
            order,
            failed: 0,
            failing_since: None,
            refused: 0,
            suspicion,
            last,
        }
    }

    /// Two parts of half the pages, at the same provider.
    fn halves(mut self) -> [Self; 2] {
        let second = self.pages.split_off(self.pages.len().div_ceil(2));
        let half = |pages| Self {
            provider: self.provider,
            suspicion: self.suspicion.inherited(),
            last: self.last.clone(),
            ..Self::new(pages, self.order)
        };
        [half(std::mem::take(&mut self.pages)), half(second)]
    }

    /// Goes on with the next provider, which knows nothing of it.
    fn leave_provider(&mut self) {
        self.provider += 1;
        (self.failed, self.failing_since) = (0, None);
        self.suspicion = Suspicion::default();
    }
}

impl Asking<'_> {
    /// Asks one provider after the other about these pages; what is answered leaves the part.
    async fn part(&mut self, part: &mut PageGroup) -> Step {
        let run = self.run;
        let lanes = &run.shared.lanes;
        let usable = if run.config().fallback { lanes.len() } else { lanes.len().min(1) };
        while part.provider < usable {
            let index = part.provider;
            let why = match self.provider(part).await {
                Ok(ended) => return ended,
                Err(why) => why,
            };
            part.leave_provider();
            let last = self.cause(part, index);
            let next = lanes.get(part.provider).filter(|_| part.provider < usable);
            // A batch falls back once, however many parts it has come to.
            if let Some(to) = next.filter(|_| self.left == index) {
                self.left += 1;
                let (from, to) = (lanes[index].provider.name.clone(), to.provider.name.clone());
                run.observe(Event::Fallback { batch: self.id, from, to, class: last.class, why });
            }
        }
        let last = self.cause(part, usable.saturating_sub(1));
        if run.standings[..usable].iter().all(|standing| standing.lost().is_some()) {
            run.stop(&last);
        }
        Step::GivenUp(last)
    }

    /// Why a provider has not answered a part. If it was not even asked, the gate was closed because
    /// of others.
    fn cause(&self, part: &PageGroup, index: usize) -> Cause {
        let name = &self.run.shared.lanes[index].provider.name;
        let own = part.last.clone().filter(|last| last.service == *name);
        own.or_else(|| self.run.standings[index].lost())
            .or_else(|| self.run.standings[index].last_failure())
            .unwrap_or_else(|| Cause {
                service: name.clone(),
                class: ErrorClass::RateLimited,
                status: None,
            })
    }

    /// Asks one provider until it has answered, is given up, or others come first.
    async fn provider(&mut self, part: &mut PageGroup) -> Result<Step, FallbackReason> {
        let (run, index) = (self.run, part.provider);
        let held = self.permit.take().filter(|(of, _)| *of == index);
        let mut held = held.map(|(_, permit)| permit);
        // Made once for as long as the same pages are asked about.
        let mut made: Option<Prompt> = None;
        loop {
            if run.standings[index].lost().is_some() {
                return Err(FallbackReason::Permanent);
            }
            let permit = match turn(run, self.id, part, held.take()).await {
                Turn::Permit(permit) => permit,
                Turn::Closed => return Err(FallbackReason::Patience),
                Turn::TooLarge if part.pages.len() > 1 => return Ok(Step::InHalves),
                Turn::TooLarge => return Err(FallbackReason::TooLarge),
                Turn::Cancelled => return Ok(Step::Cancelled),
            };
            self.attempts[index] += 1;
            let number = self.attempts[index];
            if number == 1 {
                run.shared.deposit_retry();
            }
            let asked = part.pages.len();
            let prompt =
                made.get_or_insert_with(|| attempt::prompt(run, index, &part.pages)).clone();
            let Some(set_aside) = run.set_aside(index, prompt.bytes()).await else {
                return Ok(Step::Cancelled);
            };
            part.suspicion.sent(run.standings[index].answers());
            let (batch, tagged) = (self.id, self.tagged);
            let is_repeat = part.failed > 0;
            let attempt =
                Attempt { run, provider: index, batch, number, is_repeat, set_aside, tagged };
            let outcomes = attempt.call(&mut part.pages, prompt, permit).await;
            if outcomes.has_progress {
                made = None;
                run.standings[index].has_passed(part.suspicion.cleared());
            }
            if run.config().permit_scope == PermitScope::Batch {
                held = outcomes.permit;
            }
            let Some(failed) = outcomes.failed else { return Ok(Step::Answered) };
            if failed.goes_without {
                made = None;
                continue;
            }
            if let Some(ended) = self.failed(part, asked, &failed)? {
                return Ok(ended);
            }
            match self.next(part, &failed, outcomes.has_progress) {
                Next::GiveUp(why) => return Err(why),
                Next::Line if !self.parts.is_empty() && part.suspicion.is_inherited() => {
                    return Ok(Step::Later);
                }
                Next::Line => {}
                Next::Wait(delay, hinted) => {
                    if !self.wait(index, failed.cause.class, delay, hinted).await {
                        return Ok(Step::Cancelled);
                    }
                }
            }
        }
    }

    /// Whether a failure ends the part as it is: it is asked in halves, or a page of it is the cause.
    fn failed(
        &self,
        part: &mut PageGroup,
        asked: usize,
        failed: &FailedCall,
    ) -> Result<Option<Step>, FallbackReason> {
        let (run, class) = (self.run, failed.cause.class);
        part.last = Some(failed.cause.clone());
        if !run.config().halves {
            return Ok(None);
        }
        let standing = &run.standings[part.provider];
        // A refusal of the account that only some prompts meet is one of these prompts.
        let is_of_the_pages =
            class.is_of_the_pages() || (class.is_of_the_account() && standing.answers() > 0);
        let count = part.pages.len();
        if is_of_the_pages && count * 2 > asked && count > 1 {
            return Ok(Some(Step::InHalves));
        }
        if !run.config().keeps_quota() || !class.may_be_of_the_request() {
            return Ok(None);
        }
        part.order = run.end_of_line();
        let known = (standing.answers(), standing.passed());
        match part.suspicion.failed(class, known, count) {
            Blame::Open => Ok(None),
            Blame::OfThePages if count > 1 => Ok(Some(Step::InHalves)),
            Blame::OfThePages => Err(FallbackReason::Permanent),
        }
    }

    /// Decides what follows a failed attempt.
    fn next(&self, part: &mut PageGroup, failed: &FailedCall, has_progress: bool) -> Next {
        let (config, FailedCall { cause, hint, .. }) = (self.run.config(), failed);
        let class = cause.class;
        if config.keeps_quota() && class.is_of_the_service() {
            let since = *part.failing_since.get_or_insert(Instant::now());
            // A stated time is waited for, but not for ever.
            let is_told = class == ErrorClass::RateLimited && hint.is_some();
            let times = if is_told { TOLD_AT_MOST } else { 1 };
            let patience = Duration::from_secs(config.patience_s) * times;
            let answered = self.run.standings[part.provider].answered_at();
            part.refused += u32::from(class == ErrorClass::RateLimited);
            let goes_on = class == ErrorClass::RateLimited
                && part.refused < REFUSED_AT_MOST
                && answered.is_some_and(|at| at.elapsed() <= patience);
            if since.elapsed() > patience && !goes_on {
                return Next::GiveUp(FallbackReason::Patience);
            }
            return Next::Line;
        }
        (part.failing_since, part.refused) = (None, 0);
        part.failed = if has_progress { 0 } else { part.failed + 1 };
        if config.backoff_by_class && !class.is_transient() {
            return Next::GiveUp(FallbackReason::Permanent);
        }
        if part.failed == 0 {
            return Next::Wait(Duration::ZERO, false);
        }
        if u64::from(part.failed) >= config.attempts {
            return Next::GiveUp(FallbackReason::Attempts);
        }
        let hint = hint.filter(|_| config.retry_hints);
        if hint.is_some_and(|hint| hint > Duration::from_secs(config.patience_s)) {
            return Next::GiveUp(FallbackReason::Patience);
        }
        if !self.run.shared.withdraw_retry() {
            return Next::GiveUp(FallbackReason::Budget);
        }
        let identity = part.pages.iter().map(|page| page.id.0).min().unwrap_or(0);
        let draw = self.run.shared.seed.draw("backoff", identity, u64::from(part.failed));
        if let Some(hint) = hint {
            Next::Wait(backoff::after_hint(hint, draw), true)
        } else {
            let schedule = if config.backoff_by_class {
                backoff::for_class(config.backoff, class)
            } else {
                config.backoff
            };
            Next::Wait(schedule.delay(part.failed, draw), false)
        }
    }

    /// Waits before another attempt; whether the run goes on then.
    async fn wait(&self, index: usize, class: ErrorClass, delay: Duration, hinted: bool) -> bool {
        let run = self.run;
        if !delay.is_zero() {
            let (batch, delay_ms) = (self.id, millis(delay));
            let provider = run.shared.lanes[index].provider.name.clone();
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
pub(crate) fn place(run: &RunContext, order: u64) -> PermitRequest {
    if run.config().keeps_quota() {
        let patience = Duration::from_secs(run.config().patience_s);
        PermitRequest { order, patience }
    } else {
        PermitRequest::default()
    }
}

/// Waits for a permit, unless the run is cancelled or the gate is closed for too long.
async fn turn(run: &RunContext, batch: BatchId, part: &PageGroup, held: Option<Permit>) -> Turn {
    if run.cancel.is_cancelled() {
        return Turn::Cancelled;
    }
    if let Some(held) = held {
        return Turn::Permit(held);
    }
    let index = part.provider;
    let limiter = &run.shared.lanes[index].limiter;
    let begun = BegunWait::beside(limiter.line_time());
    let counted = prompt::tokens(&part.pages);
    // While it waits, answers to others tell how far the count is off.
    let tokens = || {
        let tokens = run.shared.lanes[index].estimates().input_tokens(counted);
        (run.shared.charged_tokens(index, tokens), ())
    };
    let ask = place(run, part.order);
    tokio::select! {
        biased;
        () = run.cancel.cancelled() => {
            run.waited(Awaited::Gate, Some(batch), None, begun.parts(limiter.line_time()));
            Turn::Cancelled
        }
        permit = limiter.acquire_with(ask, tokens) => match permit {
            Ok((permit, ())) => {
                let WaitParts { waited_ms, quota_ms, backoff_ms } =
                    begun.parts(limiter.line_time());
                run.observe(Event::PermitGranted { batch, waited_ms, quota_ms, backoff_ms });
                Turn::Permit(permit)
            }
            Err(closed) => {
                run.waited(Awaited::Gate, Some(batch), None, begun.parts(limiter.line_time()));
                match closed {
                    Closed::For(_) => Turn::Closed,
                    Closed::TooLarge => Turn::TooLarge,
                }
            }
        }
    }
}
