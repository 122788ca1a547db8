//! All pictures of a scenario, by the names of their files.

use super::draw::picture::Drawn;
use crate::sim::scenario::Scenario;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::seeds::Series;

/// Every chart of a scenario, by its file's name.
pub fn all(scenario: &Scenario, judged: &JudgedScenario) -> Vec<(&'static str, Drawn)> {
    vec![
        ("timeline", super::run::timeline_plot::draw(scenario, judged)),
        ("latency", super::run::latency_plot::draw(scenario, judged)),
        ("outcomes", super::run::outcomes_plot::draw(scenario, judged)),
        ("progress", super::run::progress_plot::draw(scenario, judged)),
    ]
}

/// Every chart of a scenario with many seeds, by its file's name.
pub fn of_seeds(scenario: &Scenario, series: &Series) -> Vec<(&'static str, Drawn)> {
    vec![("seeds", super::seeds::plot::map(scenario, series))]
}
