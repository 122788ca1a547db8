//! How targets are written: `[statistic] comparison value [of RUN] [in >= SHARE of seeds]`.

use crate::sim::scenario::diagnostic::{Diagnostic, did_you_mean};
use crate::sim::scenario::{Scenario, TargetText};
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;
use crate::study::verdict::target::{Compare, Limit, Relative, Target};

/// The targets of a scenario.
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
        None => part
            .strip_suffix('%')
            .and_then(|percent| decimal(percent.trim(), 10_000))
            .map(|ppm| (ppm, 1_000_000)),
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
    let scaled = |number: &str, scale: u64, wanted| decimal(number.trim(), scale).ok_or(wanted);
    match unit {
        Unit::Count => scaled(text, 1, "a whole number such as 20"),
        Unit::Ratio => {
            let wanted = "a share from 0% to 100%, such as 3%";
            let percent = text.strip_suffix('%').ok_or(wanted)?;
            scaled(percent, 10_000, wanted)
                .and_then(|ppm| if ppm <= 1_000_000 { Ok(ppm) } else { Err(wanted) })
        }
        Unit::UsdMicros => {
            let wanted = "dollars such as $0.20";
            scaled(text.strip_prefix('$').ok_or(wanted)?, 1_000_000, wanted)
        }
        Unit::Millis => {
            let wanted = "a duration such as 800ms, 45s, 2m or 1h";
            let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
            let (suffix, scale) =
                units.into_iter().find(|(suffix, _)| text.ends_with(suffix)).ok_or(wanted)?;
            scaled(&text[..text.len() - suffix.len()], scale, wanted)
        }
    }
}

/// A decimal number times `scale`, if that is a whole number.
fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 12 {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let part = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
        let tens = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        if part % tens != 0 {
            return None;
        }
        value = value.checked_add(part / tens)?;
    }
    Some(value)
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
