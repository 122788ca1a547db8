//! Markdown for `$GITHUB_STEP_SUMMARY`: the verdicts in one table, and for each scenario that misses
//! a target what it misses and how to repeat it.

use std::fmt::Write;

use super::closing::{margin, missed, name, seed, value};
use super::{Closing, Replay};
use crate::report::run::realtime_check;
use crate::report::{compare, format};
use crate::sim::scenario::Scenario;
use crate::study::compare::{Compared, ComparisonVerdict};
use crate::study::experiment::realtime_check::RealTimeVerdict;
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;

/// What the summary says of a scenario: a row of the table, and what follows below it.
#[derive(Debug, Clone)]
pub struct Part {
    name: String,
    outcome: Outcome,
    /// What came of its targets alone.
    targets: Outcome,
    /// Its row, without the mark at its beginning.
    row: String,
    /// What is said first, because it stops the gate.
    headline: Option<String>,
    details: String,
}

/// The mark of an outcome: green only where every target is met.
fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Met => "✅",
        Outcome::NotJudged => "⚪ NOT JUDGED",
        Outcome::Skipped => "⚪ SKIPPED",
        Outcome::Changed => "❌ CHANGED",
        Outcome::Incomparable => "❌ INCOMPARABLE",
        Outcome::Regressed => "❌ REGRESSED",
        Outcome::Differs => "❌ DIFFERS",
        Outcome::Missed => "❌",
        Outcome::Failed => "❌ ERROR",
        Outcome::Interrupted => "⚪ INTERRUPTED",
    }
}

/// A text within a table's cell, in which nothing is markup.
fn cell(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('|', "\\|").replace('\n', " ")
}

/// What the summary says of a scenario.
pub fn part(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
    replay: Replay<'_>,
) -> Part {
    let outcome = Outcome::of(judged.verdict(), None, false);
    let targets = || judged.runs.iter().flat_map(|run| &run.targets);
    let met = targets().filter(|target| target.met).count();
    // Of many seeds the median.
    let of = |(at, run): (usize, &JudgedRun), metric: Metric| match series {
        Some(series) => series.spread(at, metric).map_or(0, |spread| spread.median),
        None => run.figures.number(metric),
    };
    let sum = |metric: Metric| {
        let each = judged.runs.iter().enumerate().map(|run| of(run, metric));
        each.fold(0, u64::saturating_add)
    };
    let seeds = series
        .map_or(String::new(), |series| format!(" (medians of {} seeds)", series.played.len()));
    let row = format!(
        " | `{}` | {}{seeds} | {met} of {} | {} | {} | {} |\n",
        cell(&scenario.name),
        cell(&scenario.question),
        targets().count(),
        format::millis(sum(Metric::Makespan)),
        format::count(sum(Metric::AiCalls)),
        format::count(sum(Metric::RateLimited))
    );
    let mut details = String::new();
    if outcome == Outcome::Missed {
        let _ = write!(
            details,
            "\n<details open><summary><code>{}</code></summary>\n\n| target | value | margin | seeds |\n|---|---|---|---|\n",
            scenario.name
        );
        let mut worst = Vec::new();
        for (run, judged) in missed(&judged.runs) {
            let seed = seed(scenario, judged);
            let seeds = judged.over.map_or(format!("{seed}"), |over| {
                format!("met in {} of {}, worst {seed}", over.met, over.seeds)
            });
            let _ = writeln!(
                details,
                "| {} | {} | {} | {seeds} |",
                cell(&name(run, judged)),
                cell(&value(judged)),
                cell(&margin(judged))
            );
            if !worst.contains(&seed) {
                worst.push(seed);
            }
        }
        let replays: Vec<String> = worst.into_iter().map(replay).collect();
        let _ = write!(details, "\n```\n{}\n```\n\n</details>\n", replays.join("\n"));
    }
    let (name, headline) = (scenario.name.clone(), None);
    Part { name, outcome, targets: outcome, row, headline, details }
}

/// What the summary says of a scenario that was not played, or not to its end.
pub fn unplayed(scenario: &Scenario, outcome: Outcome, why: &str) -> Part {
    let row = format!(
        " | `{}` | {} | {} | - | - | - |\n",
        cell(&scenario.name),
        cell(&scenario.question),
        cell(why.lines().next().unwrap_or_default())
    );
    let (name, targets) = (scenario.name.clone(), outcome);
    Part { name, outcome, targets, row, headline: None, details: String::new() }
}

impl Part {
    /// Adds what came of the scenario besides its targets.
    pub fn close(&mut self, scenario: &Scenario, closing: &Closing<'_>) {
        if self.name != scenario.name {
            return;
        }
        self.outcome = closing.outcome;
        if let Some(compared) = closing.regression() {
            let (details, headline) = regression(compared, closing.base);
            self.headline = Some(headline);
            self.details.insert_str(0, &details);
        } else if let Some(compared) = closing.compared {
            let mark = if compared.verdict == ComparisonVerdict::New { "⚪" } else { "✅" };
            let (verdict, base) = (compared.verdict.name(), cell(closing.base));
            let _ = write!(self.details, "\n{mark} `{}` against {base}: {verdict}\n", self.name);
        }
        if let Some(why) = closing.uncompared {
            let _ = write!(self.details, "\n⚪ NOT COMPARED `{}`: {}\n", self.name, cell(why));
        }
        for diverged in closing.diverged {
            let _ = write!(self.details, "\n❌ `{}`\n\n```\n{diverged}\n```\n", self.name);
        }
        for (_, verdict, said) in closing.real_time.into_iter().flat_map(realtime_check::said) {
            let mark = match verdict {
                RealTimeVerdict::Agrees => continue,
                RealTimeVerdict::HostLate => "⚪ HOST LATE",
                RealTimeVerdict::Differs => "❌",
            };
            let _ = write!(self.details, "\n{mark} `{}`: {}\n", self.name, cell(&said));
        }
        if let Some(why) = closing.unplayed {
            let why = cell(why.lines().next().unwrap_or_default());
            let mark = if self.outcome == Outcome::Failed { "❌" } else { "⚪" };
            let _ = write!(self.details, "\n{mark} `{}`: {why}\n", self.name);
        }
    }
}

/// The section of a comparison that stops a gate, and its first line.
pub fn regression(compared: &Compared, base: &str) -> (String, String) {
    let said = compare::headline_of(compared, 1);
    let headline =
        format!("`{}` {}: {}", cell(&compared.name), compared.verdict.name(), cell(&said));
    let mut details = format!(
        "\n<details open><summary>❌ <code>{}</code> against {}: {}</summary>\n\n{}\n",
        cell(&compared.name),
        cell(base),
        compared.verdict.name(),
        cell(&compared.cause())
    );
    let worse = compared.regressions();
    if worse.is_empty() {
        let reason = compared.reason.as_deref().unwrap_or("the logs are not the same");
        let _ = writeln!(details, "\n{}", cell(reason));
    } else {
        details.push_str("\n| figure | base | now | change |\n|---|---|---|---|\n");
    }
    for (run, moved) in worse {
        let [base, new, change] = compare::moved_cells(moved);
        let _ = writeln!(
            details,
            "| {}: {} | {base} | {new} | {change} |",
            cell(&run.name),
            moved.figure
        );
    }
    for one in compared.runs.iter().flat_map(|run| &run.lacking) {
        let said = compare::lacking_in_words(one);
        let _ = writeln!(details, "\n{}", cell(&said));
    }
    details.push_str("\n</details>\n");
    (details, headline)
}

/// The whole summary. What stops a gate is in its first line.
pub fn document(parts: &[Part]) -> String {
    let count = |outcome: Outcome| parts.iter().filter(|part| part.targets == outcome).count();
    let headlines: Vec<&str> = parts.iter().filter_map(|part| part.headline.as_deref()).collect();
    let mut out = String::new();
    match headlines.as_slice() {
        [] => {}
        [one] => {
            let _ = writeln!(out, "### ❌ tagspace: {one}\n");
        }
        [first, rest @ ..] => {
            let others = format::counted(rest.len(), "other scenario");
            let _ = writeln!(out, "### ❌ tagspace: {first} (and {others})\n");
        }
    }
    let not_judged = match count(Outcome::NotJudged) {
        0 => String::new(),
        some => format!(", {some} not judged"),
    };
    let not_played = match count(Outcome::Skipped) {
        0 => String::new(),
        some => format!(", {some} not played"),
    };
    let _ = write!(
        out,
        "### tagspace: {} of {} scenarios met their targets{not_judged}{not_played}\n\n| | scenario | question | targets | virtual time | AI calls | 429s |\n|---|---|---|---|---|---|---|\n",
        parts.iter().filter(|part| part.targets == Outcome::Met).count(),
        parts.len()
    );
    for part in parts {
        let _ = write!(out, "| {}{}", mark(part.outcome), part.row);
    }
    out.extend(parts.iter().map(|part| part.details.as_str()));
    out
}
