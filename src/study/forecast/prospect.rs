//! What is known before a job, made into a scenario.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::call_latency::CallLatency;
use super::known_quotas;
use super::page_sample::PageSample;
use crate::pipeline::config::Settings;
use crate::pipeline::learned_quotas::{LearnedQuota, LearnedQuotas};
use crate::price;
use crate::sim::scenario::Scenario;
use crate::study::experiment::trial::TrialError;

/// A job and what is known of the services that it will meet.
#[derive(Debug, Clone)]
pub struct Prospect {
    /// The pages that are asked about, in the order of the list.
    pub pages: PageSample,
    /// The pipeline's settings.
    pub settings: Settings,
    /// The tags by category.
    pub taxonomy: Vec<(String, Vec<String>)>,
    /// The providers, the primary first.
    pub providers: Vec<ProviderProspect>,
    /// How long calls to Confluence took, in milliseconds; with none, a usual latency is assumed.
    pub site_ms: Vec<u64>,
    /// When the job begins.
    pub start: Timestamp,
}

/// What is known of a provider.
#[derive(Debug, Clone, Default)]
pub struct ProviderProspect {
    /// Its name: gemini or openai.
    pub name: String,
    /// Its model.
    pub model: String,
    /// How long its calls take, where earlier ones tell.
    pub latency: Option<CallLatency>,
    /// Its quotas.
    pub quotas: Vec<LearnedQuota>,
    /// How long it takes no call at all.
    pub closed_ms: u64,
}

/// What is assumed of a model without earlier calls: the latency of a small model over the public API
/// (as in `scenarios/free-tier.toml`).
const ASSUMED: &str = "{ dist = \"lognormal\", median_ms = 450, sigma = 0.5, \
     ms_per_1k_input_tokens = 18, output_tokens_per_s = 200, \
     tail = { ratio = 0.01, min_ms = 5000, max_ms = 20000 } }";
/// What is assumed of Confluence.
const ASSUMED_SITE: &str = "{ dist = \"lognormal\", median_ms = 180, sigma = 0.4 }";
/// As many quantiles stand for all measurements.
const MOST_QUANTILES: usize = 200;
/// A faster output adds no time.
const FASTEST_TOKENS_PER_S: f64 = 100_000.0;

impl Prospect {
    /// The scenario, where a page's answer takes `output_tokens` tokens; nothing of latencies that are
    /// known is in it where that is not known.
    pub(super) fn scenario(&self, output_tokens: Option<f64>) -> Result<Scenario, TrialError> {
        let text = self.text(output_tokens);
        let unread = |problem| TrialError::Scenario(Box::new(problem));
        let mut scenario =
            Scenario::parse("plan", "plan", &text, Path::new(".")).map_err(unread)?;
        scenario.world.documents = self.pages.documents();
        scenario.world.space.dir = Some(PathBuf::new());
        scenario.world.taxonomy.clone_from(&self.taxonomy);
        scenario.world.start = self.start;
        for run in &mut scenario.runs {
            run.config = self.settings.clone();
        }
        scenario.known = self.known();
        Ok(scenario)
    }

    fn text(&self, output_tokens: Option<f64>) -> String {
        let mut text = "# How long will it take?\nschema = 1\nseed = 1\n[space]\n".to_owned();
        let site = if self.site_ms.is_empty() {
            ASSUMED_SITE.to_owned()
        } else {
            format!("{{ {} }}", empirical(&self.site_ms))
        };
        let _ = writeln!(text, "[confluence]\nlatency = {site}");
        for provider in &self.providers {
            let latency = match (&provider.latency, output_tokens) {
                (Some(latency), Some(tokens)) => measured(latency, tokens),
                _ => ASSUMED.to_owned(),
            };
            let model = toml::Value::from(provider.model.as_str());
            let _ = writeln!(text, "[{}]\nmodel = {model}\nlatency = {latency}", provider.name);
            if price::of(&provider.model).is_none() {
                text.push_str("price = { input_usd = 1, output_usd = 1 }\n");
            }
            if let Some(quota) = known_quotas::quota(&self.quotas(provider)) {
                let _ = writeln!(text, "quota = {quota}");
            }
        }
        text
    }

    /// The quotas of a provider as a sample of the pages meets them.
    fn quotas(&self, provider: &ProviderProspect) -> Vec<LearnedQuota> {
        known_quotas::sampled(&provider.quotas, self.pages.times())
    }

    fn known(&self) -> LearnedQuotas {
        let named = |provider: &ProviderProspect| {
            (provider.name.clone(), known_quotas::from_zero(&self.quotas(provider)))
        };
        let closed = self.providers.iter().filter(|provider| provider.closed_ms > 0);
        let closed: BTreeMap<String, u64> =
            closed.map(|provider| (provider.name.clone(), provider.closed_ms)).collect();
        LearnedQuotas { providers: self.providers.iter().map(named).collect(), closed_ms: closed }
    }
}

/// A measured latency, where a page's answer takes `output_tokens` tokens.
fn measured(latency: &CallLatency, output_tokens: f64) -> String {
    let besides = empirical(&latency.besides_ms);
    let per_s = 1000.0 * output_tokens / latency.per_page_ms;
    if per_s.is_finite() && per_s > 0.0 && per_s < FASTEST_TOKENS_PER_S {
        format!("{{ {besides}, output_tokens_per_s = {per_s} }}")
    } else {
        format!("{{ {besides} }}")
    }
}

/// Measurements as a distribution: all of them, or evenly spaced quantiles.
fn empirical(measured_ms: &[u64]) -> String {
    let mut sorted = measured_ms.to_vec();
    sorted.sort_unstable();
    let count = sorted.len().min(MOST_QUANTILES);
    let middle = |at: usize| sorted[(2 * at + 1) * sorted.len() / (2 * count)];
    let quantiles: Vec<String> =
        (0..count).map(|at| middle(at).min(86_400_000).to_string()).collect();
    format!("dist = \"empirical\", quantiles_ms = [{}]", quantiles.join(", "))
}
