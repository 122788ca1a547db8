//! Finds good settings without being told which to try: key by key, again and again.
//!
//! The keys are those of pace, order and size; what is read, asked and written stays. Each has a ladder
//! of values. Coordinate descent (Wright, 2015) goes through the keys, first through those whose limits
//! cost most, plays all steps of one ladder beside the best so far, on the same weather, and moves to
//! the best of them, until no key is worth a move. Steps that look bad after a few seeds are dropped. It
//! begins twice, with the scenario's own settings and with those of `recommended`, because several keys
//! are worth a move only together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::ranking::Standing;
use super::trials::{TrialId, TrialResult};
use super::{GridPoint, StudySpec, TuneError, Tuned, ranking, trials};
use crate::study::experiment::runner::TrialRunner;
use crate::study::limits::shadow_price;
use crate::study::tune::grid::Axis;

/// Seeds after which the worse half of a ladder is dropped, and with which limits are priced.
const FEW_SEEDS: usize = 4;
/// Ways through all keys from one beginning.
const MOST_ROUNDS: usize = 4;
/// Keys that the last grid varies around the best.
const LAST_KEYS: usize = 2;
/// A ladder whose steps differ by less than this share of the least, in millionths, does not matter.
const MATTERS_PPM: u128 = 10_000;

/// A key with its values, from the gentlest to the boldest, and the one that `recommended` has.
struct Ladder {
    key: &'static str,
    values: &'static [&'static str],
    recommended: usize,
}

const fn ladder(key: &'static str, values: &'static [&'static str], recommended: usize) -> Ladder {
    Ladder { key, values, recommended }
}

/// The keys of pace, order and size.
const LADDERS: &[Ladder] = &[
    ladder("pipeline.batch_size", &["1", "2", "5", "10", "20", "40", "\"auto\""], 6),
    ladder("pipeline.max_batch_size", &["5", "10", "20", "40", "80"], 2),
    ladder("pipeline.concurrency", &["1", "2", "3", "4", "6", "8", "16", "32", "64"], 6),
    ladder("pipeline.max_concurrency", &["4", "10", "16", "32", "64", "128"], 4),
    ladder("pipeline.in_flight_batches", &["4", "10", "16", "32", "64", "128"], 4),
    ladder("pipeline.limiter", &["\"quota\"", "\"halving\"", "\"aimd\"", "\"fixed\""], 0),
    ladder("pipeline.confluence_concurrency", &["2", "4", "8", "16", "32", "64", "128"], 5),
    ladder("pipeline.confluence_pace", &["\"fixed\"", "\"found\""], 1),
    ladder("pipeline.label_reads", &["\"by-page\"", "\"by-label\""], 1),
    ladder("pipeline.batch_tokens", &["8000", "15000", "30000", "60000", "120000"], 3),
    ladder("pipeline.backoff_base_ms", &["250", "500", "1000", "2000"], 1),
    ladder("pipeline.backoff_by_class", &["false", "true"], 1),
    ladder("pipeline.retry_hints", &["false", "true"], 1),
    ladder("pipeline.halves", &["false", "true"], 1),
];

/// The keys of pace, order and size.
pub fn keys() -> impl Iterator<Item = &'static str> {
    LADDERS.iter().map(|ladder| ladder.key)
}

/// A step of each ladder; nothing where the scenario's own value stays.
type Choice = Vec<Option<usize>>;

/// What was found.
#[derive(Debug, Clone)]
pub struct FoundGrid {
    /// The keys of a grid around the best: what was found, and its neighbours for the keys that matter
    /// most.
    pub axes: Vec<Axis>,
    /// Settings that were tried.
    pub settings: usize,
    /// Simulations that they took, without those that priced the limits.
    pub simulations: usize,
    /// The keys that matter, with the values that were tried.
    pub tried: Vec<Axis>,
}

/// A search, and what it has played so far.
struct Search<'a> {
    spec: &'a StudySpec,
    ladders: Vec<Axis>,
    runner: &'a TrialRunner,
    on_trial: &'a (dyn Fn() + Sync),
    /// The seeds that were played of each choice, from the first on; nothing where it is no setting.
    known: BTreeMap<Choice, Option<Vec<TrialResult>>>,
    /// By how much the steps of a ladder differ, when it was tried last.
    spread_ppm: Vec<u128>,
    /// Whether some of its steps did not meet what is required.
    is_refused: Vec<bool>,
}

impl FoundGrid {
    /// The keys whose value in this setting is the least or the most that was tried, with that value. Less
    /// than one of a thing there is not.
    pub fn edges(&self, tuned: &Tuned, point: &GridPoint) -> Vec<(String, String)> {
        let chosen = tuned.spec.axes.iter().zip(&point.values);
        let is_edge = |key: &str, value: &str| {
            let tried = self.tried.iter().find(|axis| axis.key == key)?;
            let numbers = tried.values.iter().filter_map(|value| value.parse::<u64>().ok());
            let (value, least, most) =
                (value.parse::<u64>().ok()?, numbers.clone().min()?, numbers.max()?);
            Some(least < most && (value == most || (value == least && least > 1)))
        };
        let chosen = chosen.map(|(axis, value)| (axis.key.clone(), axis.values[*value].clone()));
        chosen.filter(|(key, value)| is_edge(key, value) == Some(true)).collect()
    }
}

/// Searches. The keys of the spec stay as they are set there, or are searched over the values that it
/// names.
pub fn search(
    spec: &StudySpec,
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<FoundGrid, TuneError> {
    let named = |ladder: &Ladder| spec.axes.iter().find(|axis| axis.key == ladder.key);
    let usual = |ladder: &Ladder| Axis {
        key: ladder.key.to_owned(),
        values: ladder.values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let free = LADDERS.iter().filter(|ladder| named(ladder).is_none());
    let (mut ladders, mut recommended): (Vec<Axis>, Choice) =
        free.map(|ladder| (usual(ladder), Some(ladder.recommended))).unzip();
    ladders.extend(spec.axes.iter().cloned());
    let mut own: Choice = vec![None; recommended.len()];
    own.resize(ladders.len(), Some(0));
    recommended.resize(ladders.len(), Some(0));
    let (spread_ppm, is_refused) = (vec![0; ladders.len()], vec![false; ladders.len()]);
    let known = BTreeMap::new();
    let mut search = Search { spec, ladders, runner, on_trial, known, spread_ppm, is_refused };
    let order = search.by_price()?;
    let mut best = None;
    for start in [own, recommended] {
        let found = search.descend(start, &order)?;
        best = match best {
            Some(best) if !search.is_better(&found, &best) => Some(best),
            _ => Some(found),
        };
    }
    Ok(search.around(&best.unwrap_or_default()))
}

impl Search<'_> {
    fn seeds(&self) -> usize {
        self.spec.seeds.clone().count()
    }

    /// The ladders, those first whose limits cost most time.
    fn by_price(&self) -> Result<Vec<usize>, TuneError> {
        let seeds: Vec<u64> = self.spec.seeds.clone().take(FEW_SEEDS).collect();
        let alone = self.spec.scenario.only(&self.spec.run);
        let limits = shadow_price::play(&alone, &seeds, self.runner, &|_| (self.on_trial)())?;
        let cost = |key: &str| {
            let price = limits.prices.iter().find(|price| price.key == key);
            price.and_then(|price| price.changes[0]).map_or(0, |change| -change.mean_milli)
        };
        let mut order: Vec<usize> = (0..self.ladders.len()).collect();
        order.sort_by_key(|at| Reverse(cost(&self.ladders[*at].key)));
        Ok(order)
    }

    /// The study of one choice.
    fn spec_of(&self, choice: &Choice) -> StudySpec {
        let chosen = self.ladders.iter().zip(choice);
        let axes = chosen.filter_map(|(axis, step)| {
            let values = vec![axis.values.get((*step)?)?.clone()];
            Some(Axis { key: axis.key.clone(), values })
        });
        StudySpec { axes: axes.collect(), ..self.spec.clone() }
    }

    /// Plays the first seeds of these choices, as far as they are not played yet.
    fn play(&mut self, choices: &[Choice], seeds: usize) -> Result<(), TuneError> {
        let mut specs = Vec::new();
        let mut trials = Vec::new();
        let mut asked = Vec::new();
        for choice in choices {
            let known = match self.known.get(choice) {
                Some(None) => continue,
                Some(Some(known)) => known.len(),
                None => 0,
            };
            let spec = self.spec_of(choice);
            let point = vec![0; spec.axes.len()];
            // Some values do not go together.
            if trials::scenario(&spec, &point, *spec.seeds.start()).is_err() {
                self.known.insert(choice.clone(), None);
                continue;
            }
            let at = specs.len();
            trials.extend((known..seeds).map(|seed| TrialId { spec: at, point: 0, seed }));
            specs.push(spec);
            asked.push(choice.clone());
        }
        let on_trial = |_: TrialId, _: &TrialResult| {
            (self.on_trial)();
            Ok(())
        };
        let results = trials::play_without_bound(&specs, &trials, self.runner, &on_trial)?;
        for (trial, result) in results {
            let known = self.known.entry(asked[trial.spec].clone()).or_insert(Some(Vec::new()));
            known.get_or_insert_default().push(result);
        }
        Ok(())
    }

    /// How a choice stands after its first seeds; nothing where it is no setting.
    fn standing(&self, choice: &Choice, seeds: usize) -> Option<Standing> {
        let known = self.known.get(choice)?.as_ref()?;
        let point = ranking::point(self.spec, Vec::new(), known.iter().take(seeds));
        Some(Standing::of(&point, self.spec))
    }

    fn is_better(&self, choice: &Choice, than: &Choice) -> bool {
        let all = self.seeds();
        match (self.standing(choice, all), self.standing(than, all)) {
            (Some(new), Some(old)) => new < old,
            (new, old) => new.is_some() && old.is_none(),
        }
    }

    /// Moves along one ladder after the other until nothing is worth a move.
    fn descend(&mut self, start: Choice, order: &[usize]) -> Result<Choice, TuneError> {
        let (all, few) = (self.seeds(), FEW_SEEDS.min(self.seeds()));
        self.play(std::slice::from_ref(&start), all)?;
        let mut best = start;
        for _ in 0..MOST_ROUNDS {
            let before = best.clone();
            for ladder in order {
                let step = |step: usize| {
                    let mut choice = best.clone();
                    choice[*ladder] = Some(step);
                    choice
                };
                let steps = 0..self.ladders[*ladder].values.len();
                let mut steps: Vec<Choice> =
                    steps.map(step).filter(|choice| *choice != best).collect();
                self.play(&steps, few)?;
                steps.retain(|choice| self.standing(choice, few).is_some());
                steps.sort_by_cached_key(|choice| self.standing(choice, few));
                steps.truncate(steps.len().div_ceil(2));
                self.play(&steps, all)?;
                steps.push(best.clone());
                self.spread_ppm[*ladder] = self.spread(&steps);
                let is_fit = |choice: &Choice| {
                    let standing = self.standing(choice, all);
                    standing.is_some_and(|standing| standing.admissible_sum().is_some())
                };
                self.is_refused[*ladder] = !steps.iter().all(is_fit);
                for choice in steps {
                    if self.is_better(&choice, &best) {
                        best = choice;
                    }
                }
            }
            if best == before {
                break;
            }
        }
        Ok(best)
    }

    /// By how much these choices differ, in millionths of the least.
    fn spread(&self, choices: &[Choice]) -> u128 {
        let standings = choices.iter().filter_map(|choice| self.standing(choice, self.seeds()));
        let sums: Vec<u128> = standings.filter_map(|standing| standing.admissible_sum()).collect();
        match (sums.iter().min(), sums.iter().max()) {
            (Some(least), Some(most)) if *least > 0 => (most - least) * 1_000_000 / least,
            _ => 0,
        }
    }

    /// The best with its neighbours, for the keys that matter most.
    fn around(self, best: &Choice) -> FoundGrid {
        let mut by_spread: Vec<usize> = (0..self.ladders.len()).collect();
        by_spread.sort_by_key(|at| Reverse(self.spread_ppm[*at]));
        let matters = |at: usize| self.spread_ppm[at] >= MATTERS_PPM;
        by_spread.retain(|at| matters(*at) && best[*at].is_some());
        by_spread.truncate(LAST_KEYS);
        let mut axes = Vec::new();
        let tried = (0..self.ladders.len()).filter(|at| matters(*at) || self.is_refused[*at]);
        let tried = tried.map(|at| self.ladders[at].clone()).collect();
        for (at, (axis, step)) in self.ladders.iter().zip(best).enumerate() {
            let Some(step) = *step else { continue };
            let near = usize::from(by_spread.contains(&at));
            let end = (step + near + 1).min(axis.values.len());
            let values = axis.values[step.saturating_sub(near)..end].to_vec();
            axes.push(Axis { key: axis.key.clone(), values });
        }
        let played = self.known.values().flatten();
        let (settings, simulations) = (played.clone().count(), played.map(Vec::len).sum());
        FoundGrid { axes, settings, simulations, tried }
    }
}
