//! How targets are written: `[statistic] comparison value [of RUN] [in >= SHARE of seeds]`.

use crate::quantity::{decimal, millis, percent_ppm};
use crate::sim::scenario::diagnostic::{Diagnostic, did_you_mean};
use crate::sim::scenario::{Scenario, TargetText};
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;
use crate::study::verdict::target::{Compare, Limit, Relative, Target};

/// The targets of a scenario.
///
/// ```
/// use std::path::Path;
/// use tagspace::{Scenario, targets_of};
///
/// let text = "# No targets?\nschema = 1\nseed = 1\n[space]\npages = 5\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n";
/// let scenario = Scenario::parse("none", "none.toml", text, Path::new("."))?;
/// assert!(targets_of(&scenario)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn of(scenario: &Scenario) -> Result<Vec<Target>, Diagnostic> {
    scenario.targets.iter().map(|text| parse(scenario, text)).collect()
}

fn parse(scenario: &Scenario, written: &TargetText) -> Result<Target, Diagnostic> {
    let Some(metric) = Metric::find(&written.metric) else {
        let known = Metric::ALL.iter().map(|metric| metric.name());
        let nearest = did_you_mean(&written.metric, known.clone());
        let known: Vec<&str> = known.collect();
        let rest = format!("known metrics: {}", known.join(", "));
        let help = nearest.map_or_else(|| rest.clone(), |nearest| format!("{nearest} {rest}"));
        let message = format!("unknown metric `{}`", written.metric);
        return Err(scenario.problem(written.metric_span.clone(), message, Some(help)));
    };
    let refused = |message: String, help: Option<String>| {
        scenario.problem(written.limit_span.clone(), message, help)
    };
    let Parsed { stat, compare, limit, of_seeds_ppm } = Parsed::of(metric, &written.limit)
        .map_err(|message| refused(message, Some(format!("for example {}", example(metric)))))?;
    if let Limit::Relative(part) = &limit {
        earlier_run(scenario, &written.run, &part.base)
            .map_err(|(message, help)| refused(message, help))?;
    }
    let (line, _) = refused(String::new(), None).line_and_column();
    let over_tagged = over_tagged(scenario, metric, written)?;
    let over = metric.covers().filter(|_| over_tagged);
    let over = over.map_or(String::new(), |coverage| format!(" over {}", coverage.ended));
    let (run, text) = (written.run.clone(), format!("{}{over}", written.limit.trim()));
    Ok(Target { run, metric, stat, compare, limit, of_seeds_ppm, over_tagged, text, line })
}

/// Whether a limit is about those pages only that were tagged.
fn over_tagged(
    scenario: &Scenario,
    metric: Metric,
    written: &TargetText,
) -> Result<bool, Diagnostic> {
    let refused = |message: String, help: &str| {
        scenario.problem(written.over_span.clone(), message, Some(help.to_owned()))
    };
    match (written.over.as_deref(), metric.covers().map(|coverage| coverage.ended)) {
        (None, _) => Ok(false),
        (Some(_), None) => Err(refused(
            format!("`over` says what a latency covers, and {} is none", metric.name()),
            "leave `over` out",
        )),
        (Some(over), Some(wanted)) if over == wanted => Ok(true),
        (Some(over), Some(wanted)) => Err(refused(
            format!("expected over = \"{wanted}\", found `{over}`"),
            "without `over` a latency that leaves some out is missed",
        )),
    }
}

/// Whether a run may be compared with `base`: one that stands before it.
fn earlier_run(scenario: &Scenario, run: &str, base: &str) -> Result<(), (String, Option<String>)> {
    let names: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
    let own = names.iter().position(|name| *name == run).unwrap_or(0);
    let earlier = &names[..own];
    if earlier.contains(&base) {
        return Ok(());
    }
    let help = match earlier {
        [] => "a part of another run needs one that stands before this one in the file".to_owned(),
        earlier => {
            let nearest = did_you_mean(base, earlier.iter().copied()).unwrap_or_default();
            format!("{nearest} runs before this one: {}", earlier.join(", ")).trim().to_owned()
        }
    };
    let what = if names.contains(&base) {
        "a run that stands earlier in the file"
    } else {
        "the name of a run"
    };
    Err((format!("expected {what} after `of`, found `{base}`"), Some(help)))
}

/// A target on a run, written in one piece: `rate_limited_ratio <= 1%`, `page_latency p95 <= 45s`.
pub fn in_one_piece(run: &str, text: &str) -> Result<Target, String> {
    let end = text.trim().find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    let (name, rest) = text.trim().split_at(end.unwrap_or(text.trim().len()));
    let metric = Metric::find(name).ok_or_else(|| {
        let known = Metric::ALL.iter().map(|metric| metric.name());
        let nearest = did_you_mean(name, known).unwrap_or_default();
        format!("expected a metric and a limit, such as `rate_limited_ratio <= 1%`. {nearest}, found `{text}`")
            .trim_end()
            .to_owned()
    })?;
    let Parsed { stat, compare, limit, of_seeds_ppm } = Parsed::of(metric, rest)?;
    if let Limit::Relative(part) = &limit {
        return Err(format!(
            "expected a limit of its own, found a part of the run `{}`",
            part.base
        ));
    }
    let (run, text) = (run.to_owned(), rest.trim().to_owned());
    let (over_tagged, line) = (false, 0);
    Ok(Target { run, metric, stat, compare, limit, of_seeds_ppm, over_tagged, text, line })
}

/// A limit on a metric, as far as its text says.
struct Parsed {
    stat: Option<Stat>,
    compare: Compare,
    limit: Limit,
    of_seeds_ppm: Option<u64>,
}

/// The part of a limit that says in how many seeds it must be met.
fn of_seeds(text: &str) -> Result<u64, String> {
    let wanted =
        || format!("expected a share of the seeds such as `in >= 95% of seeds`, found `in {text}`");
    let share =
        text.trim().strip_prefix(">=").and_then(|rest| rest.trim().strip_suffix("of seeds"));
    let ppm = quantity(share.ok_or_else(wanted)?.trim(), Unit::Ratio).map_err(|_| wanted())?;
    Some(ppm).filter(|ppm| *ppm > 0).ok_or_else(wanted)
}

impl Parsed {
    fn of(metric: Metric, text: &str) -> Result<Self, String> {
        let (text, of_seeds_ppm) = match text.split_once(" in ") {
            Some((text, share)) => (text.trim(), Some(of_seeds(share)?)),
            None => (text.trim(), None),
        };
        let at = text.find(['<', '>', '=']).ok_or_else(|| {
            format!(
                "expected a limit of a comparison (<=, >=, <, >, ==) and a value, found `{text}`"
            )
        })?;
        let (stat, rest) = text.split_at(at);
        let stat = stat.trim();
        let (compare, value) = comparison(rest)
            .ok_or_else(|| format!("expected <=, >=, <, > or ==, found the limit `{text}`"))?;
        let stat = statistic(metric, stat)?;
        let unit = Figure { metric, stat }.unit();
        let limit = match value.split_once(" of ") {
            Some((part, base)) => Limit::Relative(relative(part.trim(), base.trim())?),
            None => Limit::Fixed(quantity(value, unit).map_err(|wanted| {
                format!("expected {wanted}, found the value `{value}` for {}", metric.name())
            })?),
        };
        Ok(Self { stat, compare, limit, of_seeds_ppm })
    }
}

/// The statistic of a limit, as it is written.
fn statistic(metric: Metric, text: &str) -> Result<Option<Stat>, String> {
    let (name, stats) = (metric.name(), metric.stats());
    if let Some(known) = stats.iter().find(|known| known.name() == text) {
        return Ok(Some(*known));
    }
    match (text, stats) {
        ("", []) => Ok(None),
        (text, []) => Err(format!("{name} is one number: it has no statistic `{text}`")),
        (text, stats) => {
            let found = if text.is_empty() { "none" } else { text };
            let wanted = Stat::join(stats, ", ");
            Err(format!("expected a statistic of {name}, one of: {wanted}, found {found}"))
        }
    }
}

fn comparison(text: &str) -> Option<(Compare, &str)> {
    let signs = [Compare::AtMost, Compare::AtLeast, Compare::Equal, Compare::Below, Compare::Above];
    let (compare, value) = signs
        .into_iter()
        .find_map(|compare| Some((compare, text.strip_prefix(compare.sign())?)))?;
    Some((compare, value.trim()))
}

/// A part of what another run has: `10%`, `12.5%`, `1/5`.
fn relative(part: &str, base: &str) -> Result<Relative, String> {
    let found = match part.split_once('/') {
        Some((num, den)) => decimal(num.trim(), 1).zip(decimal(den.trim(), 1)),
        None => percent_ppm(part).map(|ppm| (ppm, 1_000_000)),
    };
    let base = base.to_owned();
    match found {
        Some((num, den)) if den > 0 => Ok(Relative { num, den, base }),
        _ => Err(format!(
            "expected a part such as `10% of {base}` or `1/5 of {base}`, found `{part}`"
        )),
    }
}

/// A value in the integer that stands for its unit.
fn quantity(text: &str, unit: Unit) -> Result<u64, &'static str> {
    let (read, wanted) = match unit {
        Unit::Count => (decimal(text.trim(), 1), "a whole number such as 20"),
        Unit::Ratio => {
            let share = percent_ppm(text).filter(|ppm| *ppm <= 1_000_000);
            (share, "a share from 0% to 100%, such as 3%")
        }
        Unit::UsdMicros => {
            let dollars = text.strip_prefix('$');
            let micros = dollars.and_then(|dollars| decimal(dollars.trim(), 1_000_000));
            (micros, "dollars such as $0.20")
        }
        Unit::Millis => (millis(text), "a duration such as 800ms, 45s, 2m or 1h"),
    };
    read.ok_or(wanted)
}

fn example(metric: Metric) -> String {
    let value = match metric.unit() {
        Unit::Count => "20",
        Unit::Ratio => "60%",
        Unit::Millis => "45s",
        Unit::UsdMicros => "$0.20",
    };
    let stat = match metric.shape() {
        Shape::Single => "",
        Shape::Distribution => "p95 ",
        Shape::Level => "max ",
    };
    format!("{} = \"{stat}<= {value}\"", metric.name())
}
