//! One call: a prompt about pages goes out, and what comes back is read, counted and passed on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::pipeline::answer::Reading;
use crate::pipeline::batch::BatchId;
use crate::pipeline::config::PermitScope;
use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::estimate::Answered;
use crate::pipeline::event::{CallId, CallOutcome, Event, Pause, TOLD_PAUSE};
use crate::pipeline::limiter::Permit;
use crate::pipeline::limiter::algorithm::{CallReport, Outcome};
use crate::pipeline::page::Page;
use crate::pipeline::page_note::PageNote;
use crate::pipeline::provider::stated_quota::Stated;
use crate::pipeline::provider::{Answer, Failure, RefusedExtras, Usage};
use crate::pipeline::run::{RunContext, Tagged};
use crate::pipeline::{answer, prompt};
use crate::price;

/// A call that is about to be made.
pub(crate) struct Attempt<'a> {
    pub(crate) run: &'a RunContext,
    /// The provider's place in the list.
    pub(crate) provider: usize,
    pub(crate) batch: BatchId,
    /// Counted from 1, of this batch at this provider.
    pub(crate) number: u32,
    /// Whether these very pages were asked about before, and nothing came of it.
    pub(crate) is_repeat: bool,
    /// What is set aside for it, in millionths of a dollar.
    pub(crate) set_aside: u64,
    pub(crate) tagged: &'a mpsc::Sender<Tagged>,
}

/// A prompt, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    /// Nothing if none can be made.
    request: Option<Request<Bytes>>,
    /// The extras that it goes without.
    refused: RefusedExtras,
}

impl Prompt {
    /// The size of what is sent.
    pub(crate) fn bytes(&self) -> u64 {
        self.request.as_ref().map_or(0, |request| request.body().len() as u64)
    }
}

/// What a call brought.
pub(crate) struct Outcomes {
    /// Nothing if every page was answered.
    pub(crate) failed: Option<FailedCall>,
    /// Whether it answered at least one page.
    pub(crate) has_progress: bool,
    /// The permit, where the batch keeps it.
    pub(crate) permit: Option<Permit>,
}

/// A call that did not answer every page.
pub(crate) struct FailedCall {
    pub(crate) cause: Cause,
    /// The wait that was asked for.
    pub(crate) hint: Option<Duration>,
    /// Whether the same prompt may go out at once, without the part that was refused.
    pub(crate) goes_without: bool,
}

/// A response, as it was read.
struct Response {
    status: Option<u16>,
    usage: Usage,
    reading: Reading,
    class: Option<ErrorClass>,
    hint: Option<Duration>,
    quotas: Vec<Stated>,
    goes_without: bool,
}

/// The prompt that asks a provider about these pages.
pub(crate) fn prompt(run: &RunContext, provider: usize, pages: &[Page]) -> Prompt {
    let refused = run.standings[provider].refused();
    let (taxonomy, most) = (&run.shared.taxonomy, run.config().max_output_tokens);
    let text = prompt::render(taxonomy, pages);
    let request = run.shared.lanes[provider].provider.request(&text, taxonomy, most, refused).ok();
    Prompt { request, refused }
}

impl Attempt<'_> {
    /// Sends the prompt, passes on the pages that it answers and keeps the others in `rest`.
    pub(crate) async fn call(
        &self,
        rest: &mut Vec<Page>,
        prompt: Prompt,
        permit: Permit,
    ) -> Outcomes {
        let run = self.run;
        let provider = &run.shared.lanes[self.provider].provider;
        let call = CallId(run.calls.fetch_add(1, Ordering::Relaxed) + 1);
        self.started(call, rest.len());
        let started = Instant::now();
        let response = self.exchange(rest, prompt).await;
        let latency_ms = millis(started.elapsed());
        run.settle(self.provider, self.set_aside, response.billed());
        self.note(rest, &response);
        self.learn(rest, &response, latency_ms);
        self.finished(call, &response, latency_ms);
        let held = self.settle(permit, &response);
        let status = response.status;
        let has_progress = !response.reading.tags.is_empty();
        let standing = &run.standings[self.provider];
        if has_progress || response.class.is_none() {
            standing.answered();
        }
        let failed = response.class.map(|class| {
            let cause = Cause { service: provider.name.clone(), class, status };
            let Response { hint, goes_without, .. } = response;
            // The plan has one way with all failures.
            if !has_progress && !goes_without && run.config().backoff_by_class {
                // A block says of several pages no more than that one of them is odd.
                let is_of_several = class == ErrorClass::Blocked && rest.len() > 1;
                standing.failed(&cause, self.is_repeat || is_of_several);
            }
            FailedCall { cause, hint, goes_without }
        });
        let mut answered = Vec::new();
        for (id, tags) in response.reading.tags {
            let Some(position) = rest.iter().position(|page| page.id == id) else { continue };
            answered.push((rest.remove(position), tags));
        }
        // The whole answer is stored before a label is written.
        run.shared.store_answers(&provider.model, &answered);
        for (page, tags) in answered {
            run.shared.remember(&page, &provider.model, &tags);
            run.answered(&page, tags, self.batch, self.tagged).await;
        }
        Outcomes { failed, has_progress, permit: held }
    }

    fn started(&self, call: CallId, pages: usize) {
        let run = self.run;
        let (in_flight, limit) = run.shared.lanes[self.provider].limiter.load();
        run.observe(Event::AttemptStarted {
            call,
            batch: self.batch,
            provider: run.shared.lanes[self.provider].provider.name.clone(),
            model: None,
            attempt: self.number,
            pages: pages as u64,
            in_flight,
            limit: Some(limit),
        });
    }

    fn finished(&self, call: CallId, response: &Response, latency_ms: u64) {
        self.run.observe(Event::AttemptFinished {
            call,
            batch: self.batch,
            provider: self.run.shared.lanes[self.provider].provider.name.clone(),
            model: None,
            outcome: response.outcome(),
            class: response.class,
            status: response.status,
            input_tokens: response.usage.input_tokens,
            output_tokens: response.usage.output_tokens,
            latency_ms,
            hint_ms: response.hint.map(millis),
            dropped: response.reading.dropped,
        });
    }

    /// Tells what the call cost of each page that it asked about, and what was dropped of its answer.
    fn note(&self, asked: &[Page], response: &Response) {
        let run = self.run;
        let model = &run.shared.lanes[self.provider].provider.model;
        let cost = response.billed().and_then(|usage| {
            // What was not billed costs nothing at any price.
            let Usage { input_tokens, output_tokens } = usage;
            let is_free = usage == Usage::default();
            let price = price::of(model);
            is_free.then_some(0).or(price.map(|p| p.usd_micros(input_tokens, output_tokens)))
        });
        let lengths: Vec<u64> = asked.iter().map(|page| page.text.len() as u64 + 1).collect();
        let shares = cost.map(|cost| shares(cost, &lengths));
        for (index, page) in asked.iter().enumerate() {
            let usd_micros = shares.as_ref().map(|shares| shares[index]);
            run.noted(&PageNote::Asked { page: page.id, model, usd_micros });
        }
        for (page, labels) in &response.reading.unknown {
            run.noted(&PageNote::Dropped { page: *page, labels });
        }
    }

    /// Sends the prompt and reads what comes back, within the time limit.
    async fn exchange(&self, asked: &[Page], prompt: Prompt) -> Response {
        let run = self.run;
        let provider = &run.shared.lanes[self.provider].provider;
        let Prompt { request, refused } = prompt;
        let Some(request) = request else {
            return Response::failed(None, Failure::of(ErrorClass::BadRequest));
        };
        let time_limit = Duration::from_millis(run.config().timeout_ms);
        let response = match timeout(time_limit, run.shared.transport.send(request)).await {
            Err(_) => return Response::failed(None, Failure::of(ErrorClass::Timeout)),
            Ok(Err(error)) => return Response::failed(None, Failure::of(error.into())),
            Ok(Ok(response)) => response,
        };
        let status = Some(response.status().as_u16());
        match provider.read(&response) {
            Ok(Answer { text, truncated, usage, quotas }) => {
                let reading = answer::read(&text, asked, &run.shared.taxonomy);
                let answered = reading.tags.len();
                let class = match (answered == asked.len(), truncated, answered) {
                    (true, ..) => None,
                    (false, true, _) => Some(ErrorClass::Truncated),
                    (false, false, 0) => Some(ErrorClass::Malformed),
                    (false, false, _) => Some(ErrorClass::Incomplete),
                };
                let (hint, goes_without) = (None, false);
                Response { status, usage, reading, class, hint, quotas, goes_without }
            }
            Err(failure) => {
                let extra = failure.extra;
                let mut response = Response::failed(status, failure);
                if let Some(extra) = extra.filter(|extra| !refused.has(*extra)) {
                    run.standings[self.provider].refuses(extra);
                    response.goes_without = true;
                }
                response
            }
        }
    }

    /// Corrects what is expected of calls.
    fn learn(&self, asked: &[Page], response: &Response, latency_ms: u64) {
        let counted = prompt::tokens(asked);
        let Usage { input_tokens, output_tokens } = response.usage;
        self.run.shared.lanes[self.provider].learn(|estimates| {
            if response.status.is_some_and(|status| (200..300).contains(&status)) {
                estimates.learn(Answered {
                    pages: asked.len() as u64,
                    counted,
                    input_tokens,
                    output_tokens,
                    latency_ms,
                    is_whole: response.class.is_none(),
                });
            } else {
                estimates.learn_input(counted, input_tokens);
            }
        });
    }

    /// Gives the permit back with what became of the call, or keeps it for the batch where it is
    /// configured so.
    fn settle(&self, mut permit: Permit, response: &Response) -> Option<Permit> {
        let run = self.run;
        let tokens = Some(response.usage.input_tokens).filter(|tokens| *tokens > 0);
        let verdict = CallReport {
            outcome: response.verdict(),
            input_tokens: tokens.map(|tokens| run.shared.charged_tokens(self.provider, tokens)),
            hint: response.hint,
            exhausted: response.class == Some(ErrorClass::QuotaExhausted),
            quotas: response.quotas.clone(),
            is_useless: response.is_useless(),
        };
        if run.config().permit_scope == PermitScope::Batch && response.class.is_some() {
            // The limit still learns what became of the call; only the place is kept.
            let taught = permit.teach(verdict);
            run.taught(self.provider, taught);
            return Some(permit);
        }
        run.taught(self.provider, permit.finish(verdict));
        let wait = run.shared.lanes[self.provider].limiter.closed_for();
        if let Some(class) = response.class.filter(|_| wait > TOLD_PAUSE) {
            let service = run.shared.lanes[self.provider].provider.name.clone();
            run.shared.observer.pauses(&Pause { service, class, wait });
        }
        None
    }
}

impl Response {
    fn failed(status: Option<u16>, failure: Failure) -> Self {
        let Failure { class, hint, usage, quotas, extra: _ } = failure;
        let (reading, class) = (Reading::default(), Some(class));
        Self { status, usage, reading, class, hint, quotas, goes_without: false }
    }

    /// Whether it is about the request, and nothing in it is of use.
    fn is_useless(&self) -> bool {
        let verdict = self.verdict();
        self.outcome() == CallOutcome::Failed
            && (verdict == Outcome::Success || verdict == Outcome::Ignored)
    }

    fn outcome(&self) -> CallOutcome {
        match (self.class, self.reading.tags.is_empty()) {
            (None, _) => CallOutcome::Ok,
            (Some(_), false) => CallOutcome::Partial,
            (Some(_), true) => CallOutcome::Failed,
        }
    }

    /// What the call is known to be billed for. An answer that says nothing of it may have cost all that
    /// was set aside, and so may one that never came.
    fn billed(&self) -> Option<Usage> {
        let is_free = match (self.status, self.class) {
            // It never left.
            (None, class) => {
                matches!(class, Some(ErrorClass::Unreachable | ErrorClass::BadRequest))
            }
            (Some(200..=299), _) => false,
            (Some(status), _) => status < 500 || status == 503,
        };
        (is_free || self.usage != Usage::default()).then_some(self.usage)
    }

    /// What the call tells the limiter. An answer that is of no use is an answer all the same.
    fn verdict(&self) -> Outcome {
        match (self.status, self.class) {
            // No wait cures these, so that the gate has no reason to close.
            (_, Some(ErrorClass::Billing | ErrorClass::TooLarge)) => Outcome::Ignored,
            (Some(429), _) => Outcome::RateLimited,
            (Some(200..=299), _) | (_, None) => Outcome::Success,
            (_, Some(class)) if class.is_of_the_service() => Outcome::Failed,
            (_, Some(_)) => Outcome::Ignored,
        }
    }
}

/// An amount in parts that stand to each other as the weights do; they sum up to it.
fn shares(amount: u64, weights: &[u64]) -> Vec<u64> {
    let all = weights.iter().map(|weight| u128::from(*weight)).sum::<u128>().max(1);
    let (mut sum, mut given) = (0, 0);
    let share = |weight: &u64| {
        sum += u128::from(*weight);
        let until_here = u64::try_from(u128::from(amount) * sum / all).unwrap_or(amount);
        let share = until_here - given;
        given = until_here;
        share
    };
    weights.iter().map(share).collect()
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
