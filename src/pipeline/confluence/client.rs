//! One call to a site, with all its retries.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Site;
use super::gate::{Gate, Met};
use crate::pipeline::backoff::Schedule;
use crate::pipeline::config::Settings;
use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::event::{ConfluenceOp, Event, Observer, Pause, TOLD_PAUSE};
use crate::pipeline::limiter::algorithm::{CallReport, Outcome};
use crate::pipeline::limiter::line_time::{LineTime, WaitParts};
use crate::pipeline::limiter::{Limiter, Permit};
use crate::pipeline::page::PageId;
use crate::pipeline::provider::retry_after;
use crate::pipeline::provider::stated_quota::{Dimension, Remainder, Stated};
use crate::pipeline::transport::{BodyLimit, Transport};
use crate::rng::Seed;

/// A site that refuses everything is waited for this many times as long as one that is down.
const REFUSED_AT_MOST: u32 = 4;
/// A stated wait that is shorter counts as none.
const LEAST_STATED: Duration = Duration::from_millis(500);
/// The longest patience with a site that is down.
const MOST_PATIENCE_S: u64 = 600;

/// A call: what it is for, and what is sent.
pub(super) struct Call<'a> {
    pub(super) op: ConfluenceOp,
    /// The page that it is about, or 0.
    pub(super) identity: u64,
    pub(super) method: Method,
    /// Path and query, below the base of the site.
    pub(super) path: &'a str,
    pub(super) body: Bytes,
    /// Ends its waits.
    pub(super) stop: &'a CancellationToken,
}

impl<'a> Call<'a> {
    /// A call that changes nothing.
    pub(super) fn read(op: ConfluenceOp, path: &'a str, stop: &'a CancellationToken) -> Self {
        Self { op, identity: 0, method: Method::GET, path, body: Bytes::new(), stop }
    }

    /// The same about a page.
    pub(super) fn about(self, page: u64) -> Self {
        Self { identity: page, ..self }
    }
}

/// Why a call has no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoResponse {
    /// It failed for good.
    Failed(Cause),
    /// It was stopped while it waited.
    Stopped,
}

/// A failed attempt, and the wait that the site asked for.
struct FailedAttempt {
    cause: Cause,
    hint: Option<Duration>,
}

/// The client of one site.
pub(crate) struct Client {
    pub(super) site: Site,
    transport: Arc<dyn Transport>,
    observer: Arc<dyn Observer>,
    schedule: Schedule,
    /// Attempts of one call while others are answered.
    attempts: u32,
    time_limit: Duration,
    patience: Duration,
    seed: Seed,
    gate: Gate,
    /// Finds how many calls the site bears; nothing where that is set.
    limiter: Option<Arc<Limiter>>,
}

impl Client {
    pub(crate) fn new(
        site: Site,
        transport: Arc<dyn Transport>,
        observer: Arc<dyn Observer>,
        config: &Settings,
        seed: Seed,
    ) -> Self {
        Self {
            site,
            transport,
            observer,
            schedule: config.backoff,
            attempts: u32::try_from(config.confluence_attempts).unwrap_or(u32::MAX),
            time_limit: Duration::from_millis(config.timeout_ms),
            // A site that is down is asked every few seconds, and not for days.
            patience: Duration::from_secs(config.patience_s.min(MOST_PATIENCE_S)),
            seed,
            gate: Gate::new(),
            limiter: config.confluence_limit().map(Limiter::new),
        }
    }

    /// Makes a call until it succeeds, fails for good or is stopped. What the site cannot do now is
    /// tried again for as long as it fails everything and the patience lasts; while it answers
    /// others, a number of times.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Response<Bytes>, NoResponse> {
        // What the next attempt has waited for.
        let (mut failed, mut waits) = (0, WaitParts::default());
        let mut failing_since = None;
        let answers = self.gate.answers();
        loop {
            let (asked, before) = (Instant::now(), self.line_time());
            let Some(pass) = unless_stopped(call.stop, self.gate.pass()).await? else {
                let (class, status) = (ErrorClass::RateLimited, Some(429));
                return Err(NoResponse::Failed(Cause::of_confluence(class, status)));
            };
            let permit = match &self.limiter {
                Some(limiter) => Some(unless_stopped(call.stop, limiter.acquire()).await?),
                None => None,
            };
            waits += self.line_time().parts(before, asked.elapsed());
            if permit.is_some() && self.gate.is_closed() {
                // It was closed while the call stood in line.
                continue;
            }
            let FailedAttempt { cause, hint } =
                match self.attempt(call, permit, std::mem::take(&mut waits)).await {
                    Ok(response) => {
                        self.gate.answered();
                        return Ok(response);
                    }
                    Err(failure) => failure,
                };
            failed += 1;
            // The list of pages is of no page: while it fails, the site counts as failing, whatever else
            // it answers.
            let own_since = *failing_since.get_or_insert_with(Instant::now);
            let is_list = call.identity == 0 && call.op != ConfluenceOp::Labels;
            let since = if is_list { Some(own_since) } else { None };
            let is_closed = self.settle(&cause, hint);
            drop(pass);
            if self.is_final(&cause, failed, (answers, since)) {
                return Err(NoResponse::Failed(cause));
            }
            if !is_closed {
                let draw = self.seed.draw("confluence backoff", call.identity, u64::from(failed));
                let slept = Instant::now();
                unless_stopped(call.stop, sleep(self.schedule.delay(failed, draw))).await?;
                waits += WaitParts::of_failure(slept.elapsed());
            }
        }
    }

    /// Tells the gate what a failure means for all calls. Gives whether it is closed now.
    fn settle(&self, cause: &Cause, hint: Option<Duration>) -> bool {
        if !cause.class.is_of_the_service() {
            // The site is well, whatever it thinks of this call.
            self.gate.answered();
            return false;
        }
        // A wait of nothing, refused and stated again, would be a loop.
        let met = match hint.filter(|hint| *hint >= LEAST_STATED) {
            Some(hint) => Met::RefusedFor(hint),
            None if cause.class == ErrorClass::RateLimited => Met::Refused,
            None => Met::Failure,
        };
        let Some(wait) = self.gate.failed(met) else { return false };
        if wait > TOLD_PAUSE {
            let (service, class) = (cause.service.clone(), cause.class);
            self.observer.pauses(&Pause { service, class, wait });
        }
        true
    }

    /// Whether another attempt is of no use.
    fn is_final(
        &self,
        cause: &Cause,
        failed: u32,
        (answers, list_since): (u64, Option<Instant>),
    ) -> bool {
        let is_first = self.gate.answers() == 0;
        // A site that refuses is not down.
        let times = if cause.class == ErrorClass::RateLimited { REFUSED_AT_MOST } else { 1 };
        let since = list_since.or(self.gate.failing_since());
        let is_lost = since.is_some_and(|since| since.elapsed() > self.patience * times);
        let is_alone = self.gate.answers() > answers && list_since.is_none();
        !cause.class.is_transient()
            || (cause.class == ErrorClass::Unreachable && is_first)
            || is_lost
            || (is_alone && failed >= self.attempts)
    }

    /// For how long calls have waited, at the gate and for the pace.
    pub(super) fn line_time(&self) -> LineTime {
        let paced = self.limiter.as_ref().map(|limiter| limiter.line_time());
        self.gate.line_time().plus(paced.unwrap_or_default())
    }

    /// One attempt, with a permit where the pace is found.
    async fn attempt(
        &self,
        call: &Call<'_>,
        permit: Option<Permit>,
        waits: WaitParts,
    ) -> Result<Response<Bytes>, FailedAttempt> {
        let sent = self.exchange(call, waits).await;
        if let Some(permit) = permit {
            permit.finish(report(&sent));
        }
        sent
    }

    /// Sends a call and reads what comes back, within the time limit.
    async fn exchange(
        &self,
        call: &Call<'_>,
        waits: WaitParts,
    ) -> Result<Response<Bytes>, FailedAttempt> {
        let fail = |class, status| Cause::of_confluence(class, status);
        let unfit = || FailedAttempt { cause: fail(ErrorClass::BadRequest, None), hint: None };
        let mut request = self.request(call).ok_or_else(unfit)?;
        if call.op == ConfluenceOp::Pages {
            request.extensions_mut().insert(BodyLimit::LISTING);
        }
        let started = Instant::now();
        let result = timeout(self.time_limit, self.transport.send(request)).await;
        let latency_ms = millis(started.elapsed());
        let response = result.map_err(|_| ErrorClass::Timeout);
        let response = response.and_then(|sent| sent.map_err(ErrorClass::from));
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        let op = call.op;
        let page = Some(call.identity).filter(|page| *page > 0).map(PageId);
        let WaitParts { quota_ms, backoff_ms, .. } = waits;
        self.observer.observe(Event::ConfluenceCall {
            op,
            page,
            status,
            latency_ms,
            hint_ms: None,
            place_ms: waits.place_ms(),
            quota_ms,
            backoff_ms,
        });
        match response {
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => {
                let class = ErrorClass::of_status(response.status().as_u16());
                let hint = stated_wait(class, response.headers());
                Err(FailedAttempt { cause: fail(class, status), hint })
            }
            Err(class) => Err(FailedAttempt { cause: fail(class, None), hint: None }),
        }
    }

    fn request(&self, call: &Call<'_>) -> Option<Request<Bytes>> {
        let token = self.site.token.expose();
        let credentials = match &self.site.user {
            Some(user) => {
                let pair =
                    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{token}"));
                format!("Basic {pair}")
            }
            None => format!("Bearer {token}"),
        };
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.site.base, call.path))
            .header("authorization", credentials)
            .header("accept", "application/json");
        if !call.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(call.body.clone()).ok()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the end of an attempt tells the limiter.
fn report(sent: &Result<Response<Bytes>, FailedAttempt>) -> CallReport {
    let failed = match sent {
        Err(failed) => failed,
        Ok(response) => {
            let quotas = stated(response.headers()).into_iter().collect();
            return CallReport { quotas, ..Outcome::Success.into() };
        }
    };
    let outcome = match failed.cause.class {
        ErrorClass::RateLimited => Outcome::RateLimited,
        class if class.is_of_the_service() => Outcome::Failed,
        _ => Outcome::Success,
    };
    CallReport { hint: failed.hint, ..outcome.into() }
}

/// What is left of the site's quota, where an answer says so.
fn stated(headers: &HeaderMap) -> Option<Stated> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    let (limit, amount) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining")?);
    let left = Some(Remainder { amount, reset: until_reset(headers)? });
    Some(Stated { limit, left, ..Stated::of(Dimension::Requests) })
}

/// The wait that a refusal states: in `Retry-After`, or as the time at which `X-RateLimit-Reset`
/// says that there is room again, measured against the response's own `Date`.
fn stated_wait(class: ErrorClass, headers: &HeaderMap) -> Option<Duration> {
    if let Some(wait) = retry_after(headers) {
        return Some(wait);
    }
    if class == ErrorClass::RateLimited { until_reset(headers) } else { None }
}

/// The time until `X-RateLimit-Reset`, by the response's own `Date`.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let reset: jiff::Timestamp = text("x-ratelimit-reset")?.parse().ok()?;
    let sent = httpdate::parse_http_date(text("date")?).ok()?;
    let sent = jiff::Timestamp::try_from(sent).ok()?;
    Duration::try_from(reset.duration_since(sent)).ok()
}

/// What a wait comes to, unless it is stopped first.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    wait: impl Future<Output = T>,
) -> Result<T, NoResponse> {
    tokio::select! {
        biased;
        done = wait => Ok(done),
        () = stop.cancelled() => Err(NoResponse::Stopped),
    }
}
