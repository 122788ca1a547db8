//! Settings as they differ from their profile and from the first run, the world, and what is in no
//! figure.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::chrome::{Section, table};
use crate::fakes::llm::AiConfig;
use crate::pipeline::config::Profile;
use crate::report::{format, limitations};
use crate::sim::scenario::{Run, Scenario};
use crate::study::compare::settings;
use crate::study::compare::settings::Keys;
use crate::study::verdict::judge::JudgedScenario;

/// Rows of a table.
const MOST_ROWS: usize = 60;

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
            @if diffs.len() > 1 && !rows.is_empty() { h3 { (run.name) " over its profile " (profile(run).name()) } }
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
    let key = services(scenario, &settings::of_world(scenario));
    let missing = limitations::not_represented(judged.is_from_outside());
    let body: Markup = html! {
        p { "Not in these figures: " (missing.join(", ")) "." }
        @if !key.is_empty() { (table(&["service", "assumed"], &key)) }
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

/// What decides most about the figures: the quota, the latency and the errors of each service.
fn services(scenario: &Scenario, world: &Keys) -> Vec<Vec<String>> {
    let services = ["gemini", "openai", "confluence"];
    let config = &scenario.world;
    let ai = BTreeMap::from([("gemini", &config.gemini.0), ("openai", &config.openai.0)]);
    let said = |service: &str| {
        let key = |end: &str| world.get(&format!("{service}.{end}"));
        let mut parts: Vec<String> = Vec::new();
        parts.extend(key("model").cloned());
        let amounts = [("requests", "requests"), ("tokens", "input tokens")];
        let amounts = amounts.iter().filter_map(|(end, words)| {
            Some(format!("{} {words}", grouped(key(&format!("quota.{end}"))?)))
        });
        let amounts: Vec<String> = amounts.collect();
        if let (false, Some(per_s)) = (amounts.is_empty(), key("quota.per_s")) {
            parts.push(format!("a quota of {} in {per_s} s", amounts.join(" and ")));
        } else if key("model").is_some() {
            parts.push("no quota".to_owned());
        }
        parts.extend(ai.get(service).into_iter().flat_map(|ai| beside(ai)));
        if let Some(ms) = key("latency.median_ms").or_else(|| key("latency.ms")) {
            parts.push(format!("answers after {} ms, typically", grouped(ms)));
        }
        if let Some(csv) = key("latency.csv") {
            parts.push(format!("latencies measured ({csv})"));
        }
        let errors = key("error_429_ratio").and_then(|ratio| ratio.parse::<f64>().ok());
        if let Some(ratio) = errors.filter(|ratio| *ratio > 0.0) {
            parts.push(format!("{:.1} % of all calls refused by chance", ratio * 100.0));
        }
        let misses =
            key("answer.miss_ratio_per_extra_page").and_then(|one| one.parse::<f64>().ok());
        if let Some(ratio) = misses.filter(|ratio| *ratio > 0.0) {
            let percent = ratio * 100.0;
            parts.push(format!(
                "{percent:.2} % of the pages missed for each further page in a prompt"
            ));
        }
        let is_known = world.keys().any(|key| key.starts_with(service));
        is_known.then(|| vec![service.to_owned(), parts.join("; ")])
    };
    services.into_iter().filter_map(said).collect()
}

/// What is beside the first window of a quota: further windows, and other clients.
fn beside(ai: &AiConfig) -> Vec<String> {
    let windows = ai.quota.iter().flat_map(|quota| &quota.also);
    let windows = windows.map(|window| format!("as well as {window}"));
    let neighbours = ai.neighbour.iter().map(|one| format!("another client with {one}"));
    windows.chain(neighbours).collect()
}

/// A whole number with its thousands apart; other texts as they are.
fn grouped(number: &str) -> String {
    number.parse().map_or_else(|_| number.to_owned(), format::count)
}
