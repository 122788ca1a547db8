//! What a scenario's own `[tune]` asks.

use std::ops::RangeInclusive;
use std::path::Path;

use super::Objective;
use super::grid::{self, Axis};
use crate::sim::scenario::Scenario;
use crate::sim::scenario::file::AxisValues;
use crate::sim::scenario::problem::{Problem, did_you_mean};
use crate::study::target;

/// The table, as far as it says something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
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

/// Reads the table of a scenario; an empty one, if it has none.
pub fn read(scenario: &Scenario) -> Result<Table, Problem> {
    let Some(written) = &scenario.tune else { return Ok(Table::default()) };
    let wrong = |span, message| scenario.problem(span, message, None);
    let mut set: Vec<_> = written.set.iter().collect();
    set.sort_by_key(|(key, _)| key.span().start);
    let axis =
        |(key, values): (&serde_spanned::Spanned<String>, &serde_spanned::Spanned<AxisValues>)| {
            let text = match values.get_ref() {
                AxisValues::Text(text) => text.clone(),
                AxisValues::Many(values) => {
                    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
                }
            };
            Axis::parse(&format!("{}={text}", key.get_ref()))
                .map_err(|message| wrong(values.span(), message))
        };
    let objective = written.objective.as_ref().map(|name| {
        Objective::named(name.get_ref()).ok_or_else(|| {
            let known = Objective::ALL.map(Objective::name);
            let message = format!("got `{}`, wanted one of: {}", name.get_ref(), known.join(", "));
            scenario.problem(name.span(), message, did_you_mean(name.get_ref(), known))
        })
    });
    for text in written.require.iter().flatten() {
        target::in_one_piece("", text.get_ref()).map_err(|message| wrong(text.span(), message))?;
    }
    if let Some(run) = &written.run
        && scenario.runs.iter().all(|known| known.name != *run.get_ref())
    {
        let known: Vec<&str> = scenario.runs.iter().map(|run| run.name.as_str()).collect();
        let message =
            format!("got the run `{}`, wanted one of: {}", run.get_ref(), known.join(", "));
        return Err(wrong(run.span(), message));
    }
    let seeds = written
        .seeds
        .as_ref()
        .map(|text| grid::seeds(text.get_ref()).map_err(|message| wrong(text.span(), message)));
    let require = written.require.as_ref();
    Ok(Table {
        axes: set.into_iter().map(axis).collect::<Result<_, _>>()?,
        seeds: seeds.transpose()?,
        objective: objective.transpose()?,
        require: require.map(|all| all.iter().map(|one| one.get_ref().clone()).collect()),
        run: written.run.as_ref().map(|run| run.get_ref().clone()),
    })
}

/// Tells what is wrong with the table before it is tuned: each value is set once.
pub fn check(scenario: &Scenario, folder: &Path) -> Result<(), Problem> {
    let Table { axes, seeds, .. } = read(scenario)?;
    let mut keys: Vec<_> = scenario.tune.iter().flat_map(|table| table.set.keys()).collect();
    keys.sort_by_key(|key| key.span().start);
    if let Some((axis, key)) = axes.iter().zip(&keys).find(|(axis, _)| axis.is_luck()) {
        let message = format!("got {}, wanted `seeds` in [tune]", axis.key);
        return Err(scenario.problem(key.span(), message, Some(grid::SAME_LUCK.to_owned())));
    }
    if let Some(first) = keys.first() {
        grid::check_size(&axes, &seeds.unwrap_or(grid::SEEDS), 1).map_err(|message| {
            scenario.problem(first.span(), message, Some(grid::VARY_LESS.to_owned()))
        })?;
    }
    for (varied, (axis, key)) in axes.iter().zip(keys).enumerate() {
        for value in 0..axis.values.len() {
            let mut cell = vec![0; axes.len()];
            cell[varied] = value;
            scenario.with(&grid::settings(&axes, &cell), folder).map_err(|problem| {
                let message = format!("{}={}: {}", axis.key, axis.values[value], problem.message);
                scenario.problem(key.span(), message, problem.help)
            })?;
        }
    }
    Ok(())
}
