//! The events for humans, through `tracing`, with the markers that the plan's monitoring greps
//! for: `[THROTTLE]`, `Recovery`, `[FALLBACK]`, `[CACHE]`, `[RETRY]`, `[METRICS_SUMMARY]`.

use tracing::{debug, error, info, warn};

use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Event, LimitReason, Pause};

/// Logs one event that happened at this time.
pub fn write(t_ms: u64, event: &Event) {
    match event {
        Event::RunStarted { task, limit } => info!(t_ms, task, limit, "run started"),
        Event::CacheHit { page } => info!(t_ms, %page, "[CACHE] hit"),
        Event::CacheMiss { page } => debug!(t_ms, %page, "[CACHE] miss"),
        Event::AttemptFinished { call, provider, class: Some(class), status, .. } => {
            let marker = if *status == Some(429) { "[THROTTLE] 429" } else { "call failed" };
            warn!(t_ms, call = call.0, provider, ?class, ?status, "{marker}");
        }
        Event::Backoff { batch, provider, class, delay_ms, hinted } => {
            warn!(t_ms, batch = batch.0, provider, ?class, delay_ms, hinted, "[RETRY] waiting");
        }
        Event::LimitChanged { old, new, why: LimitReason::RateLimited } => {
            warn!(t_ms, old, new, "[THROTTLE] limit cut");
        }
        Event::LimitChanged { old, new, why: LimitReason::Recovered } => {
            info!(t_ms, old, new, "Recovery: limit raised");
        }
        Event::Fallback { batch, from, to, class, why } => {
            warn!(t_ms, batch = batch.0, from, to, ?class, ?why, "[FALLBACK]");
        }
        Event::ConfluenceCall { op, status: Some(429), .. } => {
            warn!(t_ms, provider = "confluence", ?op, "[THROTTLE] 429");
        }
        Event::PageFailed { page, class, service, status } => {
            error!(t_ms, %page, service, ?class, ?status, "page failed");
        }
        Event::RunFinished { end } => info!(t_ms, ?end, "run finished"),
        other => debug!(t_ms, event = ?other, "event"),
    }
}

/// Logs why a run has failed.
pub fn failed(problem: &PipelineError) {
    error!("run failed: {problem}");
}

/// Logs a pause.
pub fn pause(t_ms: u64, Pause { service, class, wait }: &Pause) {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    warn!(t_ms, service, ?class, wait_ms, "[THROTTLE] waiting");
}

/// Logs the figures of a run that has ended, one line of `name=value` pairs.
pub fn summary(t_ms: u64, figures: &str) {
    info!(t_ms, "[METRICS_SUMMARY] {figures}");
}
