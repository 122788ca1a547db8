//! The page of a run, or of many seeds.

use maud::html;

use super::chrome::{Section, page};
use super::{cards, failures, head, lanes, latency, settings, spending, targets, time};
use crate::sim::scenario::Scenario;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::seeds::Series;

/// The page of a scenario that was judged, in one seed or, with a `series`, in many; `replay` is the
/// command that repeats it.
pub fn run(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
    replay: &str,
) -> String {
    let is_single = series.is_none();
    let runs = &judged.runs;
    let mut sections: Vec<Section> = Vec::new();
    sections.extend(targets::section(judged, series));
    sections.extend(time::section(runs, series));
    // The logs of many seeds are not kept.
    if is_single {
        sections.extend(lanes::section(runs));
        sections.push(failures::section(runs));
        sections.extend(latency::section(runs));
        sections.extend(spending::section(scenario, runs));
    }
    sections.push(settings::section(scenario));
    sections.push(settings::assumed(scenario, judged));
    sections.push(Section {
        id: "replay",
        heading: "Play it again".to_owned(),
        body: html! { pre { code { (replay) } } },
    });
    let head = html! {
        (head::head(scenario, judged, series))
        (cards::cards(judged, series))
    };
    page(&format!("{}: {}", judged.verdict().words(), scenario.name), &head, &sections)
}
