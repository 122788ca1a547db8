//! What `tag` would take: a table for people, a document for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::format::{amount, count, counted, millis};
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::provider::stated_quota::Dimension;
use crate::pipeline::survey::{Calls, Survey};
use crate::price;
use crate::study::forecast::{Forecast, Range};
use crate::study::measure::metric::{Metric, Unit};

/// A plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What reading told.
    pub survey: Survey,
    /// What playing the job came to; nothing where nothing is asked, or it did not end.
    pub forecast: Option<Forecast>,
    /// What it was played with.
    pub basis: Basis,
    /// The primary's model.
    pub model: String,
    /// The site.
    pub site: String,
    /// Whether labels that no longer apply are removed.
    pub prunes: bool,
    /// The share of the pages that is asked about again, alone and twice, in millionths.
    pub probed_ppm: Option<u64>,
}

impl Plan {
    /// About how many calls asking again takes, if that is wanted.
    fn probe_calls(&self) -> Option<u64> {
        let of = |ppm: u64| self.survey.to_ask().saturating_mul(2 * ppm).div_ceil(1_000_000);
        self.probed_ppm.map(of)
    }
}

/// What a forecast rests on.
#[derive(Debug, Clone, Default)]
pub struct Basis {
    /// The primary's quotas, as they were learned.
    pub quotas: Vec<LearnedQuota>,
    /// Earlier calls to the primary whose latency is known; with 0 one is assumed.
    pub calls: usize,
    /// For how long the primary takes no call, in milliseconds.
    pub closed_ms: u64,
    /// The model of the fallback.
    pub fallback: Option<String>,
    /// What ends the run before, as options.
    pub bounds: Vec<String>,
}

/// The plan as a table.
pub fn text(plan: &Plan) -> String {
    let Plan { survey, forecast, model, site, .. } = plan;
    let mut text = format!("{} listed at {site}\n", counted(survey.listed, "page"));
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<16}{value}");
    };
    if survey.unreadable > 0 {
        row("without text", counted(survey.unreadable, "page"));
    }
    let answered = counted(survey.answered, "page");
    row("answered", format!("{answered}: their answers are kept, and cost nothing"));
    row("same text", format!("{}: asked about once", counted(survey.same_text, "page")));
    row("to ask", format!("{} of {model}", counted(survey.to_ask(), "page")));
    if survey.least.calls > 0 {
        row("AI calls", calls(survey, forecast.as_ref()));
        row("tokens", tokens(&survey.least));
        row("cost", cost(plan));
        row("time", time(plan));
        row("rehearsed with", basis(plan));
        row("assumed", assumed(&plan.basis));
        if !plan.basis.bounds.is_empty() {
            let bounds = plan.basis.bounds.join(" or ");
            row("ends before", format!("with {bounds}, which is not in calls, cost and time"));
        }
    }
    if let Some(calls) = plan.probe_calls() {
        let calls = counted(calls, "call");
        row("probe", format!("about {calls} more, which are not in calls, cost and time"));
    }
    row("labels", labels(survey));
    if plan.prunes {
        row("removed", "labels of earlier jobs that no longer apply (--prune)".to_owned());
    }
    row("never written", "titles, texts, and labels outside the taxonomy".to_owned());
    text
}

/// The plan as a document. Times are in milliseconds, costs in millionths of a dollar; what is not known
/// is null.
pub fn json(plan: &Plan) -> String {
    let Plan { survey, forecast, basis, model, site, prunes, .. } = plan;
    let price = price::of(model);
    let calls = |calls: &Calls| {
        let Calls { calls, input_tokens, output_tokens } = *calls;
        let cost = price.map(|price| price.usd_micros(input_tokens, output_tokens));
        json!({
            "calls": calls,
            (Metric::InputTokens.key()): input_tokens,
            (Metric::OutputTokens.key()): output_tokens,
            (Metric::Cost.key()): cost,
        })
    };
    let range = |range: Range| {
        let Range { least, p50, p90, most } = range;
        json!({ "least": least, "p50": p50, "p90": p90, "most": most })
    };
    let forecast = forecast.as_ref().map(|forecast| {
        json!({
            "seeds": forecast.seeds,
            "pages": forecast.pages,
            (Metric::Makespan.key()): range(forecast.makespan_ms),
            "calls": range(forecast.calls),
            (Metric::Cost.key()): forecast.cost_usd_micros.map(range),
            (Metric::PagesFailed.key()): forecast.failed,
            (Metric::Fallbacks.key()): range(forecast.fallbacks),
        })
    });
    let quota = |quota: &LearnedQuota| {
        json!({
            "dimension": quota.dimension,
            "limit": quota.limit,
            "window_ms": quota.window_ms,
            "inferred": quota.inferred,
        })
    };
    let quotas: Vec<Value> = basis.quotas.iter().map(quota).collect();
    let document = json!({
        "site": site,
        "model": model,
        "pages": {
            "listed": survey.listed,
            "unreadable": survey.unreadable,
            "answered": survey.answered,
            "same_text": survey.same_text,
            "to_ask": survey.to_ask(),
        },
        "pages_of_a_call": survey.pages_of_a_call,
        "in_the_fewest_calls": calls(&survey.least),
        "each_page_alone": calls(&survey.most),
        "forecast": forecast,
        "known": { "quotas": quotas, "earlier_calls": basis.calls, "closed_ms": basis.closed_ms },
        "fallback": basis.fallback,
        "bounds": basis.bounds,
        "probe_calls": plan.probe_calls(),
        "labels": {
            "to_add": survey.labels_to_add,
            "pages": survey.pages_to_label,
            "unknown_pages": survey.labels_unknown,
            "prunes": prunes,
        },
    });
    format!("{document:#}\n")
}

fn calls(survey: &Survey, forecast: Option<&Forecast>) -> String {
    let Survey { least, most, pages_of_a_call, .. } = survey;
    let expected =
        forecast.map_or(String::new(), |forecast| format!("{}; ", range(forecast.calls, count)));
    let fallbacks = forecast.map_or(0, |forecast| forecast.fallbacks.p90);
    let fallbacks = match fallbacks {
        0 => String::new(),
        1 => "; 1 batch goes to the fallback (P90)".to_owned(),
        batches => format!("; {} batches go to the fallback (P90)", count(batches)),
    };
    format!(
        "{expected}{} at least, with {pages_of_a_call} pages in each; {} with each page alone{fallbacks}",
        count(least.calls),
        count(most.calls)
    )
}

fn tokens(least: &Calls) -> String {
    let (input, output) = (count(least.input_tokens), count(least.output_tokens));
    format!("about {input} in and {output} out, in the fewest calls")
}

fn cost(Plan { survey: Survey { most, .. }, forecast, model, .. }: &Plan) -> String {
    let usd = |micros: u64| amount(micros, Unit::UsdMicros);
    let Some(price) = price::of(model) else { return format!("no price of {model} is known") };
    let alone = usd(price.usd_micros(most.input_tokens, most.output_tokens));
    let expected = forecast.as_ref().and_then(|forecast| forecast.cost_usd_micros);
    let expected = expected.map_or(String::new(), |cost| format!("{}; ", range(cost, usd)));
    format!("{expected}about {alone} with each page alone")
}

fn time(Plan { forecast, .. }: &Plan) -> String {
    let Some(forecast) = forecast else {
        return "not known: no rehearsal of it came to an end".to_owned();
    };
    let time = range(forecast.makespan_ms, millis);
    match forecast.failed {
        0 => time,
        failed => format!("{time}; up to {} fail, or are left", counted(failed, "page")),
    }
}

/// A figure: the middle, and what nine of ten stay below where that differs.
fn range(range: Range, shown: impl Fn(u64) -> String) -> String {
    let (middle, high) = (shown(range.p50), shown(range.p90));
    if middle == high { middle } else { format!("{middle} (P50), {high} (P90)") }
}

fn basis(Plan { survey, forecast, basis, model, .. }: &Plan) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(forecast) = forecast {
        let pages = if forecast.pages < survey.to_ask() {
            format!("{} of these pages", count(forecast.pages))
        } else {
            "these pages".to_owned()
        };
        parts.push(format!("{pages} in {}", counted(forecast.seeds, "seed")));
    }
    parts.extend(basis.quotas.iter().map(quota));
    if basis.closed_ms > 0 {
        parts.push(format!("no call to it before {} have passed", millis(basis.closed_ms)));
    }
    if let Some(fallback) = &basis.fallback {
        parts.push(format!("{fallback} as the fallback"));
    }
    if basis.calls > 0 {
        parts.push(format!("the latency of {} to {model}", counted(basis.calls, "earlier call")));
    }
    parts.join("; ")
}

fn quota(quota: &LearnedQuota) -> String {
    let LearnedQuota { dimension, limit, window_ms, inferred, .. } = quota;
    let what = match dimension {
        Dimension::Requests => "request",
        Dimension::Tokens => "input token",
    };
    let how = if *inferred { "inferred" } else { "stated" };
    format!("{} in {} ({how})", counted(*limit, what), millis(*window_ms))
}

fn assumed(basis: &Basis) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if basis.quotas.is_empty() {
        parts.push("no quota: none was learned yet");
    }
    if basis.calls == 0 {
        parts.push("latency and length of a small model's answers: too few of this one are known");
    }
    parts.push("no failures");
    parts.join("; ")
}

fn labels(survey: &Survey) -> String {
    match (survey.answered, survey.labels_unknown) {
        (0, _) => "as the answers say".to_owned(),
        (_, 0) => format!(
            "{} to add to {} with a kept answer; to others as their answers say",
            count(survey.labels_to_add),
            counted(survey.pages_to_label, "page")
        ),
        (_, unknown) => {
            format!("those of {} are read when they are written", counted(unknown, "page"))
        }
    }
}
