//! A job played several times before it begins.

use tokio_util::sync::CancellationToken;

use super::prospect::Prospect;
use crate::price;
use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::experiment::trial::TrialError;
use crate::study::measure::distribution::Distribution;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge;
use crate::units::{float, whole};

/// The seeds: the more, the fewer pages there are.
const MOST_SEEDS: u64 = 16;
const FEWEST_SEEDS: u64 = 5;
const PAGES_OF_ALL_SEEDS: u64 = 40_000;

/// A figure over all seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// In the luckiest seed.
    pub least: u64,
    /// Half of the seeds have less.
    pub p50: u64,
    /// Nine of ten have less.
    pub p90: u64,
    /// In the worst seed.
    pub most: u64,
}

/// What a job will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The seeds that it was played with.
    pub seeds: u64,
    /// The pages that were played.
    pub pages: u64,
    /// From the first page listed to the last one done, in milliseconds.
    pub makespan_ms: Range,
    /// AI calls, those included that are refused.
    pub calls: Range,
    /// What the calls cost, in millionths of a dollar; nothing where a price is not known.
    pub cost_usd_micros: Option<Range>,
    /// The most pages that failed in any seed.
    pub failed: u64,
    /// Batches that went to the fallback.
    pub fallbacks: Range,
}

impl Prospect {
    /// Plays the job; nothing where it does not end within ten days, or there is nothing to ask.
    ///
    /// # Errors
    ///
    /// If a job cannot be played, or `stop` was cancelled.
    pub fn forecast(
        &self,
        runner: &TrialRunner,
        stop: &CancellationToken,
    ) -> Result<Option<Forecast>, TrialError> {
        let (pages, times) = (self.pages.len(), self.pages.times());
        if pages == 0 {
            return Ok(None);
        }
        let seeds = (PAGES_OF_ALL_SEEDS / pages).clamp(FEWEST_SEEDS, MOST_SEEDS);
        // What an answer takes is known from a first one.
        let Some(first) = figures(&self.scenario(None)?, stop)? else { return Ok(None) };
        let tagged = first.number(Metric::PagesTagged).max(1);
        let output_tokens = float(first.number(Metric::OutputTokens)) / float(tagged);
        let scenario = self.scenario(Some(output_tokens))?;
        let played = runner.each(usize::try_from(seeds).unwrap_or(1), |seed| {
            figures(&scenario.seeded(seed as u64 + 1), stop)
        })?;
        let Some(played) = played.into_iter().collect::<Option<Vec<Figures>>>() else {
            return Ok(None);
        };
        let over = |of: &dyn Fn(&Figures) -> u64| {
            Range::of(played.iter().map(|one| whole(float(of(one)) * times)).collect())
        };
        let number = |metric: Metric| move |one: &Figures| one.number(metric);
        Ok(Some(Forecast {
            seeds,
            pages,
            makespan_ms: over(&number(Metric::Makespan)),
            calls: over(&number(Metric::AiCalls)),
            cost_usd_micros: self.is_priced(&played).then(|| over(&|one| self.cost(one))),
            fallbacks: over(&number(Metric::Fallbacks)),
            failed: over(&number(Metric::PagesFailed)).most,
        }))
    }

    /// Whether the prices of all models are known that were asked.
    fn is_priced(&self, played: &[Figures]) -> bool {
        let has_fallback = played.iter().any(|one| one.number(Metric::Fallbacks) > 0);
        let asked = self.providers.iter().take(if has_fallback { usize::MAX } else { 1 });
        asked.map(|provider| price::of(&provider.model)).all(|price| price.is_some())
    }

    /// What a played job costs. Where the primary alone was asked, a page's answer is as long as in earlier
    /// calls.
    fn cost(&self, played: &Figures) -> u64 {
        let primary = self.providers.first();
        let price = primary.and_then(|primary| price::of(&primary.model));
        let latency = primary.and_then(|primary| primary.latency.as_ref());
        let (Some(price), Some(latency), 0) = (price, latency, played.number(Metric::Fallbacks))
        else {
            return played.number(Metric::Cost);
        };
        let tagged = float(played.number(Metric::PagesTagged));
        let output = whole(tagged * latency.output_tokens_per_page);
        price.usd_micros(played.number(Metric::InputTokens), output)
    }
}

impl Range {
    fn of(samples: Vec<u64>) -> Self {
        let samples = Distribution::new(samples);
        let percentile = |percent| samples.percentile(percent).unwrap_or(0);
        let least = samples.sorted().first().copied().unwrap_or(0);
        Self { least, p50: percentile(50), p90: percentile(90), most: percentile(100) }
    }
}

/// The figures of a job; nothing if it does not end.
fn figures(scenario: &Scenario, stop: &CancellationToken) -> Result<Option<Figures>, TrialError> {
    let interrupt = stop.clone();
    let options = Options { transport: Transport::Direct, interrupt, ..Options::default() };
    let judged = trial::ended(judge::measure(scenario, &options))?;
    Ok(judged.and_then(|mut judged| judged.runs.pop()).map(|run| run.figures))
}
