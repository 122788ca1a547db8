//! Whether a scenario repeats itself: two runs of one seed, compared event by event.

use crate::sim::recorder::Log;
use crate::sim::scenario::Scenario;
use crate::sim::{Options, SimError, run_scenario};

/// The first event in which two runs of one seed differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The run.
    pub run: String,
    /// The number of the event within it, counted from 1.
    pub event: usize,
    /// The event of the first time; nothing if its log had ended.
    pub first: Option<String>,
    /// The event of the second time.
    pub second: Option<String>,
}

/// Runs a scenario once more and compares it with these logs.
pub fn check(
    scenario: &Scenario,
    options: &Options,
    first: &[Log],
) -> Result<Option<Divergence>, SimError> {
    Ok(diverge(first, &run_scenario(scenario, options)?.logs))
}

/// Where two recordings differ first.
pub fn diverge(first: &[Log], second: &[Log]) -> Option<Divergence> {
    first.iter().zip(second).find_map(|(first, second)| {
        let (index, a, b) = first.first_difference(second)?;
        Some(Divergence { run: first.run.clone(), event: index + 1, first: a, second: b })
    })
}
