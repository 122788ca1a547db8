//! Where a missed figure comes from, in a sentence.

use crate::report::format;
use crate::report::page::time::words;
use crate::sim::scenario::Scenario;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::spending;
use crate::study::measure::time_split::TimePart;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::target::JudgedTarget;
use crate::units::float;

/// Where the value of a missed target comes from, as far as the figures of its run tell.
pub(super) fn cause(scenario: &Scenario, run: &JudgedRun, target: &JudgedTarget) -> Option<String> {
    match target.target.metric {
        Metric::Makespan
        | Metric::Efficiency
        | Metric::Regret
        | Metric::PagesPerMinute
        | Metric::PageLatency
        | Metric::AiLatency
        | Metric::QueueWait => time(run),
        Metric::AiCalls | Metric::Prompts | Metric::Retries | Metric::WastedCalls => calls(run),
        Metric::CacheHits | Metric::CacheMisses | Metric::CacheHitRatio => cache(scenario, run),
        Metric::Cost | Metric::InputTokens | Metric::OutputTokens => cost(scenario, run),
        Metric::RateLimited | Metric::RateLimitedRatio | Metric::QuotaRefusals => refusals(run),
        Metric::PagesFailed
        | Metric::PagesTagged
        | Metric::PagesNotDone
        | Metric::PagesUnlabelled => pages(run),
        _ => None,
    }
}

/// What held the run up most.
fn time(run: &JudgedRun) -> Option<String> {
    let of = |part: &TimePart| run.figures.number(part.metric());
    let makespan = run.figures.number(Metric::Makespan);
    let most = TimePart::ALL.iter().max_by_key(|part| of(part)).filter(|part| of(part) > 0)?;
    let share = of(most).saturating_mul(100) / makespan.max(1);
    let (ms, words) = (format::millis(of(most)), words(*most));
    Some(format!("{ms} of {}, {share} %, went to {words}.", format::millis(makespan)))
}

fn calls(run: &JudgedRun) -> Option<String> {
    let number = |metric| run.figures.number(metric);
    let (calls, pages) = (number(Metric::AiCalls), number(Metric::PagesTagged));
    let prompts = number(Metric::Prompts);
    let each = float(pages) / float(prompts.max(1));
    (calls > 0).then(|| {
        format!(
            "{} calls: {} answered, {each:.1} pages each in the mean; {} were retries, and {} were in vain.",
            format::count(calls),
            format::count(prompts),
            format::count(number(Metric::Retries)),
            format::count(number(Metric::WastedCalls))
        )
    })
}

fn cache(scenario: &Scenario, run: &JudgedRun) -> Option<String> {
    let number = |metric| run.figures.number(metric);
    let (hits, misses) = (number(Metric::CacheHits), number(Metric::CacheMisses));
    let config = &scenario.runs.iter().find(|one| one.name == run.name)?.config;
    let looked_up = hits.saturating_add(misses);
    Some(if config.cache {
        format!(
            "The cache of {} entries answered {} of {} pages.",
            format::count(config.cache_size),
            format::count(hits),
            format::count(looked_up)
        )
    } else {
        "This run has no cache.".to_owned()
    })
}

fn cost(scenario: &Scenario, run: &JudgedRun) -> Option<String> {
    let spent = spending::of(&scenario.prices, &run.log);
    let most = spent.iter().max_by_key(|one| one.usd_micros)?;
    Some(format!(
        "{} billed {} input and {} output tokens in {} calls: {}.",
        most.model,
        format::count(most.input_tokens),
        format::count(most.output_tokens),
        format::count(most.calls),
        format::amount(most.usd_micros?, Unit::UsdMicros)
    ))
}

fn refusals(run: &JudgedRun) -> Option<String> {
    let number = |metric| run.figures.number(metric);
    let (refused, of_quota) = (number(Metric::RateLimited), number(Metric::QuotaRefusals));
    (refused > 0).then(|| {
        format!(
            "Of {} calls {} were refused, {} of them for a quota.",
            format::count(number(Metric::AiCalls)),
            format::count(refused),
            format::count(of_quota)
        )
    })
}

fn pages(run: &JudgedRun) -> Option<String> {
    let number = |metric| run.figures.number(metric);
    let parts = [
        (Metric::PagesFailedAi, "failed at the AI"),
        (Metric::PagesFailedConfluence, "failed at Confluence"),
        (Metric::PagesNotDone, "were not done"),
        (Metric::PagesUnlabelled, "were tagged and have no labels"),
    ];
    let parts = parts.into_iter().filter(|(metric, _)| number(*metric) > 0);
    let parts: Vec<String> =
        parts.map(|(metric, words)| format!("{} {words}", format::count(number(metric)))).collect();
    let all = format::count(number(Metric::Pages));
    (!parts.is_empty()).then(|| format!("Of {all} pages {}.", parts.join(", ")))
}
