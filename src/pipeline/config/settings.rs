//! Every setting of the pipeline, and the keys that override a profile.

use std::num::NonZeroUsize;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::patch::settings;
use super::profile::Profile;
use crate::pipeline::backoff::Schedule;
use crate::pipeline::batch::size::BatchSize;
use crate::pipeline::config::choices::{CacheKey, ConfluencePace, LabelReads, PermitScope};
use crate::pipeline::limiter::algorithm::Limit;
use crate::pipeline::limiter::kind::{LimiterKind, LimiterStart};
use crate::pipeline::limiter::paced::KnownQuota;
use crate::pipeline::limiter::site_pace::SitePace;
use crate::rng::Seed;
use crate::units::{DayMs, Factor, Growth, Ratio, TenDaysS, Whole};

/// Calls in flight that any site bears: a browser opens as many connections to one.
const CONFLUENCE_START: u64 = 6;
/// Calls in flight to a fallback, at the start.
const FALLBACK_START: u64 = 8;

settings! {
    before {
        /// Which algorithm limits the AI calls in flight.
        limiter: LimiterKind = LimiterKind;
        /// AI calls in flight at the start.
        concurrency: u64 = Whole<1, 1024>;
        /// The highest limit that an adaptive limiter may reach.
        max_concurrency: u64 = Whole<1, 1024>;
        /// How much a raised limit rises at least.
        min_step: u64 = Whole<0, 1024>;
        /// The primary's quota, where it is known beforehand: for the limiters `pace` and `quota`.
        #[serde(skip_serializing_if = "Option::is_none")]
        quota: Option<ConfiguredQuota> = ConfiguredQuota;
        /// How many batches are worked on at once, waits included (default: `max_concurrency`).
        in_flight_batches: u64 = Whole<1, 4096>;
        /// For how long a permit is held.
        permit_scope: PermitScope = PermitScope;
        /// Pages per prompt, or `auto`: as many as serve best when a call may start.
        batch_size: BatchSize = BatchSize;
        /// The most pages that `auto` puts into a prompt.
        max_batch_size: u64 = Whole<1, 1000>;
        /// Input tokens that a prompt of several pages may take (unset: any number). Where it is set,
        /// answers too are kept within `max_output_tokens`.
        #[serde(skip_serializing_if = "Option::is_none")]
        batch_tokens: Option<u64> = Whole<1, 10_000_000>;
        /// Whether a batch of which no page was answered, for what is in it, is asked in halves.
        halves: bool = bool;
        /// What makes two pages the same to the cache.
        cache_key: CacheKey = CacheKey;
        /// Whether identical texts are asked about once.
        single_flight: bool = bool;
        /// A pause after each batch before its place is given to the next.
        pause_ms: u64 = DayMs;
        /// Characters of a page that are sent; of code a quarter of them, or what prose leaves free.
        text_limit_chars: u64 = Whole<1, 10_000_000>;
        /// Output tokens that a call may use.
        max_output_tokens: u64 = Whole<1, 1_000_000>;
        /// Whether answers are cached.
        cache: bool = bool;
        /// How many answers the cache holds.
        cache_size: u64 = Whole<1, 10_000_000>;
        /// Attempts of a batch at one provider, the first included.
        attempts: u64 = Whole<1, 100>;
    }
    backoff {
        /// The delay before the first retry.
        backoff_base_ms: backoff.base_ms = DayMs;
        /// What each further delay is multiplied with.
        backoff_factor: backoff.factor = Growth;
        /// The longest delay of the schedule; a hint may be longer.
        backoff_max_ms: backoff.max_ms = DayMs;
        /// How far a delay may stray from the schedule, as a share of it.
        backoff_jitter: backoff.jitter = Ratio;
    }
    after {
        /// Whether the delay depends on the kind of error.
        backoff_by_class: bool = bool;
        /// Whether a wait that the server states is honoured.
        retry_hints: bool = bool;
        /// Retries per first attempt, above a reserve of ten.
        retry_budget: Option<f64> = Factor;
        /// After this time an AI call counts as failed.
        timeout_ms: u64 = Whole<1, 86_400_000>;
        /// Whether a batch goes on with the next provider when one gives up.
        fallback: bool = bool;
        /// The longest wait that a provider may ask for before a batch goes on with the next.
        patience_s: u64 = TenDaysS;
        /// Confluence calls in flight, at most.
        confluence_concurrency: u64 = Whole<1, 256>;
        /// Whether that many calls are in flight, or as many as the site answers without a refusal.
        confluence_pace: ConfluencePace = ConfluencePace;
        /// Whether the labels that pages have are read page by page, or for a space once.
        label_reads: LabelReads = LabelReads;
        /// Attempts of a Confluence call, the first included.
        confluence_attempts: u64 = Whole<1, 100>;
        /// Whether labels are only compared, not written.
        dry_run: bool = bool;
        /// Whether labels of the taxonomy that a page no longer deserves are removed.
        remove_stale_labels: bool = bool;
    }
}

/// A quota that the pipeline is told beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ToldQuota")]
#[serde(deny_unknown_fields, expecting = "a table such as { requests = 10 }")]
pub struct ConfiguredQuota {
    /// Requests in a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Whole<1, 1_000_000_000>>,
    /// Input tokens in a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Whole<1, 1_000_000_000>>,
    /// The length of a window in seconds (default: 60).
    #[serde(default = "minute")]
    pub per_s: Whole<1, 86_400>,
}

fn minute() -> Whole<1, 86_400> {
    Whole::new(60).expect("60 lies within 1 to 86400")
}

impl From<ConfiguredQuota> for KnownQuota {
    fn from(quota: ConfiguredQuota) -> Self {
        Self {
            requests: quota.requests.map(Whole::get),
            tokens: quota.tokens.map(Whole::get),
            window: Duration::from_secs(quota.per_s.get()),
        }
    }
}

/// A setting that does not fit with the others, or a variable that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The start lies above the ceiling.
    #[error(
        "expected a concurrency of at most max_concurrency, found {concurrency} above {max_concurrency} (leave max_concurrency out and it follows; what is not set is the profile's)"
    )]
    AboveCeiling {
        /// The start.
        concurrency: u64,
        /// The ceiling.
        max_concurrency: u64,
    },
    /// A permit that is held through all waits never comes to the gate.
    #[error(
        "permit_scope `batch` does not go with limiter `quota`: that limiter is asked before every call"
    )]
    HeldPermit,
    /// The oracle is not told anything.
    #[error("limiter `pace` needs `quota`: it paces calls by a known quota")]
    NoQuota,
    /// The oracle is told of a quota that limits nothing.
    #[error("expected `requests` or `tokens`, found a quota of nothing")]
    EmptyQuota,
    /// An environment variable holds something else than it should.
    #[error("read {name}: expected {wanted}, found `{got}`")]
    Variable {
        /// Its name.
        name: String,
        /// What it holds.
        got: String,
        /// What it may hold.
        wanted: String,
    },
}

impl SettingsError {
    /// The key that it is about, where that is one alone.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::EmptyQuota => Some("quota"),
            Self::AboveCeiling { .. }
            | Self::HeldPermit
            | Self::NoQuota
            | Self::Variable { .. } => None,
        }
    }
}

impl SettingsPatch {
    /// The settings that a profile and these keys make together. Where a ceiling follows from a start,
    /// and the batches in flight from a ceiling, both may be left out.
    pub fn resolve(&self) -> Result<Settings, SettingsError> {
        let mut settings = self.profile.unwrap_or(Profile::Documented).settings();
        self.apply(&mut settings);
        if self.max_concurrency.is_none() && self.concurrency.is_some() {
            settings.max_concurrency = settings.max_concurrency.max(settings.concurrency);
        }
        let Settings { concurrency, max_concurrency, .. } = settings;
        if concurrency > max_concurrency {
            return Err(SettingsError::AboveCeiling { concurrency, max_concurrency });
        }
        let is_limit_set = self.concurrency.is_some() || self.max_concurrency.is_some();
        if is_limit_set && self.in_flight_batches.is_none() {
            settings.in_flight_batches = max_concurrency;
        }
        if settings.limiter == LimiterKind::Pace {
            let quota = settings.quota.ok_or(SettingsError::NoQuota)?;
            if quota.requests.is_none() && quota.tokens.is_none() {
                return Err(SettingsError::EmptyQuota);
            }
        }
        if settings.keeps_quota() && settings.permit_scope == PermitScope::Batch {
            return Err(SettingsError::HeldPermit);
        }
        Ok(settings)
    }
}

impl Settings {
    /// Whether the limiter keeps the quota of each provider, and with it every wait.
    pub fn keeps_quota(&self) -> bool {
        self.limiter == LimiterKind::Quota
    }

    /// The seconds that a closed gate is waited for before the next provider is asked, where that is
    /// what decides it.
    pub fn patience_shown_s(&self) -> Option<u64> {
        self.keeps_quota().then_some(self.patience_s)
    }

    /// The most pages that a prompt ever holds.
    pub fn most_pages(&self) -> u64 {
        match self.batch_size {
            BatchSize::Pages(pages) => pages,
            BatchSize::Auto => self.max_batch_size,
        }
    }

    /// The most pages that a prompt may hold, whatever size is chosen.
    pub fn widest_prompt(&self) -> u64 {
        self.most_pages().max(self.max_batch_size).max(1)
    }

    /// The limit algorithm of the primary, at its start.
    pub fn limit(&self, seed: Seed) -> Box<dyn Limit> {
        self.limiter.build(&self.start(), seed)
    }

    /// The limit of a provider that the primary falls back to. What comes over comes at once.
    pub fn fallback_limit(&self) -> Box<dyn Limit> {
        let concurrency = self.concurrency.min(FALLBACK_START);
        Box::new(LimiterStart { concurrency, ..self.start() }.quota_limiter(None))
    }

    /// The limit algorithm of the Confluence site, where its pace is found.
    pub fn confluence_limit(&self) -> Option<Box<dyn Limit>> {
        let most = self.confluence_concurrency;
        let is_found = self.confluence_pace == ConfluencePace::Found;
        is_found.then(|| Box::new(SitePace::new(CONFLUENCE_START, most)) as Box<dyn Limit>)
    }

    fn start(&self) -> LimiterStart {
        LimiterStart {
            concurrency: self.concurrency,
            max_concurrency: self.max_concurrency,
            min_step: self.min_step,
            patience: Duration::from_secs(self.patience_s),
            quota: self.quota.map(KnownQuota::from),
        }
    }

    /// The capacity of the cache, if there is one.
    pub fn cache_capacity(&self) -> Option<NonZeroUsize> {
        let size = usize::try_from(self.cache_size).unwrap_or(usize::MAX);
        self.cache.then(|| NonZeroUsize::new(size)).flatten()
    }
}
