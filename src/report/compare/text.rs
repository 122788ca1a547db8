//! A comparison in words, as Markdown and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::report::format;
use crate::report::table::markdown;
use crate::study::compare::drift::Drift;
use crate::study::compare::event_diff::Difference;
use crate::study::compare::settings::Changed;
use crate::study::compare::{
    Compared, ComparedRun, Comparison, ComparisonVerdict, Lacking, Mode, Moved,
};
use crate::study::measure::metric::Unit;
use crate::units::float;

/// The version of the JSON's form.
const FORMAT_VERSION: u64 = 1;

/// Both sides, as they are called.
#[derive(Debug, Clone)]
pub struct Sides {
    /// What is compared with.
    pub base: String,
    /// What is compared.
    pub new: String,
}

/// The first events that differ, each with its scenario and seed.
pub type Differences = Vec<(String, u64, Difference)>;

/// What a comparison of a scenario came to, in one line: the cause, then the figures that became
/// worse, at most `most` of them.
pub fn headline_of(compared: &Compared, most: usize) -> String {
    let worse = compared.regressions();
    let named = |(run, moved): &(&ComparedRun, &Moved)| {
        let run = if compared.runs.len() > 1 { format!("{}: ", run.name) } else { String::new() };
        format!("{run}{}", moved_in_words(moved))
    };
    let mut figures: Vec<String> = worse.iter().take(most).map(named).collect();
    if worse.len() > most {
        figures.push(format!("and {}", format::counted(worse.len() - most, "other figure")));
    }
    if figures.is_empty() {
        let reason = compared.reason.clone();
        figures.push(reason.unwrap_or_else(|| "the logs are not the same".to_owned()));
    }
    format!("{}: {}", compared.cause(), figures.join("; "))
}

/// How a figure moved: `ai_calls 9.0 -> 21.0 (+133.3 %)`.
pub fn moved_in_words(moved: &Moved) -> String {
    let [base, new, change] = moved_cells(moved);
    format!("{} {base} -> {new} ({change})", moved.figure)
}

/// A figure that one side lacks in some seeds.
pub fn lacking_in_words(one: &Lacking) -> String {
    let Lacking { figure, base, new, both } = one;
    let over = match both {
        0 => "so it is not compared".to_owned(),
        both => format!("so it is compared over {both}"),
    };
    format!("`{figure}` has a value in {base} seeds of the base and in {new} of this side, {over}.")
}

/// The mean before, the mean now, and the change against the mean before.
pub fn moved_cells(moved: &Moved) -> [String; 3] {
    let written = |milli: u64| by(milli, moved.figure.unit());
    let change = relative(moved.sums.0, moved.sums.1);
    [written(moved.base_mean_milli), written(moved.new_mean_milli), change]
}

/// The verdict on everything, in one line.
pub(crate) fn headline(comparison: &Comparison) -> String {
    let count = |verdict: &ComparisonVerdict| {
        comparison.scenarios.iter().filter(|one| one.verdict == *verdict).count()
    };
    let counted = ComparisonVerdict::ALL.iter().rev().filter(|verdict| count(verdict) > 0);
    let counted: Vec<String> =
        counted.map(|verdict| format!("{} {}", count(verdict), verdict.name())).collect();
    format!("{}: {}", comparison.verdict().name().to_uppercase(), counted.join(", "))
}

/// The report for people, which is Markdown.
pub fn text(comparison: &Comparison, sides: &Sides, differences: &Differences) -> String {
    let how = match comparison.mode {
        Mode::Exact => {
            let (common, wanted) = comparison.seeds;
            let few = format!(" (pairs take {wanted} seeds on both sides, not {common})");
            let few = if 0 < common && common < wanted { few } else { String::new() };
            format!("exact: the logs must be the same{few}")
        }
        Mode::Paired => format!(
            "paired, seed by seed: a change below {} of the mean is none, and a false alarm has a chance of {} in all",
            percent(comparison.rules.noise_ppm),
            percent(comparison.rules.significance_ppm)
        ),
    };
    let Sides { base, new } = sides;
    let mut out = format!("{}\n\n- base: {base}\n- new: {new}\n- {how}\n", headline(comparison));
    for one in &comparison.scenarios {
        scenario(&mut out, one, comparison.mode, differences);
    }
    out
}

fn percent(ppm: u64) -> String {
    format!("{} %", float(ppm) / 10_000.0)
}

fn scenario(out: &mut String, one: &Compared, mode: Mode, differences: &Differences) {
    let _ = write!(out, "\n## {}: {}", one.name, one.verdict.name());
    if let Some(reason) = &one.reason {
        let _ = write!(out, " ({reason})");
    }
    out.push('\n');
    if one.has_other_settings || !one.world.is_empty() || one.verdict.is_failure() {
        let _ = writeln!(out, "\nWhat differs: {}.", one.cause());
    }
    // First what happened, then what came of it.
    for (_, seed, difference) in differences.iter().filter(|(name, ..)| *name == one.name) {
        first(out, *seed, difference);
    }
    for run in &one.runs {
        summary(out, run, one.has_edited_logs);
        if run.moved.iter().any(|moved| moved.figure.better().is_some()) {
            out.push('\n');
            out.push_str(&table(run, mode));
        }
        if !run.drifts.is_empty() {
            let drifts: Vec<String> = run.drifts.iter().map(since_first).collect();
            let _ = writeln!(out, "\nSince it was first accepted: {}.", drifts.join(", "));
        }
        for one in &run.lacking {
            let _ = writeln!(out, "\n{}", lacking_in_words(one));
        }
        let others = run.moved.iter().filter(|moved| moved.figure.better().is_none());
        let others: Vec<String> = others.map(|moved| moved.figure.to_string()).collect();
        if !others.is_empty() {
            let _ = writeln!(out, "\nMoved as well, but not watched: {}.", others.join(", "));
        }
    }
}

fn summary(out: &mut String, run: &ComparedRun, has_edited_logs: bool) {
    let seeds = run.seeds.len();
    let logs = match run.differing.len() {
        // The reports tell of the logs: whether they are as they were is not known from them.
        0 if has_edited_logs => "the reports say that every log is the same".to_owned(),
        0 => "every log is the same to the byte".to_owned(),
        differing => format!("the logs of {differing} differ"),
    };
    let plural = if seeds == 1 { "seed" } else { "seeds" };
    let figures = match (run.moved.len(), run.same) {
        (0, same) => format!("all {same} figures are the same"),
        (moved, same) => format!("{same} figures are the same, {moved} are not"),
    };
    let _ = writeln!(out, "\nRun `{}`, {seeds} {plural}: {logs}; {figures}.", run.name);
}

fn table(run: &ComparedRun, mode: Mode) -> String {
    let mut headings = vec!["figure", "base", "new", "change"];
    if mode == Mode::Paired {
        headings.extend(["95 % CI", "less in", "more in", "p"]);
    }
    headings.push("verdict");
    let watched = run.moved.iter().filter(|moved| moved.figure.better().is_some());
    let rows: Vec<Vec<String>> = watched.map(|moved| row(moved, mode)).collect();
    markdown(&headings, &rows)
}

fn row(moved: &Moved, mode: Mode) -> Vec<String> {
    let mut row = vec![
        moved.figure.to_string(),
        by(moved.base_mean_milli, moved.figure.unit()),
        by(moved.new_mean_milli, moved.figure.unit()),
        change(moved),
    ];
    if mode == Mode::Paired {
        let (low, high) = (moved.paired.low_milli, moved.paired.high_milli);
        row.push(format!(
            "{} to {}",
            signed(low, moved.figure.unit()),
            signed(high, moved.figure.unit())
        ));
        row.extend([moved.paired.less.to_string(), moved.paired.more.to_string()]);
        row.push(probability(moved.p));
    }
    row.push(moved.verdict.name().to_owned());
    row
}

/// A mean in thousandths of a unit.
pub(crate) fn by(milli: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{:.1}", float(milli) / 1000.0),
        unit => format::amount(milli.saturating_add(500) / 1000, unit),
    }
}

pub(crate) fn signed(milli: i64, unit: Unit) -> String {
    let sign = if milli < 0 { "-" } else { "+" };
    format!("{sign}{}", by(milli.unsigned_abs(), unit))
}

/// A change against a mean.
fn relative(base: u128, new: u128) -> String {
    let change = new.abs_diff(base).saturating_mul(1000).saturating_add(base / 2);
    let sign = if new < base { "-" } else { "+" };
    match change.checked_div(base) {
        Some(tenths) => format!("{sign}{}.{} %", tenths / 10, tenths % 10),
        None => "from nothing".to_owned(),
    }
}

pub(crate) fn change(moved: &Moved) -> String {
    let relative = relative(moved.sums.0, moved.sums.1);
    format!("{} ({relative})", signed(moved.paired.mean_milli, moved.figure.unit()))
}

fn since_first(drift: &Drift) -> String {
    let Drift { figure, first_mean_milli: first, new_mean_milli: new } = drift;
    format!(
        "{figure} {} ({} -> {})",
        relative(u128::from(*first), u128::from(*new)),
        by(*first, figure.unit()),
        by(*new, figure.unit())
    )
}

pub(crate) fn probability(p: f64) -> String {
    if p < 0.0001 { format!("{p:.0e}") } else { format!("{p:.4}") }
}

fn first(out: &mut String, seed: u64, difference: &Difference) {
    let Difference { run, event, before, base, new, causes, fields } = difference;
    let end = "the end of the log";
    let _ = writeln!(
        out,
        "\nSeed {seed}, run `{run}`: event {event} is the first that differs.\n\n```"
    );
    if let Some(before) = before {
        let _ = writeln!(out, "same  {before}");
    }
    let sides = [("base", base, &causes.0), ("new ", new, &causes.1)];
    for (side, event, cause) in sides {
        let _ = writeln!(out, "{side}  {}", event.as_deref().unwrap_or(end));
        if let Some(cause) = cause.as_ref().filter(|cause| Some(*cause) != before.as_ref()) {
            let _ = writeln!(out, "      led to it: {cause}");
        }
    }
    for (field, was, is) in fields {
        let _ = writeln!(out, "      {field}: {was} -> {is}");
    }
    out.push_str("```\n");
}

/// The report on a scenario for machines.
pub fn scenario_json(one: &Compared, differences: &[(String, u64, Difference)]) -> Value {
    let moved = |moved: &Moved| {
        json!({
            "figure": moved.figure,
            "verdict": moved.verdict.name(),
            "base_mean_milli": moved.base_mean_milli,
            "new_mean_milli": moved.new_mean_milli,
            "mean_difference_milli": moved.paired.mean_milli,
            "ci95_low_milli": moved.paired.low_milli,
            "ci95_high_milli": moved.paired.high_milli,
            "less": moved.paired.less,
            "more": moved.paired.more,
            "same": moved.paired.same,
            "p_holm": moved.figure.better().map(|_| moved.p),
        })
    };
    let drift = |drift: &Drift| {
        json!({
            "figure": drift.figure,
            "first_mean_milli": drift.first_mean_milli,
            "new_mean_milli": drift.new_mean_milli,
        })
    };
    let lacking = |one: &Lacking| json!({"figure": one.figure, "base_seeds": one.base, "new_seeds": one.new, "compared_seeds": one.both});
    let changed = |all: &[Changed]| -> Value {
        let of = |one: &Changed| json!({"run": one.run, "key": one.key, "base": one.base, "new": one.new});
        all.iter().map(of).collect()
    };
    let run = |run: &ComparedRun| {
        json!({
            "name": run.name,
            "seeds": run.seeds.len(),
            "differing_seeds": run.differing,
            "same_figures": run.same,
            "lacking": run.lacking.iter().map(lacking).collect::<Vec<_>>(),
            "moved": run.moved.iter().map(moved).collect::<Vec<_>>(),
            "since_first": run.drifts.iter().map(drift).collect::<Vec<_>>(),
        })
    };
    let own = differences.iter().filter(|(name, ..)| *name == one.name);
    let first = own.map(|(_, seed, first)| {
            json!({
                "seed": seed, "run": first.run, "event": first.event, "base": first.base, "new": first.new,
                "base_cause": first.causes.0, "new_cause": first.causes.1
            })
        });
    json!({
        "name": one.name,
        "verdict": one.verdict.name(),
        "reason": one.reason,
        "cause": one.cause(),
        "other_settings": one.has_other_settings,
        "changed_settings": changed(&one.settings),
        "changed_world": changed(&one.world),
        "runs": one.runs.iter().map(run).collect::<Vec<_>>(),
        "first_difference": first.collect::<Vec<_>>(),
    })
}

/// The report for machines.
pub fn json(comparison: &Comparison, sides: &Sides, differences: &Differences) -> Value {
    let scenarios = comparison.scenarios.iter().map(|one| scenario_json(one, differences));
    json!({
        "format_version": FORMAT_VERSION,
        "verdict": comparison.verdict().name(),
        "exit_code": if comparison.verdict().is_failure() { 3 } else { 0 },
        "mode": if comparison.mode == Mode::Exact { "exact" } else { "paired" },
        "base": sides.base,
        "new": sides.new,
        "scenarios": scenarios.collect::<Vec<_>>(),
    })
}
