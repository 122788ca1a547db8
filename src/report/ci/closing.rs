//! What all documents say of a scenario.

use crate::report::run::{realtime_check, text};
use crate::report::{compare, format};
use crate::sim::scenario::Scenario;
use crate::study::compare::Compared;
use crate::study::experiment::realtime_check::RealTime;
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::target::JudgedTarget;

/// What came of a scenario as a whole, besides its targets.
#[derive(Debug, Clone, Copy)]
pub struct Closing<'a> {
    /// The outcome.
    pub outcome: Outcome,
    /// The comparison with what was accepted, if one was made.
    pub compared: Option<&'a Compared>,
    /// What it was compared with.
    pub base: &'a str,
    /// For each run that differs from itself, the first event that does.
    pub diverged: &'a [String],
    /// Why it was not played, or not with all seeds.
    pub unplayed: Option<&'a str>,
    /// Why it was not compared, where that was asked.
    pub uncompared: Option<&'a str>,
    /// How its repetitions in real time compare, if there were any.
    pub real_time: Option<&'a RealTime>,
}

impl<'a> Closing<'a> {
    /// Why the scenario came to more than its targets tell.
    pub fn reasons(&self) -> Vec<String> {
        let compared = self.compared.map(|compared| {
            format!("Against {}: {}.", self.base, compare::headline_of(compared, 3))
        });
        let real_time = self.real_time.into_iter().flat_map(realtime_check::said);
        let real_time = real_time.map(|(_, _, said)| said);
        let unplayed = self.unplayed.map(str::to_owned).into_iter();
        unplayed.chain(self.diverged.iter().cloned()).chain(compared).chain(real_time).collect()
    }

    /// Of a scenario that was compared with nothing.
    pub fn alone(outcome: Outcome, diverged: &'a [String]) -> Self {
        Self {
            outcome,
            compared: None,
            base: "",
            diverged,
            unplayed: None,
            uncompared: None,
            real_time: None,
        }
    }

    /// The comparison, if it stops a gate.
    pub(super) fn regression(&self) -> Option<&'a Compared> {
        self.compared.filter(|compared| compared.verdict.is_failure())
    }
}

/// A target as it is called: run, metric and limit.
pub(super) fn name(run: &JudgedRun, judged: &JudgedTarget) -> String {
    format!("{}: {} {}", run.name, judged.target.metric.name(), judged.target.text)
}

/// What was measured.
pub(super) fn value(judged: &JudgedTarget) -> String {
    match (judged.share, judged.value) {
        (Some(share), _) => format::share(share),
        (None, Some(value)) => format::amount(value, judged.target.unit()),
        (None, None) => "no value".to_owned(),
    }
}

/// By how much it is met, or missed, and why where figures do not say it.
pub(super) fn margin(judged: &JudgedTarget) -> String {
    text::said(judged)
}

/// How to repeat a scenario with a seed.
pub type Replay<'a> = &'a dyn Fn(u64) -> String;

/// The seed to look at.
pub(super) fn seed(scenario: &Scenario, judged: &JudgedTarget) -> u64 {
    judged.over.map_or(scenario.world.seed.0, |over| over.worst)
}

/// What is wrong with a target that is missed, in one line.
pub(super) fn failure(run: &JudgedRun, judged: &JudgedTarget) -> String {
    let (name, value, margin) = (name(run, judged), value(judged), margin(judged));
    let seeds = judged.over.map_or(String::new(), |over| {
        format!(" in seed {}; met in {} of {} seeds", over.worst, over.met, over.seeds)
    });
    format!("{name}, found {value} ({margin}){seeds}")
}

/// The targets of a scenario that count and are missed.
pub(crate) fn missed(runs: &[JudgedRun]) -> impl Iterator<Item = (&JudgedRun, &JudgedTarget)> {
    let all = runs.iter().flat_map(|run| run.targets.iter().map(move |judged| (run, judged)));
    all.filter(|(_, judged)| judged.is_judged && !judged.met)
}
