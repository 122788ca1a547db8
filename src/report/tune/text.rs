//! A grid as a table, as JSON and CSV, and its answer as settings.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use crate::pipeline::config::{SettingsPatch, variable_of};
use crate::report::draw::{Picture, PlotError};
use crate::report::format;
use crate::report::table::markdown;
use crate::report::tune::point_name::named;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::stats::paired::Paired;
use crate::study::tune::regression_targets::RegressionTargets;
use crate::study::tune::{GridPoint, StudySpec, Tuned, grid};
use crate::study::verdict::seeds::Spread;
use crate::units::float;

/// The version of the files' form.
const FORMAT_VERSION: u64 = 1;
/// What the table shows of each point.
const SHOWN: [Metric; 5] = [
    Metric::Makespan,
    Metric::AiCalls,
    Metric::RateLimitedRatio,
    Metric::PagesMistagged,
    Metric::Cost,
];
/// The table shows no more points than this; the CSV has all.
const MOST_ROWS: usize = 20;

/// The mean of a metric over all seeds.
fn shown(point: &GridPoint, metric: Metric) -> String {
    let Some(values) = point.values_of(metric) else { return "-".to_owned() };
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let mean = (sum * 1000).checked_div(values.len() as u128);
    let mean = mean.map(|mean| u64::try_from(mean).unwrap_or(u64::MAX));
    mean.map_or("-".to_owned(), |mean| by(mean, metric.unit()))
}

/// The ranked table, the answer in words, and the answer as settings.
pub fn text(tuned: &Tuned, regression: Option<&RegressionTargets>) -> String {
    let spec = &tuned.spec;
    let seeds = spec.seeds.clone().count();
    let (first, last) = (spec.seeds.start(), spec.seeds.end());
    let mut out = format!(
        "# {}, run `{}`: {} with seeds {first} to {last}, {} first\n\n",
        tuned.spec.scenario.name,
        spec.run,
        format::counted(tuned.points.len(), "setting"),
        spec.objective.name()
    );
    let require: Vec<String> =
        spec.require.iter().map(|one| format!("`{} {}`", one.metric.name(), one.text)).collect();
    if !require.is_empty() {
        let _ = write!(
            out,
            "Required in at least 95 % of the seeds, unless another share is named: {}. ",
            require.join(", ")
        );
    }
    out.push_str(
        "What is shown is the mean of all seeds; `*` is on the Pareto front of time and cost.\n",
    );
    let all = tuned.points.len() * seeds;
    let played: usize = tuned.points.iter().map(|point| point.outcomes.len()).sum();
    if played < all {
        let _ = writeln!(
            out,
            "A race: {played} of {all} simulations were played; what was stopped early might still have won."
        );
    }
    out.push('\n');
    let mut headings = vec!["", "settings"];
    headings.extend(SHOWN.map(Metric::name));
    headings.push("requirements");
    let rows: Vec<Vec<String>> = tuned
        .ranking
        .iter()
        .take(MOST_ROWS)
        .enumerate()
        .map(|(rank, index)| {
            let point = &tuned.points[*index];
            let front = if point.is_on_front { "*" } else { "" };
            let mut row = vec![format!("{}{front}", rank + 1), named(tuned, point)];
            row.extend(SHOWN.map(|metric| shown(point, metric)));
            row.push(requirements(tuned, point, seeds));
            row
        })
        .collect();
    out.push_str(&markdown(&headings, &rows));
    if tuned.points.len() > MOST_ROWS {
        let _ = writeln!(out, "\nand {} more in tune.csv", tuned.points.len() - MOST_ROWS);
    }
    out.push('\n');
    out.push_str(&verdict(tuned));
    out.push_str(&super::trades::trades(tuned));
    if let Some(best) = tuned.best() {
        let _ = write!(
            out,
            "\nAs variables (tune.env):\n\n```sh\n{}```\n\nAs a table of a scenario (tune.toml):\n\n```toml\n{}```\n",
            env_block(std::slice::from_ref(tuned), &best.values),
            toml_block(tuned, best)
        );
    }
    if let Some(regression) = regression {
        let _ = write!(out, "\n{}", super::regression_targets::text(regression));
    }
    out
}

fn requirements(tuned: &Tuned, point: &GridPoint, seeds: usize) -> String {
    if point.outcomes.iter().any(Option::is_none) {
        return "does not finish".to_owned();
    }
    let played = point.outcomes.len();
    let missed = tuned.spec.require.iter().zip(&point.met).filter(|(_, met)| **met < played);
    let mut words: Vec<String> = missed
        .map(|(one, met)| format!("{} {} in {met} of {played}", one.metric.name(), one.text))
        .collect();
    if played < seeds {
        words.push(format!("stopped after {played} seeds"));
    }
    match words.as_slice() {
        [] => "met".to_owned(),
        words if point.is_admissible && words.len() > MOST_WORDS => {
            format!("met ({} of them in fewer seeds than all)", words.len())
        }
        words if point.is_admissible => format!("met ({})", words.join("; ")),
        words => words.join("; "),
    }
}

/// Requirements that are missed in some seeds, as they may be, and are named one by one.
const MOST_WORDS: usize = 2;
/// With fewer seeds an interval says nothing: even if all agree, chance does so once in 16.
const FEWEST: usize = 5;

/// The winner, and by how much it beats the next best.
pub fn verdict(tuned: &Tuned) -> String {
    let Some(best) = tuned.best() else {
        return "No setting meets what is required; the table says what each misses.\n".to_owned();
    };
    let mut out = format!("Best: {}.", named(tuned, best));
    if let Some(next) = tuned.others().next() {
        out.push_str(&comparison(tuned, best, next));
    } else if tuned.points.len() > 1 {
        out.push_str(" No other meets what is required.");
    }
    out.push('\n');
    out
}

/// How the best differs from the next, and from how many it cannot be told.
fn comparison(tuned: &Tuned, best: &GridPoint, next: &GridPoint) -> String {
    let metric = tuned.spec.objective.metric();
    let unit = metric.unit();
    let Some(paired) = tuned.against(next, metric) else { return String::new() };
    let (seeds, name) = (best.outcomes.len(), named(tuned, next));
    let mut out = if paired.same == seeds {
        format!(" It is the same as {name} in all seeds by {metric}")
    } else {
        let (less, more) = (paired.less, paired.more);
        let beats = if paired.mean_milli > 0 {
            format!(
                " It is the gentlest of those as good{}: {name} has less in",
                fewer_calls(best, next)
            )
        } else if less > more {
            format!(" It beats {name} in")
        } else {
            format!(" It is before {name} by its mean alone, better in")
        };
        let difference = difference(&paired, seeds, unit);
        let (better, worse) = if paired.mean_milli > 0 { (more, less) } else { (less, more) };
        format!("{beats} {better} of {seeds} seeds (worse in {worse}), {difference}")
    };
    if metric != Metric::Cost
        && let Some(percent) = relative(best, next, Metric::Cost)
    {
        let _ = write!(out, ", {percent} cost");
    }
    out.push('.');
    let alike = tuned.others().filter(|point| {
        point.outcomes.len() == seeds
            && tuned.against(point, metric).is_some_and(|paired| paired.may_be_chance())
    });
    match alike.count() {
        _ if seeds < FEWEST => {}
        0 => {}
        1 => out.push_str(" One setting cannot be told from it with these seeds."),
        more => {
            let _ = write!(out, " {more} settings cannot be told from it with these seeds.");
        }
    }
    out
}

/// How many calls are in flight at most, where the best has fewer.
fn fewer_calls(best: &GridPoint, other: &GridPoint) -> String {
    let most = |point: &GridPoint| point.values_of(Metric::InFlight)?.into_iter().max();
    match most(best).zip(most(other)) {
        Some((best, other)) if best < other => format!(", {best} calls in flight for {other}"),
        _ => String::new(),
    }
}

/// How the best differs from another by the objective, in words.
pub(crate) fn against(tuned: &Tuned, other: &GridPoint) -> String {
    let metric = tuned.spec.objective.metric();
    let unit = metric.unit();
    let Some(paired) = tuned.against(other, metric) else { return String::new() };
    let seeds = paired.less + paired.more + paired.same;
    if paired.same == seeds {
        return format!("the same in all {seeds} seeds");
    }
    let Paired { less, more, .. } = paired;
    format!(
        "{} (less in {less} of {seeds} seeds, more in {more})",
        difference(&paired, seeds, unit)
    )
}

/// The mean difference with its interval.
fn difference(paired: &Paired, seeds: usize, unit: Unit) -> String {
    let is_less = paired.mean_milli <= 0;
    let word = if is_less { "less" } else { "more" };
    let paired = if is_less { *paired } else { paired.reversed() };
    let mut out = format!("{} {word}", by(paired.mean_milli.unsigned_abs(), unit));
    if seeds < FEWEST {
        out.push_str(" (too few seeds to tell it from chance)");
        return out;
    }
    let _ = write!(out, " (95 % CI {})", interval(&paired, unit));
    if paired.may_be_chance() {
        out.push_str(", which may be chance");
    }
    out
}

/// A difference in thousandths of a unit.
fn by(milli: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{:.1}", float(milli) / 1000.0),
        unit => format::amount(milli.saturating_add(500) / 1000, unit),
    }
}

/// The ends of an interval of what is saved.
fn interval(paired: &Paired, unit: Unit) -> String {
    let end = |milli: i64| {
        let sign = if milli > 0 { "-" } else { "" };
        format!("{sign}{}", by(milli.unsigned_abs(), unit))
    };
    format!("{} to {}", end(paired.high_milli), end(paired.low_milli))
}

/// How much more a metric sums up to, in percent.
fn relative(best: &GridPoint, next: &GridPoint, metric: Metric) -> Option<String> {
    let (ours, theirs) = (best.sum(metric)?, next.sum(metric)?);
    let tenths = |more: u128| (more * 1000).checked_div(theirs);
    let (sign, tenths) = match ours.checked_sub(theirs) {
        Some(more) => ("+", tenths(more)?),
        None => ("-", tenths(theirs - ours)?),
    };
    Some(format!("{sign}{}.{} %", tenths / 10, tenths % 10))
}

fn chosen<'a>(tuned: &'a Tuned, point: &'a GridPoint) -> impl Iterator<Item = (&'a str, &'a str)> {
    let axes = tuned.spec.axes.iter().zip(&point.values);
    axes.map(|(axis, value)| (axis.key.as_str(), axis.values[*value].as_str()))
}

/// The settings of a point as variables: the profile, and every key of the pipeline that is set on
/// top, in the file or by the study. Of several scenarios those that all have alike.
pub fn env_block(all: &[Tuned], values: &[usize]) -> String {
    let written = |tuned: &Tuned| {
        let StudySpec { scenario, folder, axes, run, .. } = &tuned.spec;
        let set = scenario.with(&grid::settings(axes, values), folder).ok()?;
        Some(set.runs.iter().find(|known| known.name == *run)?.patch.written())
    };
    let each: Vec<_> = all.iter().filter_map(written).collect();
    let mut out = String::new();
    for key in SettingsPatch::KEYS {
        let of = |keys: &Vec<(&str, String)>| {
            keys.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
        };
        let mut found: Vec<Option<String>> = each.iter().map(of).collect();
        found.dedup();
        let _ = match found.as_slice() {
            [None] | [] => Ok(()),
            // Whether anything is written is not a file's to say.
            _ if *key == "dry_run" => writeln!(out, "# dry_run is given by --write"),
            [Some(value)] => writeln!(out, "{}={value}", variable_of(key)),
            _ => writeln!(out, "# {key} differs between the scenarios"),
        };
    }
    let axes = all.first().map_or(&[][..], |tuned| &tuned.spec.axes);
    for setting in grid::settings(axes, values) {
        if !setting.starts_with("pipeline.") {
            let _ = writeln!(out, "# not of the pipeline, give it with: --set '{setting}'");
        }
    }
    out
}

/// The settings of a point as the pipeline's table of a scenario.
pub fn toml_block(tuned: &Tuned, point: &GridPoint) -> String {
    let mut out = "[pipeline]\n".to_owned();
    let mut others = String::new();
    for (key, value) in chosen(tuned, point) {
        // As `--set` has it: what is no TOML value is a string.
        let is_value = format!("x = {value}").parse::<toml::Table>().is_ok();
        let value = if is_value { value.to_owned() } else { format!("{value:?}") };
        let _ = match key.strip_prefix("pipeline.") {
            Some(key) => writeln!(out, "{key} = {value}"),
            None => writeln!(others, "# not of the pipeline: {key} = {value}"),
        };
    }
    out + &others
}

/// Everything but the seeds one by one, which the CSV has.
pub fn json(tuned: &Tuned) -> Value {
    let spec = &tuned.spec;
    let points = tuned.points.iter().map(|point| {
        let metrics: serde_json::Map<String, Value> = Metric::singles()
            .filter_map(|metric| {
                let Spread { least, median, most, .. } = Spread::of(point.values_of(metric)?)?;
                let spread = json!({"min": least, "median": median, "max": most});
                Some((metric.key().to_owned(), spread))
            })
            .collect();
        json!({
            "settings": grid::settings(&spec.axes, &point.values),
            "admissible": point.is_admissible,
            "pareto": point.is_on_front,
            "seeds_played": point.outcomes.len(),
            "met": point.met,
            "metrics": metrics,
        })
    });
    let axes = spec.axes.iter().map(|axis| json!({"key": axis.key, "values": axis.values}));
    let require = spec.require.iter().map(|one| format!("{} {}", one.metric.name(), one.text));
    let paired =
        tuned.others().next().and_then(|next| tuned.against(next, spec.objective.metric()));
    json!({
        "format_version": FORMAT_VERSION,
        "name": spec.scenario.name,
        "run": spec.run,
        "seeds": [spec.seeds.start(), spec.seeds.end()],
        "objective": spec.objective.name(),
        "require": require.collect::<Vec<_>>(),
        "axes": axes.collect::<Vec<_>>(),
        "cells": points.collect::<Vec<_>>(),
        "ranking": tuned.ranking,
        "best": tuned.best().map(|_| tuned.ranking[0]),
        "against_next": paired.map(|paired| json!({
            "better": paired.less,
            "worse": paired.more,
            "same": paired.same,
            "mean_difference_milli": paired.mean_milli,
            "ci95_low_milli": paired.low_milli,
            "ci95_high_milli": paired.high_milli,
        })),
    })
}

/// A row for every point and seed.
pub fn csv(tuned: &Tuned, to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    let axes = &tuned.spec.axes;
    let mut headings: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    headings.extend(["seed", "finished"]);
    // Shares are given in millionths.
    let key = |metric: Metric| match metric.unit() {
        Unit::Ratio => format!("{}_ppm", metric.key()),
        Unit::Count | Unit::Millis | Unit::UsdMicros => metric.key().to_owned(),
    };
    let keys: Vec<String> = Metric::singles().map(key).collect();
    headings.extend(keys.iter().map(String::as_str));
    to.write_record(&headings)?;
    for point in &tuned.points {
        for (seed, outcome) in tuned.spec.seeds.clone().zip(&point.outcomes) {
            let values = axes.iter().zip(&point.values).map(|(axis, v)| axis.values[*v].clone());
            let mut row: Vec<String> = values.collect();
            row.extend([seed.to_string(), u8::from(outcome.is_some()).to_string()]);
            row.extend(Metric::singles().map(|metric| {
                let value = outcome.as_ref().and_then(|outcome| outcome.get(&metric));
                value.map_or(String::new(), u64::to_string)
            }));
            to.write_record(&row)?;
        }
    }
    to.flush()?;
    Ok(())
}

/// The objective of every point.
pub fn heat_map(tuned: &Tuned) -> Result<Picture, PlotError> {
    super::plot::heat_map(tuned)
}

/// Time against cost.
pub fn front(tuned: &Tuned) -> Result<Picture, PlotError> {
    super::plot::front(tuned)
}
