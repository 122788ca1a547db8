//! The page of a run, or of many seeds.

use std::path::Path;

use maud::{Markup, html};

use super::chrome::{Section, page};
use super::{anomalies, cards, failures, head, lanes, latency, settings, spending, targets, time};
use crate::sim::scenario::Scenario;
use crate::study::measure::spending as spent;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;

/// The page of a scenario, complete but for what came of the scenario as a whole.
#[derive(Debug)]
pub struct RunPage {
    name: String,
    about: Markup,
    doubt: Option<String>,
    cards: Markup,
    sections: Vec<Section>,
}

impl RunPage {
    /// The page of a scenario that was judged, in one seed or, with a `series`, in many; `replay` is the
    /// command that repeats it.
    pub fn of(
        scenario: &Scenario,
        judged: &JudgedScenario,
        series: Option<&Series>,
        replay: &str,
    ) -> Self {
        Self {
            name: scenario.name.clone(),
            about: head::about(scenario, judged, series),
            doubt: head::doubt(judged),
            cards: cards::cards(judged, series),
            sections: sections(scenario, judged, series, replay),
        }
    }

    /// As HTML, with what came of the scenario as a whole and the reasons beside its targets.
    pub fn html(&self, outcome: Outcome, reasons: &[String]) -> String {
        let head = html! {
            header {
                (head::badge(outcome, self.doubt.as_deref()))
                @for reason in reasons { p { (reason) } }
                (self.about)
            }
            (self.cards)
        };
        page(&format!("{}: {}", outcome.words(), self.name), &head, &self.sections)
    }
}

fn sections(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
    replay: &str,
) -> Vec<Section> {
    let is_single = series.is_none();
    let runs = &judged.runs;
    let mut sections: Vec<Section> = Vec::new();
    sections.extend(targets::section(judged, series));
    sections.push(settings::section(scenario));
    sections.extend(time::section(runs, series));
    sections.extend(anomalies::section(runs, series));
    // The logs of many seeds are not kept.
    if is_single {
        sections.extend(lanes::section(runs));
        sections.push(failures::section(runs));
        sections.extend(latency::section(runs));
        let spent = |run: &JudgedRun| spent::of(&scenario.prices, &run.log);
        let spent: Vec<_> = runs.iter().map(spent).collect();
        sections.extend(spending::section(runs, &spent));
    }
    sections.push(settings::assumed(scenario, judged));
    let is_doubtful = head::doubt(judged).is_some();
    sections.push(Section {
        id: "replay",
        heading: "Play it again, and find what to change".to_owned(),
        body: next(scenario, judged, replay, is_doubtful),
    });
    sections
}

/// The command that plays it again, and those that say what to change.
fn next(scenario: &Scenario, judged: &JudgedScenario, replay: &str, is_doubtful: bool) -> Markup {
    let file = Path::new(scenario.file()).file_name().unwrap_or_default().to_string_lossy();
    let file = shlex::try_quote(&file).unwrap_or_default();
    let run = judged.runs.last().filter(|_| judged.runs.len() > 1);
    let run = run.map_or_else(String::new, |run| format!(" --run {}", run.name));
    html! {
        pre { code { (replay) } }
        @if is_doubtful {
            p { "Many seeds, which some of the targets need:" }
            pre { code { "tagspace run " (file) " --seeds 1..=64" } }
        }
        p { "What each limit costs, and which setting to change first:" }
        pre { code { "tagspace limits " (file) (run) } }
        p { "The best settings for this world, found by themselves:" }
        pre { code { "tagspace tune " (file) " --auto" (run) } }
    }
}
