//! Settings as they differ from their profile and from the first run, the world, and what is in no
//! figure.

use maud::{Markup, html};

use super::chrome::{Section, table};
use crate::pipeline::config::Profile;
use crate::report::{format, limitations};
use crate::sim::scenario::{Run, Scenario};
use crate::study::compare::settings;
use crate::study::verdict::judge::JudgedScenario;

/// Rows of a table.
const MOST_ROWS: usize = 60;

/// How the keys end that decide most about the figures.
const KEY_ASSUMPTIONS: [&str; 12] = [
    "space.pages",
    ".model",
    ".quota.requests",
    ".quota.per_s",
    ".quota.tokens",
    ".quota.hint",
    ".latency.median_ms",
    ".latency.ms",
    ".latency.csv",
    ".error_429_ratio",
    ".answer.miss_ratio_per_extra_page",
    ".answer.tag_miss_ratio_per_extra_page",
];

/// The settings of each run.
pub(super) fn section(scenario: &Scenario) -> Section {
    let diffs: Vec<(&Run, Vec<Vec<String>>)> =
        scenario.runs.iter().map(|run| (run, own(run))).collect();
    let changed = between(scenario).map_or(0, |rows| rows.len());
    let heading = match diffs.as_slice() {
        [(run, rows)] if rows.is_empty() => {
            format!("Settings: the profile {}", profile(run).name())
        }
        [(run, rows)] => {
            let count = format::counted(rows.len(), "setting");
            format!("Settings: the profile {} with {count} of its own", profile(run).name())
        }
        _ => format!(
            "{} between the first run and the last",
            format::counted(changed, "changed setting")
        ),
    };
    let body = html! {
        @for (run, rows) in &diffs {
            @if diffs.len() > 1 { h3 { (run.name) ": profile " (profile(run).name()) @if rows.is_empty() { ", unchanged" } } }
            @if !rows.is_empty() { (table(&["setting", "here", "in the profile", "what it is"], rows)) }
        }
        @if let Some(rows) = between(scenario) {
            @let (first, last) = (&scenario.runs[0].name, &scenario.runs[scenario.runs.len() - 1].name);
            h3 { "From " (first) " to " (last) }
            (table(&["setting", first, last, "what it is"], &rows))
        }
    };
    Section { id: "settings", heading, body }
}

fn profile(run: &Run) -> Profile {
    run.patch.profile.unwrap_or(Profile::Documented)
}

/// What a run sets over its profile.
fn own(run: &Run) -> Vec<Vec<String>> {
    let base = settings::of_config(&profile(run).settings());
    let changed = settings::changed(&base, &settings::of_config(&run.config));
    let row = |one: settings::Changed| {
        let meaning = settings::meaning(&one.key);
        vec![one.key, one.new, one.base, meaning]
    };
    changed.into_iter().map(row).collect()
}

/// What differs between the first run and the last, where there are several.
fn between(scenario: &Scenario) -> Option<Vec<Vec<String>>> {
    let (last, rest) = scenario.runs.split_last()?;
    let base = settings::of_config(&rest.first()?.config);
    let changed = settings::changed(&base, &settings::of_config(&last.config));
    let rows: Vec<Vec<String>> = changed
        .into_iter()
        .map(|one| {
            let meaning = settings::meaning(&one.key);
            vec![one.key, one.base, one.new, meaning]
        })
        .collect();
    (!rows.is_empty()).then_some(rows)
}

/// What the figures assume, and what is not in them.
pub(super) fn assumed(scenario: &Scenario, judged: &JudgedScenario) -> Section {
    let is_of_services =
        |(key, _): &(String, String)| !key.starts_with("taxonomy") && !key.starts_with("fakes");
    let all = settings::of_world(scenario).into_iter().filter(is_of_services).count();
    let world: Vec<Vec<String>> = settings::of_world(scenario)
        .into_iter()
        .filter(is_of_services)
        .take(MOST_ROWS)
        .map(|(key, value)| vec![key, value])
        .collect();
    let is_key = |key: &str| KEY_ASSUMPTIONS.iter().any(|end| key.ends_with(end));
    let all_keys = settings::of_world(scenario).into_iter().filter(|(key, _)| is_key(key));
    let key: Vec<Vec<String>> =
        all_keys.take(MOST_ROWS).map(|(key, value)| vec![key, value]).collect();
    let missing = limitations::not_represented(judged.is_from_outside());
    let body: Markup = html! {
        p { "Not in these figures: " (missing.join(", ")) "." }
        @if !key.is_empty() { (table(&["assumed", "value"], &key)) }
        p { "The world is a model of the services. Its latencies, quotas and faults are stated, not measured, unless the scenario says so; real services change them without notice." }
        details {
            summary { "What the scenario states about the services" }
            (table(&["key", "value"], &world))
            @if all > world.len() { p.quiet { "and " (all - world.len()) " more keys, in report.json" } }
        }
    };
    let heading = "What is assumed, and what is in no figure".to_owned();
    Section { id: "assumed", heading, body }
}
