//! The page of runs that were saved: of a space that was tagged, or of several runs beside each other.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chrome::{Section, page, table};
use super::{anomalies, cards, failures, lanes, latency, spending, time};
use crate::pipeline::config::Profile;
use crate::pipeline::event::RunEnd;
use crate::report::format;
use crate::sim::Lateness;
use crate::study::compare::settings;
use crate::study::compare::settings::Keys;
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Metric;
use crate::study::measure::spending::Spending;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};

/// A run that was read from its files.
#[derive(Debug)]
pub struct SavedRun {
    /// The run, with its figures and its log.
    pub run: JudgedRun,
    /// Its settings, as far as they were kept.
    pub settings: Keys,
    /// What it was billed for.
    pub spent: Vec<Spending>,
}

/// Metrics that stand beside each other.
const SHOWN: [Metric; 14] = [
    Metric::Pages,
    Metric::PagesTagged,
    Metric::PagesCached,
    Metric::PagesFailed,
    Metric::AiCalls,
    Metric::WastedCalls,
    Metric::RateLimited,
    Metric::FallbackRatio,
    Metric::CacheHitRatio,
    Metric::InputTokens,
    Metric::OutputTokens,
    Metric::Cost,
    Metric::ConfluenceCalls,
    Metric::Makespan,
];
/// Rows of the table of settings.
const MOST_ROWS: usize = 60;

/// The page of these runs, whose names tell them apart.
pub fn saved(title: &str, runs: Vec<SavedRun>) -> String {
    let (mut all, mut settings, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    for one in runs {
        settings.push((one.run.name.clone(), one.settings));
        spent.push(one.spent);
        all.push(one.run);
    }
    let judged = JudgedScenario { runs: all, steps: 0, lateness: Lateness::default() };
    let runs = &judged.runs;
    let head = html! {
        header {
            h1 { (title) }
            @for run in runs { p { (came_to(run, runs.len() > 1)) } }
        }
        @if runs.len() == 1 { (cards::cards(&judged, None)) }
    };
    let mut sections = Vec::new();
    if runs.len() > 1 {
        sections.push(figures(runs));
    }
    sections.extend(settings_of(&settings));
    sections.extend(time::section(runs, None));
    sections.extend(anomalies::section(runs, None));
    sections.extend(lanes::section(runs));
    sections.push(failures::section(runs));
    sections.extend(latency::section(runs));
    sections.extend(spending::section(runs, &spent));
    page(title, &head, &sections)
}

/// What became of the pages of a run.
fn came_to(run: &JudgedRun, is_named: bool) -> String {
    let number = |metric| run.figures.number(metric);
    let whose = if is_named { format!("{}: ", run.name) } else { String::new() };
    let done = number(Metric::PagesTagged).saturating_add(number(Metric::PagesCached));
    let parts = [
        (Metric::PagesFailed, "failed"),
        (Metric::PagesNotDone, "were not done"),
        (Metric::PagesUnlabelled, "are tagged without their labels"),
    ];
    let parts = parts.into_iter().filter(|(metric, _)| number(*metric) > 0);
    let parts: Vec<String> = parts
        .map(|(metric, words)| format!(", {} {words}", format::count(number(metric))))
        .collect();
    let end = match run.end {
        RunEnd::Completed => "",
        RunEnd::Cancelled => "; it was cancelled",
        RunEnd::Failed => "; it was not carried through",
    };
    let (done, pages) = (format::count(done), format::count(number(Metric::Pages)));
    let makespan = format::millis(number(Metric::Makespan));
    let parts = parts.concat();
    format!("{whose}{done} of {pages} pages tagged{parts} in {makespan}{end}.")
}

fn figures(runs: &[JudgedRun]) -> Section {
    let value = |run: &JudgedRun, metric: Metric| {
        let figure = Figure::of(metric);
        let value = run.figures.integer(figure);
        value.map_or_else(|| "-".to_owned(), |value| format::amount(value, figure.unit()))
    };
    let names = runs.iter().map(|run| run.name.as_str());
    let headings: Vec<&str> = std::iter::once("").chain(names).collect();
    let row = |metric: &Metric| {
        let values = runs.iter().map(|run| value(run, *metric));
        std::iter::once(metric.name().to_owned()).chain(values).collect()
    };
    let rows: Vec<Vec<String>> = SHOWN.iter().map(row).collect();
    let heading = format!("{} beside each other", format::counted(runs.len(), "run"));
    Section { id: "figures", heading, body: table(&headings, &rows) }
}

/// The settings in which runs differ, or those of one that its profile has otherwise; nothing where
/// they were not kept.
fn settings_of(runs: &[(String, Keys)]) -> Option<Section> {
    let (heading, body): (String, Markup) = match runs {
        [] => return None,
        [(_, keys)] => {
            if keys.is_empty() {
                return None;
            }
            let base = settings::of_config(&Profile::Recommended.settings());
            let changed = settings::changed(&base, keys).into_iter().take(MOST_ROWS);
            let rows: Vec<Vec<String>> =
                changed.map(|one| vec![one.key, one.new, one.base]).collect();
            let heading = match rows.len() {
                0 => "Settings: as recommended".to_owned(),
                count => format!("{} other than recommended", format::counted(count, "setting")),
            };
            let body = html! {
                @if rows.is_empty() { p { "Everything is as recommended." } }
                @else { (table(&["setting", "here", "recommended"], &rows)) }
            };
            (heading, body)
        }
        _ => differing(runs),
    };
    Some(Section { id: "settings", heading, body })
}

fn differing(runs: &[(String, Keys)]) -> (String, Markup) {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let keys = runs.iter().flat_map(|(_, keys)| keys.keys());
    for key in keys {
        let values = runs.iter().map(|(_, keys)| keys.get(key).map_or("-", String::as_str));
        by_key.insert(key, values.collect());
    }
    by_key.retain(|_, values| values.windows(2).any(|pair| pair[0] != pair[1]));
    let names = runs.iter().map(|(name, _)| name.as_str());
    let headings: Vec<&str> = std::iter::once("setting").chain(names).collect();
    let row = |(key, values): (&&str, &Vec<&str>)| {
        std::iter::once(key).chain(values).map(|text| (*text).to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = by_key.iter().take(MOST_ROWS).map(row).collect();
    let body = html! {
        @if rows.is_empty() { p { "All settings are the same." } }
        @else { (table(&headings, &rows)) }
    };
    (format!("{} in which they differ", format::counted(by_key.len(), "setting")), body)
}
