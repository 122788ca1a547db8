//! The league: every kind of limiter in every world, on the same random streams.

use std::fmt::Write as _;

use super::worlds::{BASE, FIELDS, World};
use crate::fakes::world_event::{Service, WorldEvent};
use crate::pipeline::config::LimiterKind;
use crate::sim::recorder::entry::What;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial::{Trial, TrialError};
use crate::study::measure::metric::Metric;
use crate::study::measure::value::Value;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::units::Share;

/// The limiters, in the order of the tables.
pub const KINDS: &[LimiterKind] = &[
    LimiterKind::Quota,
    LimiterKind::Pace,
    LimiterKind::Fixed,
    LimiterKind::Halving,
    LimiterKind::Aimd,
    LimiterKind::Arc,
    LimiterKind::Cubic,
    LimiterKind::Sre,
];

/// What came of one kind in one field with one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedResult {
    /// Whether all pages were tagged in time, by the primary alone.
    pub finished: bool,
    /// How long it took.
    pub makespan_ms: u64,
    /// What no scheduler could beat.
    pub bound_ms: u64,
    /// 429s, of the calls to the primary.
    pub rate_limited: Share,
    /// Calls before a stated time.
    pub early_calls: u64,
    /// With four attempts: prompts that the fallback answered.
    pub fallback: Share,
    /// With four attempts: what it cost.
    pub cost_usd_micros: u64,
    /// 429s of a second job a while later, where something is learned; of how many calls.
    pub warm: Option<Share>,
    /// Where the quota is shared: calls of the neighbour that were admitted while this one worked.
    pub neighbour: u64,
}

impl SeedResult {
    /// How much longer it took than the bound.
    pub fn regret_ms(&self) -> u64 {
        self.makespan_ms.saturating_sub(self.bound_ms)
    }
}

/// A kind in a field, seed by seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimiterResult {
    /// The kind.
    pub kind: LimiterKind,
    /// By seed, from 1 on.
    pub outcomes: Vec<SeedResult>,
}

impl LimiterResult {
    /// In how many seeds it finished.
    pub fn finished(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.finished).count()
    }

    /// The makespans of all seeds against their bounds, in thousandths; nothing if one did not
    /// finish.
    pub fn over_bound_milli(&self) -> Option<u64> {
        let sum = |of: fn(&SeedResult) -> u64| self.outcomes.iter().map(of).sum::<u64>();
        let bound = sum(|outcome| outcome.bound_ms);
        let all = self.finished() == self.outcomes.len();
        all.then(|| (sum(|outcome| outcome.makespan_ms) * 1000).checked_div(bound)).flatten()
    }

    /// The sum of a share over all seeds.
    pub fn share(&self, of: fn(&SeedResult) -> Share) -> Share {
        self.outcomes.iter().map(of).fold(Share { num: 0, den: 0 }, |sum, share| Share {
            num: sum.num + share.num,
            den: sum.den + share.den,
        })
    }

    /// The mean of a number over all seeds, rounded down.
    pub fn mean(&self, of: fn(&SeedResult) -> u64) -> u64 {
        let sum: u64 = self.outcomes.iter().map(of).sum();
        sum.checked_div(self.outcomes.len() as u64).unwrap_or(0)
    }
}

/// A field with all its cells.
#[derive(Debug, Clone)]
pub struct WorldResult {
    /// The field.
    pub field: &'static World,
    /// The limiters, in the order of [`KINDS`].
    pub cells: Vec<LimiterResult>,
}

/// Plays all fields whose names hold `only`, with these many seeds; `on_trial` is told how many trials
/// there are whenever one is over.
pub fn play(
    only: &str,
    seeds: u64,
    runner: &TrialRunner,
    on_trial: &(dyn Fn(usize) + Sync),
) -> Result<Vec<WorldResult>, TrialError> {
    let fields: Vec<&'static World> =
        FIELDS.iter().filter(|field| field.name.contains(only)).collect();
    let mut trials = Vec::new();
    for field in &fields {
        for kind in KINDS {
            trials.extend((1..=seeds).map(|seed| (*field, *kind, seed)));
        }
    }
    let results = runner.each(trials.len(), |index| {
        let (field, kind, seed) = trials[index];
        let outcome = one(field, kind, seed);
        on_trial(trials.len());
        outcome
    })?;
    let mut outcomes = results.into_iter();
    let cell = |kind, outcomes: &mut dyn Iterator<Item = SeedResult>| LimiterResult {
        kind,
        outcomes: outcomes.take(usize::try_from(seeds).unwrap_or(1)).collect(),
    };
    let played = fields.into_iter().map(|field| WorldResult {
        field,
        cells: KINDS.iter().map(|kind| cell(*kind, &mut outcomes)).collect(),
    });
    Ok(played.collect())
}

/// What the primary alone is asked for, with attempts enough.
pub(super) const ALONE: [&str; 2] = ["pipeline.fallback=false", "pipeline.attempts=100"];

fn one(field: &World, kind: LimiterKind, seed: u64) -> Result<SeedResult, TrialError> {
    let alone = run(field, kind, seed, &ALONE)?;
    let helped = last(trial(field, kind, seed, &["pipeline.attempts=4"]).measure()?);
    let warm = if kind == LimiterKind::Quota { warm(field, seed)? } else { None };
    let cost_usd_micros = number(helped.as_ref(), Metric::Cost);
    let fallback = share(helped.as_ref(), Metric::FallbackRatio);
    let alone = alone.as_ref();
    Ok(SeedResult { fallback, cost_usd_micros, warm, ..of_one(field.pages, alone) })
}

/// The outcome as far as one run tells it.
pub(super) fn of_one(pages: u64, run: Option<&JudgedRun>) -> SeedResult {
    SeedResult {
        finished: run.is_some() && number(run, Metric::PagesTagged) == pages,
        makespan_ms: number(run, Metric::Makespan),
        bound_ms: number(run, Metric::BoundMakespan),
        rate_limited: share(run, Metric::RateLimitedRatio),
        early_calls: number(run, Metric::EarlyCalls),
        fallback: Share { num: 0, den: 0 },
        cost_usd_micros: 0,
        warm: None,
        neighbour: run.map_or(0, neighbour),
    }
}

fn number(run: Option<&JudgedRun>, metric: Metric) -> u64 {
    run.map_or(0, |run| run.figures.number(metric))
}

fn share(run: Option<&JudgedRun>, metric: Metric) -> Share {
    match run.and_then(|run| run.figures.get(metric)) {
        Some(Value::Share(share)) => *share,
        _ => Share { num: 0, den: 0 },
    }
}

fn neighbour(run: &JudgedRun) -> u64 {
    let admitted = run.log.entries.without_tags().map(|entry| match &entry.what {
        What::World(WorldEvent::Neighbour { service: Service::Gemini, admitted, .. }) => *admitted,
        _ => 0,
    });
    admitted.sum()
}

/// What a second job is refused, after a pause in which nothing is asked.
fn warm(field: &World, seed: u64) -> Result<Option<Share>, TrialError> {
    const AFTER_S: u64 = 1_800;
    let deadline = format!("deadline_s={}", 2 * field.deadline_s + AFTER_S);
    let more = [&ALONE[..], &[deadline.as_str()]].concat();
    let (pages, starts_s) = (field.pages, field.starts_s);
    let mut runs = vec![("first", pages, starts_s)];
    runs.push(("warm", pages, AFTER_S));
    let last = last(with_runs(field, LimiterKind::Quota, seed, &more, &runs).measure()?);
    Ok(last.map(|run| share(Some(&run), Metric::RateLimitedRatio)))
}

/// One kind in one field with one seed.
pub fn trial(field: &World, kind: LimiterKind, seed: u64, more: &[&str]) -> Trial {
    let runs = [("run", field.pages, field.starts_s)];
    with_runs(field, kind, seed, more, if field.starts_s > 0 { &runs } else { &[] })
}

/// The same with these runs: the name of each, its pages, and the seconds before it in which
/// nothing is asked.
fn with_runs(
    field: &World,
    kind: LimiterKind,
    seed: u64,
    more: &[&str],
    runs: &[(&str, u64, u64)],
) -> Trial {
    let mut settings = vec![
        format!("deadline_s={}", field.deadline_s),
        format!("space.pages={}", field.pages),
        format!("gemini.quota={}", field.quota),
    ];
    if kind == LimiterKind::Pace {
        settings.push(format!("pipeline.quota={}", field.told));
    }
    settings.extend(of_kind(kind));
    settings.extend(field.settings.iter().chain(more).map(|setting| (*setting).to_owned()));
    Trial { name: field.name.to_owned(), text: with_base(runs), settings, seed }
}

/// The settings of a kind of limiter.
pub(super) fn of_kind(kind: LimiterKind) -> Vec<String> {
    let mut settings = vec![
        format!("pipeline.limiter=\"{}\"", kind.name()),
        // The same for all, so that all have the same bound.
        "pipeline.in_flight_batches=64".to_owned(),
    ];
    if matches!(kind, LimiterKind::Fixed | LimiterKind::Halving) {
        // As the plan has it.
        settings.push("pipeline.concurrency=3".to_owned());
        settings.push("pipeline.max_concurrency=10".to_owned());
    }
    settings
}

/// The base with these runs: the name of each, its pages, and the seconds before it in which nothing
/// is asked.
pub(super) fn with_base(runs: &[(&str, u64, u64)]) -> String {
    let mut text = BASE.to_owned();
    if !runs.is_empty() {
        // Nothing is asked before the first either.
        text.push_str("[[run]]\nname = \"before\"\npages = 0\n");
    }
    for (name, pages, after_s) in runs {
        let _ = write!(
            text,
            "[[run]]\nname = \"{name}\"\npages = {pages}\nchanged_ratio = 1\nstart_after_s = {after_s}\n"
        );
    }
    text
}

/// The run of a trial; nothing if it did not end in time.
pub(super) fn run(
    field: &World,
    kind: LimiterKind,
    seed: u64,
    more: &[&str],
) -> Result<Option<JudgedRun>, TrialError> {
    Ok(last(trial(field, kind, seed, more).play()?))
}

fn last(judged: Option<JudgedScenario>) -> Option<JudgedRun> {
    judged.and_then(|mut judged| judged.runs.pop())
}
