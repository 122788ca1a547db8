//! The settings of each profile.

use crate::pipeline::backoff::Schedule;
use crate::pipeline::config::profile::Profile;
use crate::pipeline::config::{
    BatchSize, CacheKey, ConfluencePace, LabelReads, LimiterKind, PermitScope, Settings,
};

impl Profile {
    /// Its settings.
    pub fn settings(self) -> Settings {
        let documented = documented();
        match self {
            Self::Documented => documented,
            Self::Before => Settings {
                limiter: LimiterKind::Fixed,
                concurrency: 5,
                max_concurrency: 5,
                in_flight_batches: 5,
                batch_size: BatchSize::Pages(1),
                cache: false,
                attempts: 2,
                backoff: Schedule { base_ms: 1000, factor: 1.0, max_ms: 1000, jitter: 0.0 },
                ..documented
            },
            Self::Recommended => Settings {
                limiter: LimiterKind::Quota,
                concurrency: 32,
                max_concurrency: 64,
                in_flight_batches: 64,
                batch_size: BatchSize::Auto,
                // A quarter of the smallest quota of tokens, 250,000 a minute.
                batch_tokens: Some(60_000),
                backoff: Schedule { base_ms: 500, factor: 2.0, max_ms: 30_000, jitter: 0.2 },
                backoff_by_class: true,
                retry_hints: true,
                halves: true,
                // More than most spaces have pages, in some 40 MB: a cache that is smaller than what
                // is scanned finds nothing at all.
                cache_size: 100_000,
                cache_key: CacheKey::Content,
                single_flight: true,
                confluence_concurrency: 64,
                confluence_pace: ConfluencePace::Found,
                label_reads: LabelReads::ByLabel,
                ..documented
            },
            Self::Conservative => Settings {
                concurrency: 1,
                batch_size: BatchSize::Pages(1),
                cache: false,
                in_flight_batches: 1,
                ..documented
            },
        }
    }
}

/// The settings that the plan documents.
fn documented() -> Settings {
    Settings {
        limiter: LimiterKind::Halving,
        concurrency: 3,
        max_concurrency: 10,
        min_step: 0,
        quota: None,
        in_flight_batches: 10,
        permit_scope: PermitScope::Attempt,
        batch_size: BatchSize::Pages(5),
        max_batch_size: 20,
        batch_tokens: None,
        halves: false,
        cache_key: CacheKey::PageVersion,
        single_flight: false,
        pause_ms: 0,
        text_limit_chars: 3000,
        max_output_tokens: 8192,
        cache: true,
        cache_size: 1000,
        attempts: 4,
        backoff: Schedule { base_ms: 500, factor: 2.0, max_ms: 30_000, jitter: 0.0 },
        backoff_by_class: false,
        retry_hints: false,
        retry_budget: None,
        timeout_ms: 60_000,
        fallback: true,
        patience_s: 120,
        confluence_concurrency: 4,
        confluence_pace: ConfluencePace::Fixed,
        label_reads: LabelReads::ByPage,
        confluence_attempts: 5,
        dry_run: false,
        remove_stale_labels: false,
    }
}
