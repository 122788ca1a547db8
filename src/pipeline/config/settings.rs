//! Every setting of the pipeline, and the keys that override a profile.

use std::num::NonZeroUsize;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::pipeline::backoff::Schedule;
use crate::pipeline::batch::size;
use crate::pipeline::batch::size::BatchSize;
use crate::pipeline::config::profile::Profile;
use crate::pipeline::limiter::aimd::Aimd;
use crate::pipeline::limiter::algorithm::Limit;
use crate::pipeline::limiter::aws_cubic::Cubic;
use crate::pipeline::limiter::fixed::Fixed;
use crate::pipeline::limiter::halving::Halving;
use crate::pipeline::limiter::ledger::Ledger;
use crate::pipeline::limiter::paced::{Pace, Told};
use crate::pipeline::limiter::sre_throttle::Sre;
use crate::pipeline::limiter::vector_arc::Arc;
use crate::rng::Seed;
use crate::units::{DayMs, Factor, Growth, Ratio, TenDaysS, Whole};

/// The kinds of limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimiterKind {
    /// Always `concurrency`.
    Fixed,
    /// The plan's: half on a 429, a fifth more after five minutes without one.
    Halving,
    /// Netflix: a tenth less on every refusal, one more on every success.
    Aimd,
    /// Vector: one decision per round trip.
    Arc,
    /// The AWS SDKs: a rate on a cubic curve.
    Cubic,
    /// Google's SRE book: calls are held back with the probability that they are refused.
    Sre,
    /// Evenly by `quota`, which it must be told.
    Pace,
    /// Keeps an account of the quota, which it learns.
    Quota,
}

/// A quota that the pipeline is told beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldQuota {
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

/// For how long one permit is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermitScope {
    /// For one attempt: a batch that backs off holds none.
    Attempt,
    /// For a batch with all its attempts and waits, as the original code did.
    Batch,
}

/// What makes two pages the same to the cache, besides taxonomy, prompt and model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKey {
    /// The plan's: id, version, title and text.
    PageVersion,
    /// Title and text: a new version, or another page, that says the same is a hit.
    Content,
    /// The text: a copy under another title is a hit, though a title may say more than the text.
    Text,
}

/// Every setting of the pipeline, ready to use.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "these are the switches of the plan")]
pub struct Config {
    /// Which algorithm limits the calls in flight.
    pub limiter: LimiterKind,
    /// AI calls in flight at the start.
    pub concurrency: u64,
    /// The highest limit that an adaptive limiter may reach.
    pub max_concurrency: u64,
    /// How much a raised limit rises at least.
    pub min_step: u64,
    /// The primary's quota, where it is known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<ToldQuota>,
    /// How many batches are worked on at once, waits included.
    pub in_flight_batches: u64,
    /// For how long a permit is held.
    pub permit_scope: PermitScope,
    /// Pages per prompt.
    pub batch_size: BatchSize,
    /// The most pages that `auto` puts into a prompt: each page more costs answers.
    pub max_batch_size: u64,
    /// Input tokens that a prompt of several pages may take; set, answers too are kept within
    /// what a call may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<u64>,
    /// Whether a batch of which no page was answered, for what is in it, is asked in halves.
    pub halves: bool,
    /// What makes two pages the same to the cache.
    pub cache_key: CacheKey,
    /// Whether identical texts are asked about once.
    pub single_flight: bool,
    /// A pause after each batch before its place is given to the next.
    pub pause_ms: u64,
    /// Characters of a page that are sent.
    pub text_limit_chars: u64,
    /// Output tokens that a call may use.
    pub max_output_tokens: u64,
    /// Whether answers are cached.
    pub cache: bool,
    /// How many answers the cache holds.
    pub cache_size: u64,
    /// Attempts of a batch at one provider, the first included.
    pub attempts: u64,
    /// The delays between them.
    pub backoff: Schedule,
    /// Whether the delay depends on the kind of error, and errors that no retry cures get none.
    pub backoff_by_class: bool,
    /// Whether a wait that the server states is honoured.
    pub retry_hints: bool,
    /// Retries per first attempt, if bounded.
    pub retry_budget: Option<f64>,
    /// After this time an AI call counts as failed.
    pub timeout_ms: u64,
    /// Whether a batch goes on with the next provider when one gives up.
    pub fallback: bool,
    /// The longest wait that a provider may ask for before a batch goes on with the next.
    pub patience_s: u64,
    /// Confluence calls in flight while labels are written.
    pub confluence_concurrency: u64,
    /// Attempts of a Confluence call, the first included.
    pub confluence_attempts: u64,
    /// Whether labels are only compared, not written.
    pub dry_run: bool,
    /// Whether labels of the taxonomy that a page no longer deserves are removed.
    pub remove_stale_labels: bool,
}

/// The `[pipeline]` table: a profile, and keys that override it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Overrides {
    /// The profile that sets every key (default: documented).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Which algorithm limits the AI calls in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limiter: Option<LimiterKind>,
    /// AI calls in flight at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Whole<1, 1024>>,
    /// The highest limit that an adaptive limiter may reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<Whole<1, 1024>>,
    /// How much a raised limit rises at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_step: Option<Whole<0, 1024>>,
    /// The primary's quota, where it is known beforehand: for the limiters `pace` and `quota`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<ToldQuota>,
    /// How many batches are worked on at once, waits included (default: `max_concurrency`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_batches: Option<Whole<1, 4096>>,
    /// For how long a permit is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permit_scope: Option<PermitScope>,
    /// Pages per prompt, or `auto`: as many as serve best when a call may start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<BatchSize>,
    /// The most pages that `auto` puts into a prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_size: Option<Whole<1, 1000>>,
    /// Input tokens that a prompt of several pages may take (unset: any number). Where it is set,
    /// answers too are kept within `max_output_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_tokens: Option<Whole<1, 10_000_000>>,
    /// Whether a batch of which no page was answered, for what is in it, is asked in halves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halves: Option<bool>,
    /// What makes two pages the same to the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<CacheKey>,
    /// Whether identical texts are asked about once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single_flight: Option<bool>,
    /// A pause after each batch before its place is given to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<DayMs>,
    /// Characters of a page that are sent; of code a quarter of them, or what prose leaves free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_limit_chars: Option<Whole<1, 10_000_000>>,
    /// Output tokens that a call may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<Whole<1, 1_000_000>>,
    /// Whether answers are cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// How many answers the cache holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<Whole<1, 10_000_000>>,
    /// Attempts of a batch at one provider, the first included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Whole<1, 100>>,
    /// The delay before the first retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_base_ms: Option<DayMs>,
    /// What each further delay is multiplied with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_factor: Option<Growth>,
    /// The longest delay of the schedule; a hint may be longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_max_ms: Option<DayMs>,
    /// How far a delay may stray from the schedule, as a share of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_jitter: Option<Ratio>,
    /// Whether the delay depends on the kind of error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_by_class: Option<bool>,
    /// Whether a wait that the server states is honoured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_hints: Option<bool>,
    /// Retries per first attempt, above a reserve of ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_budget: Option<Factor>,
    /// After this time an AI call counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<Whole<1, 86_400_000>>,
    /// Whether a batch goes on with the next provider when one gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<bool>,
    /// The longest wait that a provider may ask for before a batch goes on with the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience_s: Option<TenDaysS>,
    /// Confluence calls in flight while labels are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confluence_concurrency: Option<Whole<1, 256>>,
    /// Attempts of a Confluence call, the first included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confluence_attempts: Option<Whole<1, 100>>,
    /// Whether labels are only compared, not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Whether labels of the taxonomy that a page no longer deserves are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove_stale_labels: Option<bool>,
}

/// The variables of the plan that configure live use, with the keys that they set.
pub const VARIABLES: [(&str, &str); 5] = [
    ("TAG_SPACE_AI_CONCURRENCY", "concurrency"),
    ("TAG_SPACE_MAX_AI_CONCURRENCY", "max_concurrency"),
    ("TAG_SPACE_BATCH_SIZE", "batch_size"),
    ("TAG_SPACE_CACHE_SIZE", "cache_size"),
    ("TAG_SPACE_CACHE_ENABLED", "cache"),
];

/// A setting that does not fit with the others, or a variable that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The start lies above the ceiling.
    #[error(
        "got concurrency {concurrency} above max_concurrency {max_concurrency}, wanted at most \
         the ceiling (leave max_concurrency out and it follows; what is not set is the profile's)"
    )]
    AboveCeiling {
        /// The start.
        concurrency: u64,
        /// The ceiling.
        max_concurrency: u64,
    },
    /// A permit that is held through all waits never comes to the gate.
    #[error(
        "got permit_scope `batch` with limiter `quota`, wanted `attempt`: that limiter is asked before every call"
    )]
    HeldPermit,
    /// The oracle is not told anything.
    #[error("got limiter `pace` without `quota`, wanted the quota that it is to be told")]
    NoQuota,
    /// An environment variable holds something else than it should.
    #[error("read {name}: got `{got}`, wanted {wanted}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What it holds.
        got: String,
        /// What it may hold.
        wanted: &'static str,
    },
}

/// Puts what is set over what was.
fn put<T>(target: &mut T, set: Option<T>) {
    if let Some(value) = set {
        *target = value;
    }
}

impl Overrides {
    /// The settings that a profile and these keys make together.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        let mut c = self.profile.unwrap_or(Profile::Documented).config();
        put(&mut c.limiter, self.limiter);
        put(&mut c.concurrency, self.concurrency.map(Whole::get));
        match (self.concurrency, self.max_concurrency) {
            (_, Some(ceiling)) => c.max_concurrency = ceiling.get(),
            (Some(_), None) => c.max_concurrency = c.max_concurrency.max(c.concurrency),
            (None, None) => {}
        }
        if c.concurrency > c.max_concurrency {
            let Config { concurrency, max_concurrency, .. } = c;
            return Err(ConfigError::AboveCeiling { concurrency, max_concurrency });
        }
        put(&mut c.min_step, self.min_step.map(Whole::get));
        if self.concurrency.is_some() || self.max_concurrency.is_some() {
            c.in_flight_batches = c.max_concurrency;
        }
        put(&mut c.in_flight_batches, self.in_flight_batches.map(Whole::get));
        c.quota = self.quota.or(c.quota);
        if c.limiter == LimiterKind::Pace && c.quota.is_none() {
            return Err(ConfigError::NoQuota);
        }
        put(&mut c.permit_scope, self.permit_scope);
        if c.keeps_quota() && c.permit_scope == PermitScope::Batch {
            return Err(ConfigError::HeldPermit);
        }
        put(&mut c.batch_size, self.batch_size);
        put(&mut c.max_batch_size, self.max_batch_size.map(Whole::get));
        c.batch_tokens = self.batch_tokens.map(Whole::get).or(c.batch_tokens);
        put(&mut c.halves, self.halves);
        put(&mut c.cache_key, self.cache_key);
        put(&mut c.single_flight, self.single_flight);
        put(&mut c.pause_ms, self.pause_ms.map(Whole::get));
        put(&mut c.text_limit_chars, self.text_limit_chars.map(Whole::get));
        put(&mut c.max_output_tokens, self.max_output_tokens.map(Whole::get));
        put(&mut c.cache, self.cache);
        put(&mut c.cache_size, self.cache_size.map(Whole::get));
        put(&mut c.attempts, self.attempts.map(Whole::get));
        put(&mut c.backoff.base_ms, self.backoff_base_ms.map(Whole::get));
        put(&mut c.backoff.factor, self.backoff_factor.map(Growth::get));
        put(&mut c.backoff.max_ms, self.backoff_max_ms.map(Whole::get));
        put(&mut c.backoff.jitter, self.backoff_jitter.map(Ratio::get));
        put(&mut c.backoff_by_class, self.backoff_by_class);
        put(&mut c.retry_hints, self.retry_hints);
        put(&mut c.retry_budget, self.retry_budget.map(|budget| Some(budget.get())));
        put(&mut c.timeout_ms, self.timeout_ms.map(Whole::get));
        put(&mut c.fallback, self.fallback);
        put(&mut c.patience_s, self.patience_s.map(Whole::get));
        put(&mut c.confluence_concurrency, self.confluence_concurrency.map(Whole::get));
        put(&mut c.confluence_attempts, self.confluence_attempts.map(Whole::get));
        put(&mut c.dry_run, self.dry_run);
        put(&mut c.remove_stale_labels, self.remove_stale_labels);
        Ok(c)
    }

    /// Reads the plan's environment variables through `variable`, over what is set already.
    pub fn read_env(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        fn number<const MIN: u64, const MAX: u64>(
            name: &'static str,
            wanted: &'static str,
            got: Option<String>,
        ) -> Result<Option<Whole<MIN, MAX>>, ConfigError> {
            let Some(got) = got else { return Ok(None) };
            match got.trim().parse().ok().and_then(Whole::new) {
                Some(value) => Ok(Some(value)),
                None => Err(ConfigError::Variable { name, got, wanted }),
            }
        }
        let set = |name: &'static str| (name, variable(name));
        let (name, got) = set("TAG_SPACE_AI_CONCURRENCY");
        self.concurrency = number(name, "a whole number from 1 to 1024", got)?.or(self.concurrency);
        let (name, got) = set("TAG_SPACE_MAX_AI_CONCURRENCY");
        self.max_concurrency =
            number(name, "a whole number from 1 to 1024", got)?.or(self.max_concurrency);
        let (name, got) = set("TAG_SPACE_BATCH_SIZE");
        if let Some(got) = got {
            let wanted = size::WANTED;
            let wrong = |()| ConfigError::Variable { name, got: got.clone(), wanted };
            self.batch_size = Some(got.parse().map_err(wrong)?);
        }
        let (name, got) = set("TAG_SPACE_CACHE_SIZE");
        self.cache_size =
            number(name, "a whole number from 1 to 10000000", got)?.or(self.cache_size);
        let (name, got) = set("TAG_SPACE_CACHE_ENABLED");
        if let Some(got) = got {
            self.cache = match got.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => {
                    let wanted = "true or false";
                    return Err(ConfigError::Variable { name, got, wanted });
                }
            };
        }
        Ok(())
    }

    /// These keys over `base`: what is set here wins.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let merge = |overrides: &Self| serde_json::to_value(overrides);
        let (Ok(serde_json::Value::Object(mut below)), Ok(serde_json::Value::Object(above))) =
            (merge(base), merge(self))
        else {
            return self.clone();
        };
        if self.profile.is_some() {
            below.clear();
        }
        below.extend(above);
        serde_json::from_value(serde_json::Value::Object(below)).unwrap_or_else(|_| self.clone())
    }
}

impl Config {
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

    /// The limit algorithm as configured, at its start.
    pub fn limit(&self, seed: Seed) -> Box<dyn Limit> {
        let ceiling = self.max_concurrency;
        match (self.limiter, self.told()) {
            (LimiterKind::Fixed, _) => Box::new(Fixed::new(self.concurrency)),
            (LimiterKind::Halving, _) => {
                Box::new(Halving::new(self.concurrency, ceiling, self.min_step))
            }
            (LimiterKind::Aimd, _) => Box::new(Aimd::new()),
            (LimiterKind::Arc, _) => Box::new(Arc::new()),
            (LimiterKind::Cubic, _) => Box::new(Cubic::new(ceiling)),
            (LimiterKind::Sre, _) => Box::new(Sre::new(ceiling, seed)),
            (LimiterKind::Pace, Some(told)) => Box::new(Pace::new(ceiling, told)),
            // An oracle that is told nothing is refused by `resolve`.
            (LimiterKind::Pace | LimiterKind::Quota, told) => self.ledger(told),
        }
    }

    /// The limit of a provider that the primary falls back to.
    pub fn fallback_limit(&self) -> Box<dyn Limit> {
        self.ledger(None)
    }

    fn ledger(&self, told: Option<Told>) -> Box<dyn Limit> {
        let patience = Duration::from_secs(self.patience_s);
        Box::new(Ledger::new(self.concurrency, self.max_concurrency, patience, told))
    }

    fn told(&self) -> Option<Told> {
        let quota = self.quota?;
        Some(Told {
            requests: quota.requests.map(Whole::get),
            tokens: quota.tokens.map(Whole::get),
            window: Duration::from_secs(quota.per_s.get()),
        })
    }

    /// The capacity of the cache, if there is one.
    pub fn cache_capacity(&self) -> Option<NonZeroUsize> {
        let size = usize::try_from(self.cache_size).unwrap_or(usize::MAX);
        self.cache.then(|| NonZeroUsize::new(size)).flatten()
    }
}
