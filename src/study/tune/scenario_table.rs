//! What a scenario's own `[tune]` asks.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use super::grid::Axis;
use super::{Objective, grid};
use crate::sim::scenario::diagnostic::{Diagnostic, did_you_mean};
use crate::sim::scenario::file::AxisValues;
use crate::sim::scenario::{Scenario, diagnostic};
use crate::study::verdict::target_syntax;

/// The table, as far as it says something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScenarioTable {
    /// The keys and their values, in the order in which they are written.
    pub axes: Vec<Axis>,
    /// The seeds.
    pub seeds: Option<RangeInclusive<u64>>,
    /// What is to be small.
    pub objective: Option<Objective>,
    /// What must hold.
    pub require: Option<Vec<String>>,
    /// The run that is looked at.
    pub run: Option<String>,
}

/// Reads the table of a scenario, an empty one if it has none, or tells all that is wrong with it.
pub fn read(scenario: &Scenario) -> Result<ScenarioTable, Vec<Diagnostic>> {
    let Some(written) = &scenario.tune else { return Ok(ScenarioTable::default()) };
    let mut problems = Vec::new();
    let mut wrong = |span: Range<usize>, message: String, help: Option<String>| {
        problems.push(scenario.problem(span, message, help));
    };
    let mut table = ScenarioTable::default();
    let mut set: Vec<_> = written.set.iter().collect();
    set.sort_by_key(|(key, _)| key.span().start);
    for (key, values) in set {
        match axis(key.get_ref(), values.get_ref()) {
            Ok(axis) => table.axes.push(axis),
            Err(message) => wrong(values.span(), message, None),
        }
    }
    if let Some(seeds) = &written.seeds {
        match grid::seeds(seeds.get_ref()) {
            Ok(seeds) => table.seeds = Some(seeds),
            Err(message) => wrong(seeds.span(), message, None),
        }
    }
    if let Some(name) = &written.objective {
        table.objective = Objective::named(name.get_ref());
        if table.objective.is_none() {
            let known: Vec<&str> = Objective::ALL.iter().map(|one| one.name()).collect();
            let message = expected(&known, name.get_ref());
            wrong(name.span(), message, did_you_mean(name.get_ref(), known.iter().copied()));
        }
    }
    for text in written.require.iter().flatten() {
        if let Err(message) = target_syntax::in_one_piece("", text.get_ref()) {
            wrong(text.span(), message, None);
        }
    }
    let require = written.require.as_ref();
    table.require = require.map(|all| all.iter().map(|one| one.get_ref().clone()).collect());
    if let Some(run) = &written.run {
        let known: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
        if !known.contains(&run.get_ref().as_str()) {
            let message = expected(&known, run.get_ref());
            wrong(run.span(), message, did_you_mean(run.get_ref(), known));
        }
        table.run = Some(run.get_ref().clone());
    }
    if problems.is_empty() { Ok(table) } else { Err(diagnostic::in_order(problems)) }
}

/// The values of a key that is varied.
fn axis(key: &str, values: &AxisValues) -> Result<Axis, String> {
    let text = match values {
        AxisValues::Text(text) => text.clone(),
        AxisValues::Many(values) => {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
    };
    Axis::parse(&format!("{key}={text}"))
}

fn expected(known: &[&str], found: &str) -> String {
    format!("expected one of {}, found `{found}`", known.join(", "))
}

/// Tells all that is wrong with the table before it is tuned: each value is set once.
pub fn check(scenario: &Scenario, folder: &Path) -> Result<(), Vec<Diagnostic>> {
    let ScenarioTable { axes, seeds, .. } = read(scenario)?;
    let mut keys: Vec<_> = scenario.tune.iter().flat_map(|table| table.set.keys()).collect();
    keys.sort_by_key(|key| key.span().start);
    let mut problems = Vec::new();
    let mut wrong =
        |span, message, help: String| problems.push(scenario.problem(span, message, Some(help)));
    if let Some(first) = keys.first()
        && let Err(message) = grid::check_size(&axes, &seeds.unwrap_or(grid::SEEDS), 1)
    {
        wrong(first.span(), message, grid::VARY_LESS.to_owned());
    }
    for (axis, key) in axes.iter().zip(&keys).filter(|(axis, _)| axis.is_luck()) {
        let message = format!("expected `seeds` in [tune], found {}", axis.key);
        wrong(key.span(), message, grid::SAME_LUCK.to_owned());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for (varied, (axis, key)) in axes.iter().zip(keys).enumerate() {
        // One value that does not fit says enough of its key.
        let refused = (0..axis.values.len()).find_map(|value| {
            let mut point = vec![0; axes.len()];
            point[varied] = value;
            let problem = scenario.with(&grid::settings(&axes, &point), folder).err()?;
            let message = format!("{}={}: {}", axis.key, axis.values[value], problem.message);
            Some(scenario.problem(key.span(), message, problem.help))
        });
        problems.extend(refused);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
