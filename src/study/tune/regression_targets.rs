//! The targets that keep a setting as good as it was found: limits with a margin, and which
//! weakenings of the pipeline they notice.

use std::ops::RangeInclusive;

use super::{GridPoint, TuneError, Tuned, trials};
use crate::sim::scenario::Scenario;
use crate::study::experiment::mutation::Mutant;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Better, Metric, Shape, Unit};
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::target::{Compare, Limit, Target};
use crate::study::verdict::{target, target_syntax};

/// The margin above what was measured that is still fine, in percent.
const MARGIN_PERCENT: u64 = 10;
/// What a requirement that names no share of the seeds asks of them.
const SHARE: &str = "in >= 95% of seeds";

/// What keeps a setting as it is.
#[derive(Debug, Clone)]
pub struct RegressionTargets {
    /// The targets, with what was measured at worst.
    pub targets: Vec<Target>,
    /// Those of them, by their place, that are there only to notice a weakening.
    pub killers: Vec<(usize, Mutant)>,
    /// Each weakening that changes the pipeline's settings, and what is noticed of it with the
    /// scenario's own seed, as `run --mutate` does.
    pub noticed: Vec<(Mutant, Noticed)>,
    /// The seeds that the targets are of.
    pub seeds: RangeInclusive<u64>,
    /// The scenario's own seed.
    pub seed: u64,
    /// Of the targets, those that are missed with that seed as it is.
    pub missed: Vec<Target>,
    /// Its own targets, as far as they are missed with that seed.
    pub own_missed: Vec<Target>,
}

/// What is noticed of a weakening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noticed {
    /// The targets of these metrics are missed.
    By(Vec<Metric>),
    /// No target is missed, though something else happens.
    Not,
    /// The history is the same.
    Harmless,
}

/// The regression targets of the best point; nothing if there is none.
pub fn of(tuned: &Tuned, runner: &TrialRunner) -> Result<Option<RegressionTargets>, TuneError> {
    let Some(best) = tuned.best() else { return Ok(None) };
    let mut targets = promised(tuned, best);
    let seed = tuned.spec.scenario.world.seed.0;
    let scenario = trials::scenario(&tuned.spec, &best.values, seed)?;
    let asked = scenario.only(&tuned.spec.run);
    let unweakened = trial::play_to_end(&asked)?;
    let played = MutantTrials { unweakened, weakened: weakened(&asked, runner)? };
    let killers = played.killers(tuned, best, runner, &mut targets)?;
    let noticed = played.weakened.iter().map(|(mutant, weak)| {
        let noticed = played.noticed(&targets, weak.as_ref());
        (*mutant, noticed)
    });
    let noticed = noticed.collect();
    let missed = missed_of(&targets, &played.unweakened);
    let own = target_syntax::of(&scenario).unwrap_or_default();
    // Of a whole that does not end nothing can be said.
    let whole = trial::play(&scenario)?;
    let own_missed = whole.map_or_else(Vec::new, |whole| missed_of(&own, &whole));
    let seeds = tuned.spec.seeds.clone();
    Ok(Some(RegressionTargets { targets, killers, noticed, seeds, seed, missed, own_missed }))
}

/// Those of the targets that are missed.
fn missed_of(targets: &[Target], judged: &JudgedScenario) -> Vec<Target> {
    targets.iter().filter(|target| !is_met(target, judged)).cloned().collect()
}

/// What the best point keeps in all of its seeds, with some margin, and what was required.
fn promised(tuned: &Tuned, best: &GridPoint) -> Vec<Target> {
    let run = &tuned.spec.run;
    let limit = |metric: Metric| -> Option<Target> {
        let values = best.values_of(metric)?;
        let (name, unit) = (metric.name(), metric.unit());
        let text = match metric.better()? {
            Better::Smaller => {
                format!("<= {}", written(with_margin(values.into_iter().max()?, unit), unit))
            }
            Better::Bigger => format!(">= {}", written(values.into_iter().min()?, unit)),
        };
        target_syntax::in_one_piece(run, &format!("{name} {text}")).ok()
    };
    let guarded = Metric::ALL.iter().copied().filter(|metric| metric.is_guarded());
    let mut targets: Vec<Target> = guarded.filter_map(limit).collect();
    for one in &tuned.spec.require {
        if !targets.iter().any(|known| implies(known, one)) {
            targets.push(with_share(run, one));
        }
    }
    targets
}

/// The scenario with each weakening that it can have; nothing of one that does not even end.
fn weakened(
    scenario: &Scenario,
    runner: &TrialRunner,
) -> Result<Vec<(Mutant, Option<JudgedScenario>)>, TuneError> {
    let mutants = Mutant::ALL.iter().copied();
    let weak: Vec<_> = mutants.filter_map(|mutant| Some((mutant, mutant.of(scenario)?))).collect();
    runner.each(weak.len(), |at| {
        let (mutant, weak) = &weak[at];
        Ok((*mutant, trial::play(weak)?))
    })
}

/// The best point as it is, and with each weakening.
struct MutantTrials {
    unweakened: JudgedScenario,
    weakened: Vec<(Mutant, Option<JudgedScenario>)>,
}

impl MutantTrials {
    /// How a weakening is noticed by these targets.
    fn noticed(&self, targets: &[Target], weak: Option<&JudgedScenario>) -> Noticed {
        match weak {
            None => Noticed::By(vec![Metric::Makespan]),
            Some(weak) if weak.digests() == self.unweakened.digests() => Noticed::Harmless,
            Some(weak) => match flipped(targets, &self.unweakened, weak) {
                missed if missed.is_empty() => Noticed::Not,
                missed => Noticed::By(missed),
            },
        }
    }

    /// Adds a target for each weakening that the others do not notice, where there is one. Gives
    /// their places.
    fn killers(
        &self,
        tuned: &Tuned,
        best: &GridPoint,
        runner: &TrialRunner,
        targets: &mut Vec<Target>,
    ) -> Result<Vec<(usize, Mutant)>, TuneError> {
        let mut killers = Vec::new();
        let run = &tuned.spec.run;
        let unnoticed = |targets: &[Target], weak: &Option<JudgedScenario>| {
            self.noticed(targets, weak.as_ref()) == Noticed::Not
        };
        if !self.weakened.iter().any(|(_, weak)| unnoticed(targets, weak)) {
            return Ok(killers);
        }
        let seeds: Vec<u64> = tuned.spec.seeds.clone().collect();
        let figures_of = |at: usize| {
            let scenario = trials::scenario(&tuned.spec, &best.values, seeds[at])?.only(run);
            Ok::<_, TuneError>(figures(&trial::play_to_end(&scenario)?, run))
        };
        let mut all = runner.each(seeds.len(), figures_of)?;
        all.push(figures(&self.unweakened, run));
        let all: Vec<Figures> = all.into_iter().flatten().collect();
        for (mutant, weak) in self.weakened.iter().filter(|(_, weak)| weak.is_some()) {
            if !unnoticed(targets, weak) {
                continue;
            }
            let weak = weak.as_ref().and_then(|weak| figures(weak, run));
            if let Some(killer) = weak.and_then(|weak| killer(run, &all, &weak)) {
                killers.push((targets.len(), *mutant));
                targets.push(killer);
            }
        }
        Ok(killers)
    }
}

fn figures(judged: &JudgedScenario, run: &str) -> Option<Figures> {
    judged.runs.iter().find(|known| known.name == run).map(|run| run.figures.clone())
}

fn is_met(target: &Target, judged: &JudgedScenario) -> bool {
    let base = judged.base_of(target);
    figures(judged, &target.run).is_some_and(|figures| target::judge(target, &figures, base).met)
}

/// The metrics of the targets that are met before and missed now.
fn flipped(targets: &[Target], before: &JudgedScenario, now: &JudgedScenario) -> Vec<Metric> {
    let is_flipped = |target: &&Target| is_met(target, before) && !is_met(target, now);
    let mut metrics: Vec<_> =
        targets.iter().filter(is_flipped).map(|target| target.metric).collect();
    let mut known = std::collections::BTreeSet::new();
    metrics.retain(|metric| known.insert(*metric));
    metrics
}

/// A target on the first figure that a weakening makes worse than it is with any seed, and by more
/// than the margin; of one that it makes smaller, if there is none.
fn killer(run: &str, all: &[Figures], weak: &Figures) -> Option<Target> {
    let found = |is_above: bool| {
        Figure::all().find_map(|figure| {
            let unit = figure.unit();
            let values: Option<Vec<u64>> =
                all.iter().map(|figures| figures.integer(figure)).collect();
            let (values, weak) = (values?, weak.integer(figure)?);
            if !may_be_limited(figure, is_above) {
                return None;
            }
            let limit = if is_above {
                let limit = with_margin(values.into_iter().max()?, unit);
                (weak > limit).then(|| format!("<= {}", written(limit, unit)))?
            } else {
                let limit = without_margin(values.into_iter().min()?, unit);
                (weak < limit).then(|| format!(">= {}", written(limit, unit)))?
            };
            target_syntax::in_one_piece(run, &format!("{figure} {limit}")).ok()
        })
    };
    found(true).or_else(|| found(false))
}

/// Whether a figure may be limited on this side: a limit that is missed by an improvement would
/// be none.
fn may_be_limited(figure: Figure, is_above: bool) -> bool {
    match (figure.better(), is_above) {
        (Some(better), _) => is_above == (better == Better::Smaller),
        (None, true) => !figure.metric.is_work(),
        (None, false) => figure.metric.shape() == Shape::Level,
    }
}

/// Whether a run that meets the one meets the other.
fn implies(known: &Target, other: &Target) -> bool {
    let is_upper = matches!(other.compare, Compare::AtMost)
        || other.compare == Compare::Equal && other.limit == Limit::Fixed(0);
    known.metric == other.metric
        && known.stat == other.stat
        && known.compare == Compare::AtMost
        && is_upper
        && known.limit.fixed().zip(other.limit.fixed()).is_some_and(|(known, other)| known <= other)
}

/// A requirement as a target, with the share of the seeds that it asks.
fn with_share(run: &str, one: &Target) -> Target {
    let share = if one.of_seeds_ppm.is_none() { SHARE } else { "" };
    let text = format!("{} {} {share}", one.metric.name(), one.text);
    target_syntax::in_one_piece(run, &text).unwrap_or_else(|_| one.clone())
}

/// A limit above what was measured: nothing stays nothing.
fn with_margin(worst: u64, unit: Unit) -> u64 {
    let more = worst.saturating_add((worst.saturating_mul(MARGIN_PERCENT)).div_ceil(100));
    match unit {
        Unit::Count => more,
        Unit::Ratio => more.div_ceil(1_000).saturating_mul(1_000).min(1_000_000),
        Unit::Millis | Unit::UsdMicros => more.div_ceil(100).saturating_mul(100),
    }
}

/// A limit below what was measured: what is there stays there.
fn without_margin(least: u64, unit: Unit) -> u64 {
    let less = least - least.saturating_mul(MARGIN_PERCENT).div_ceil(100).min(least);
    match unit {
        Unit::Count => less.max(1).min(least),
        Unit::Ratio => less / 1_000 * 1_000,
        Unit::Millis | Unit::UsdMicros => less / 100 * 100,
    }
}

/// A value as targets have it.
fn written(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => value.to_string(),
        Unit::Ratio if value == 0 => "0%".to_owned(),
        Unit::Ratio => format!("{}.{}%", value / 10_000, value / 1_000 % 10),
        Unit::Millis => format!("{value}ms"),
        Unit::UsdMicros => format!("${}.{:04}", value / 1_000_000, value / 100 % 10_000),
    }
}
