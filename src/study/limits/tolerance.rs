//! How much worse the world may become until a target is missed, and how far each target is from it.
//!
//! A knob is turned by bisection, on the same seeds: at the step found all targets are met, and at one
//! that is at most a twentieth further some target is missed. Beyond it all may be met again; that is
//! not looked for.

use crate::sim::scenario::Scenario;
use crate::sim::{Options, Transport};
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial;
use crate::study::limits::knob::{KNOBS, Knob};
use crate::study::measure::metric::{Metric, Unit};
use crate::study::verdict::judge::{self, JudgeError, Verdict};
use crate::study::verdict::seeds::{PlayedSeed, Series};
use crate::study::verdict::target::{ALL_SEEDS_PPM, JudgedTarget, Target};

/// Seeds that are played before it is asked whether more are needed.
const AT_ONCE: usize = 8;
/// Steps are found to a twentieth.
const FINE: u32 = 20;

/// How far a target is from its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headroom {
    /// The target, as the worst seed has it.
    pub judged: JudgedTarget,
    /// What is left to the limit in as many seeds as it has to be met in, in the figure's unit; less
    /// than nothing where it is missed. Nothing where a seed has no value.
    pub margin: Option<i64>,
}

impl Headroom {
    /// The unit of its margin.
    pub fn unit(&self) -> Unit {
        self.judged.target.unit()
    }
}

/// How far a knob may be turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tolerated {
    /// The knob.
    pub knob: &'static str,
    /// What it stands at.
    pub now: String,
    /// How much of its way that is turned, in thousandths.
    pub turned_permille: u64,
    /// The worst at which all targets are met.
    pub met_at: String,
    /// A little further, and the targets that are missed there; nothing where even the end of the way is
    /// met.
    pub missed: Option<(String, Vec<Target>)>,
}

/// What a scenario tolerates.
#[derive(Debug, Clone)]
pub struct WorldTolerance {
    /// Its verdict as it is. Where a target is missed, nothing is turned.
    pub verdict: Verdict,
    /// The targets, in their order.
    pub headroom: Vec<Headroom>,
    /// The knobs, those first that may be turned least of their way.
    pub knobs: Vec<Tolerated>,
}

/// Turns knobs of a scenario, and plays it.
struct KnobTurner<'a> {
    targets: &'a [Target],
    seeds: &'a [u64],
    runner: &'a TrialRunner,
    on_trial: &'a (dyn Fn() + Sync),
}

impl KnobTurner<'_> {
    /// The first seeds of this scenario, all unless `is_enough` says so before; nothing where one does
    /// not end within its virtual time.
    fn play(
        &self,
        scenario: &Scenario,
        is_enough: impl Fn(&Series) -> bool,
    ) -> Result<Option<Series>, JudgeError> {
        let options = Options { transport: Transport::Direct, ..Options::default() };
        let mut played: Vec<PlayedSeed> = Vec::new();
        for seeds in self.seeds.chunks(AT_ONCE) {
            let more = self.runner.each(seeds.len(), |at| {
                let judged = judge::run(&scenario.seeded(seeds[at]), self.targets, &options);
                (self.on_trial)();
                let ended = trial::ended(judged)?;
                Ok::<_, JudgeError>(ended.map(|judged| PlayedSeed::of(seeds[at], &judged)))
            })?;
            let Some(more) = more.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
            played.extend(more);
            let series = Series::of(played.clone());
            if played.len() == self.seeds.len() || series.as_ref().is_some_and(&is_enough) {
                return Ok(series);
            }
        }
        Ok(None)
    }

    /// The targets that are missed in more seeds than they may be.
    fn lost(&self, series: &Series) -> Vec<Target> {
        let targets = series.judged.runs.iter().flat_map(|run| &run.targets);
        let is_lost = |judged: &&JudgedTarget| {
            let all = self.seeds.len();
            let missed = judged.over.map_or(all, |over| over.seeds - over.met);
            !judged.target.is_met_in(all - missed, all, ALL_SEEDS_PPM)
        };
        // A fault more that strikes is no target that suffers from it.
        let suffers = |judged: &&JudgedTarget| judged.target.metric != Metric::FaultsFired;
        targets.filter(suffers).filter(is_lost).map(|judged| judged.target.clone()).collect()
    }

    /// How far a knob may be turned; nothing where the scenario has no such knob.
    fn turn(&self, scenario: &Scenario, knob: &Knob) -> Result<Option<Tolerated>, JudgeError> {
        let Some((_, now)) = knob.turn(scenario, 0) else { return Ok(None) };
        let (mut met, mut missed) = (0, None);
        // Far out a world takes long to play, so that the steps grow until one is missed.
        let mut step = 1;
        while let Some((worse, shown)) = knob.turn(scenario, step) {
            let series = self.play(&worse, |series| !self.lost(series).is_empty())?;
            match series.map(|series| self.lost(&series)) {
                Some(lost) if lost.is_empty() => met = step,
                lost => missed = Some((step, shown, lost.unwrap_or_default())),
            }
            step = match &missed {
                Some((end, ..)) if *end <= met + 1 + met / FINE => break,
                Some((end, ..)) => met + (end - met) / 2,
                None if met >= knob.steps => break,
                None => (met * 4).min(knob.steps),
            };
        }
        let met_at = knob.turn(scenario, met).map_or(now.clone(), |(_, shown)| shown);
        let missed = missed.map(|(_, shown, targets)| (shown, targets));
        let turned_permille = u64::from(met) * 1000 / u64::from(knob.steps);
        Ok(Some(Tolerated { knob: knob.name, now, turned_permille, met_at, missed }))
    }
}

/// Plays a scenario with these seeds as it is, and with each knob turned until a target is missed.
pub fn play(
    scenario: &Scenario,
    targets: &[Target],
    seeds: &[u64],
    runner: &TrialRunner,
    on_trial: &(dyn Fn() + Sync),
) -> Result<WorldTolerance, JudgeError> {
    let turner = KnobTurner { targets, seeds, runner, on_trial };
    let Some(series) = turner.play(scenario, |_| false)? else {
        return Ok(WorldTolerance {
            verdict: Verdict::Missed,
            headroom: Vec::new(),
            knobs: Vec::new(),
        });
    };
    let (verdict, headroom) = (series.judged.verdict(), headroom(&series));
    let mut knobs = Vec::new();
    if verdict == Verdict::Met {
        for knob in KNOBS {
            knobs.extend(turner.turn(scenario, knob)?);
        }
        knobs.sort_by_key(|one: &Tolerated| one.turned_permille);
    }
    Ok(WorldTolerance { verdict, headroom, knobs })
}

/// What is left of each target.
fn headroom(series: &Series) -> Vec<Headroom> {
    let runs = series.judged.runs.iter().enumerate();
    let each = runs.flat_map(|(run, judged)| {
        judged.targets.iter().enumerate().map(move |(at, target)| (run, at, target))
    });
    let of = |(run, at, judged): (usize, usize, &JudgedTarget)| {
        let one = |seed: &PlayedSeed| seed.runs.get(run)?.targets.get(at)?.margin;
        let margins: Option<Vec<i64>> = series.played.iter().map(one).collect();
        let margin = margins.and_then(|mut margins| {
            margins.sort_unstable_by(|a, b| b.cmp(a));
            let ppm = judged.target.of_seeds_ppm.unwrap_or(ALL_SEEDS_PPM);
            let needed = (margins.len() as u64 * ppm).div_ceil(ALL_SEEDS_PPM).max(1);
            margins.get(usize::try_from(needed - 1).ok()?).copied()
        });
        Headroom { judged: judged.clone(), margin }
    };
    each.map(of).collect()
}
