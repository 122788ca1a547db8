//! Markdown for `$GITHUB_STEP_SUMMARY`: the verdicts in one table, and for each scenario that misses
//! a target what it misses and how to repeat it.

use std::fmt::Write;

use super::{Replay, margin, missed, name, seed, value};
use crate::report::format;
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario, Verdict};
use crate::study::series::Series;

/// What the summary says of a scenario: a row of the table, and what follows below it.
#[derive(Debug, Clone)]
pub struct Part {
    is_met: bool,
    row: String,
    details: String,
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
    let is_met = judged.verdict() == Verdict::Met;
    let targets = || judged.runs.iter().flat_map(|run| &run.targets);
    let met = targets().filter(|target| target.met).count();
    // Of many seeds the median.
    let of = |(at, run): (usize, &JudgedRun), metric: &str| match series {
        Some(series) => series.spread(at, metric).map_or(0, |spread| spread.median),
        None => run.figures.number(metric),
    };
    let sum = |metric: &str| judged.runs.iter().enumerate().map(|run| of(run, metric)).sum();
    let seeds = series
        .map_or(String::new(), |series| format!(" (medians of {} seeds)", series.played.len()));
    let mark = match (is_met, targets().next()) {
        (true, None) => "no targets",
        (true, _) => "✅",
        (false, _) => "❌",
    };
    let row = format!(
        "| {} | `{}` | {}{seeds} | {met} of {} | {} | {} | {} |\n",
        mark,
        cell(&scenario.name),
        cell(&scenario.question),
        targets().count(),
        format::millis(sum("makespan")),
        format::count(sum("ai_calls")),
        format::count(sum("rate_limited"))
    );
    let mut details = String::new();
    if !is_met {
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
                margin(judged)
            );
            if !worst.contains(&seed) {
                worst.push(seed);
            }
        }
        let replays: Vec<String> = worst.into_iter().map(replay).collect();
        let _ = write!(details, "\n```\n{}\n```\n\n</details>\n", replays.join("\n"));
    }
    Part { is_met, row, details }
}

/// The whole summary.
pub fn document(parts: &[Part]) -> String {
    let met = parts.iter().filter(|part| part.is_met).count();
    let mut out = format!(
        "### tagspace: {met} of {} scenarios met their targets\n\n| | scenario | question | targets | virtual time | AI calls | 429s |\n|---|---|---|---|---|---|---|\n",
        parts.len()
    );
    out.extend(parts.iter().map(|part| part.row.as_str()));
    out.extend(parts.iter().map(|part| part.details.as_str()));
    out
}
