//! What continuous integration reads: JUnit, a step summary, annotations, and figures for the
//! services that keep them over time. Times are virtual, so that a file is the same every time.

pub mod annotations;
pub mod benchmark;
pub mod junit;
pub mod summary;

use crate::report::format;
use crate::sim::scenario::Scenario;
use crate::study::judge::JudgedRun;
use crate::study::metric::Unit;
use crate::study::target::Judged;

/// A target as it is called: run, metric and limit.
fn name(run: &JudgedRun, judged: &Judged) -> String {
    format!("{}: {} {}", run.name, judged.target.metric.name, judged.target.text)
}

fn unit(judged: &Judged) -> Unit {
    if judged.target.stat == Some("count") { Unit::Count } else { judged.target.metric.unit }
}

/// What was measured.
fn value(judged: &Judged) -> String {
    match (judged.share, judged.value) {
        (Some(share), _) => format::share(share),
        (None, Some(value)) => format::amount(value, unit(judged)),
        (None, None) => "no samples".to_owned(),
    }
}

/// By how much it is met, or missed.
fn margin(judged: &Judged) -> String {
    judged.margin.map_or("-".to_owned(), |margin| format::difference(margin, unit(judged)))
}

/// How to repeat a scenario with a seed.
pub type Replay<'a> = &'a dyn Fn(u64) -> String;

/// The seed to look at.
fn seed(scenario: &Scenario, judged: &Judged) -> u64 {
    judged.over.map_or(scenario.world.seed.0, |over| over.worst)
}

/// What is wrong with a target that is missed, in one line.
fn failure(run: &JudgedRun, judged: &Judged) -> String {
    let (name, value, margin) = (name(run, judged), value(judged), margin(judged));
    let seeds = judged.over.map_or(String::new(), |over| {
        format!(" in seed {}; met in {} of {} seeds", over.worst, over.met, over.seeds)
    });
    format!("{name}, got {value} (margin {margin}){seeds}")
}

/// The targets of a scenario that count and are missed.
fn missed(runs: &[JudgedRun]) -> impl Iterator<Item = (&JudgedRun, &Judged)> {
    let all = runs.iter().flat_map(|run| run.targets.iter().map(move |judged| (run, judged)));
    all.filter(|(_, judged)| judged.is_judged && !judged.met)
}
