//! The best settings that are known for a scenario, and what they come to.

use std::ops::RangeInclusive;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::calm::calm;
use crate::pipeline::config::Profile;
use crate::sim::scenario::Scenario;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::measure::metric::Metric;
use crate::study::tune::coordinate_descent::search;
use crate::study::tune::grid::Axis;
use crate::study::tune::held_out::HeldOutRow;
use crate::study::tune::ranking::Standing;
use crate::study::tune::trials::{TrialId, TrialResult};
use crate::study::tune::{
    Objective, StudySpec, TuneError, grid, held_out, ranking, scenario_table, trials,
};
use crate::study::verdict::judge::JudgedRun;
use crate::study::verdict::target_syntax;

/// The seeds on which settings are found.
const FOUND_ON: RangeInclusive<u64> = 1..=16;
/// The seeds on which what was found, the scenario as it is and `recommended` compete: a slow call in a
/// hundred decides more on sixteen than settings do. They are judged on as many that come after.
const CHOSEN_ON: RangeInclusive<u64> = 1..=64;
/// Seeds in the calm world, in which little differs between them.
const CALM_SEEDS: u64 = 4;
/// What settings must do, to be any: label every page, with the primary alone.
const NONE_OF: [Metric; 4] =
    [Metric::PagesFailed, Metric::PagesNotDone, Metric::PagesUnlabelled, Metric::Fallbacks];

/// The best settings that are known for a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSettings {
    /// The scenario's name.
    pub scenario: String,
    /// The run that they are for.
    pub run: String,
    /// What is set over it, as `--set` takes it; nothing where no settings that were tried do what is
    /// required.
    pub settings: Option<Vec<String>>,
}

/// The same with what they come to, beside what one would use without them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestKnown {
    /// The settings.
    pub known: KnownSettings,
    /// The best first, where there is one, then the scenario as it is and the profiles.
    pub rows: Vec<HeldOutRow>,
    /// Its makespan over the bound where nothing is left to luck, in thousandths.
    pub calm_over_bound_milli: Option<u64>,
}

impl BestKnown {
    /// What these settings come to: `best`, `as it is`, or a profile by its name.
    pub fn row(&self, name: &str) -> Option<&HeldOutRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// What no settings beat, in microseconds: the least of those that label every page, since prompts
    /// of more pages have a lower bound.
    pub fn bound_us(&self) -> Option<u64> {
        let whole = self.rows.iter().filter(|row| row.failed_milli == Some(0));
        whole.filter_map(|row| row.bound_milli).min()
    }

    /// The best makespan over the bound, in thousandths.
    pub fn over_bound_milli(&self) -> Option<u64> {
        self.row("best")?.makespan_milli?.saturating_mul(1000).checked_div(self.bound_us()?)
    }
}

/// What is asked about a scenario: how fast its first run, or the one that its `[tune]` names, can be.
pub fn spec(scenario: &Scenario, folder: &Path) -> StudySpec {
    let named = scenario_table::read(scenario).ok().and_then(|table| table.run);
    let first = || scenario.runs.first().map(|run| run.name.clone()).unwrap_or_default();
    let run = named.unwrap_or_else(first);
    let required =
        NONE_OF.map(|metric| target_syntax::in_one_piece(&run, &format!("{metric} == 0")));
    StudySpec {
        scenario: scenario.clone(),
        folder: folder.to_path_buf(),
        axes: Vec::new(),
        seeds: FOUND_ON,
        objective: Objective::Fastest,
        // All of them are targets.
        require: required.into_iter().flatten().collect(),
        run,
    }
}

/// Finds the best settings of a study.
pub fn find(
    spec: &StudySpec,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<KnownSettings, TuneError> {
    let told = |_: TrialId, _: &TrialResult| {
        on_trial();
        Ok(())
    };
    let play =
        |specs: &[StudySpec]| trials::play_without_bound(specs, &trials::all(specs), runner, &told);
    let found = search(spec, runner, on_trial)?;
    let around = StudySpec { axes: found.axes, ..spec.clone() };
    let results = play(std::slice::from_ref(&around))?;
    let tuned = ranking::of(around, 0, &results);
    let found = tuned.best().map(|best| held_out::axes_of(&tuned, best));
    let finalists = [Some(Vec::new()), Some(held_out::profile_axes(Profile::Recommended)), found];
    let finalists: Vec<StudySpec> = finalists
        .into_iter()
        .flatten()
        .map(|axes| StudySpec { axes, seeds: CHOSEN_ON, ..spec.clone() })
        .collect();
    let results = play(&finalists)?;
    let standing = |(at, one): (usize, &StudySpec)| {
        let played = results.iter().filter(|(trial, _)| trial.spec == at);
        let point = ranking::point(one, Vec::new(), played.map(|(_, result)| result));
        Some((Standing::of(&point, one).admissible_sum()?, at))
    };
    let best = finalists.iter().enumerate().filter_map(standing).min();
    let settings = best.map(|(_, at)| {
        let axes = &finalists[at].axes;
        grid::settings(axes, &vec![0; axes.len()])
    });
    Ok(KnownSettings { scenario: spec.scenario.name.clone(), run: spec.run.clone(), settings })
}

/// Plays known settings, and what one would use without them, on seeds that the search has not seen.
pub fn measure(
    known: KnownSettings,
    spec: &StudySpec,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<BestKnown, TuneError> {
    let unseen = StudySpec { seeds: held_out::unseen(&CHOSEN_ON), ..spec.clone() };
    let axes: Option<Vec<Axis>> = known.settings.as_ref().map(|settings| {
        let axis = |text: &String| {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            Axis { key: key.to_owned(), values: vec![value.to_owned()] }
        };
        settings.iter().map(axis).collect()
    });
    let rows = held_out::rows(&unseen, axes.as_deref(), runner, on_trial)?;
    let calm_over_bound_milli = match &known.settings {
        Some(settings) => over_calm_bound(settings, &unseen, runner, on_trial)?,
        None => None,
    };
    Ok(BestKnown { known, rows, calm_over_bound_milli })
}

/// Settings that wait for nothing, which without luck are best where quotas allow them.
const BOLD: [&str; 7] = [
    "pipeline.limiter=\"fixed\"",
    "pipeline.concurrency=128",
    "pipeline.max_concurrency=128",
    "pipeline.in_flight_batches=128",
    "pipeline.confluence_concurrency=128",
    "pipeline.confluence_pace=\"fixed\"",
    "pipeline.label_reads=\"by-label\"",
];
/// Pages in a prompt that go with them.
const BOLD_SIZES: [u64; 5] = [1, 2, 5, 10, 20];

/// The least makespan over the bound without luck, in thousandths: of the best settings, and of bold ones;
/// nothing where there is no such figure.
fn over_calm_bound(
    settings: &[String],
    spec: &StudySpec,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<Option<u64>, TuneError> {
    let bold = |size: u64| {
        let size = format!("pipeline.batch_size={size}");
        let bold = BOLD.iter().map(|setting| (*setting).to_owned());
        bold.chain([size]).collect::<Vec<String>>()
    };
    let mut candidates = vec![settings.to_vec()];
    candidates.extend(BOLD_SIZES.map(bold));
    let count = usize::try_from(CALM_SEEDS).unwrap_or(1);
    let played = runner.each(candidates.len() * count, |at| {
        let set = spec.scenario.with(&candidates[at / count], &spec.folder);
        let set = set.map_err(|problem| TuneError::Problem(Box::new(problem)))?;
        let seed = spec.seeds.start() + (at % count) as u64;
        let played = trial::play(&calm(&set).seeded(seed).only(&spec.run))?;
        on_trial();
        let run = played.as_ref().and_then(|played| played.runs.last());
        let is_whole = |run: &&JudgedRun| NONE_OF.iter().all(|one| run.figures.number(*one) == 0);
        let number = |run: &JudgedRun, metric: Metric| run.figures.number(metric);
        Ok::<_, TuneError>(
            run.filter(is_whole)
                .map(|run| (number(run, Metric::Makespan), number(run, Metric::BoundMakespan))),
        )
    })?;
    // With fewer pages in a prompt the bound may be higher.
    let sums: Vec<(u64, u64)> = played
        .chunks(count)
        .filter_map(|seeds| {
            let seeds: Option<Vec<(u64, u64)>> = seeds.iter().copied().collect();
            Some(seeds?.into_iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d)))
        })
        .collect();
    let least = |of: fn(&(u64, u64)) -> u64| sums.iter().map(of).min();
    let (makespan, bound) = (least(|sums| sums.0), least(|sums| sums.1));
    Ok(makespan.zip(bound).and_then(|(ms, bound)| ms.saturating_mul(1000).checked_div(bound)))
}
