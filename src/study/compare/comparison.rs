//! A comparison: what moved between two recordings, and whether that is a regression.

use std::collections::BTreeMap;

use super::drift::Drift;
use super::recorded::{Recorded, RecordedRun};
use super::settings::Changed;
use crate::study::compare::rules::{Rules, floor_milli, mean_milli, sum};
use crate::study::measure::figure::Figure;
use crate::study::measure::metric::Better;
use crate::study::stats::paired::Paired;
use crate::study::stats::sign_test;
use crate::units::float;

/// Recordings by the scenario's name.
pub type Recordings = BTreeMap<String, Recorded>;

/// How recordings are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Whether they are the same.
    Exact,
    /// Whether a figure became worse, over many seeds.
    Paired,
}

/// What a comparison came to, from the best to the worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum ComparisonVerdict {
    /// Nothing moved, or not surely, or not by much.
    #[strum(serialize = "no change")]
    NoChange,
    /// Something became better, and nothing worse.
    Improved,
    /// There is nothing to compare with.
    New,
    /// It is not the same, where that was asked.
    Changed,
    /// Something became worse.
    Regressed,
    /// The worlds differ, so that the figures say nothing of the pipeline.
    Incomparable,
    /// It is not there any more.
    Missing,
}

impl ComparisonVerdict {
    /// All of them, from the best to the worst.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Its word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether it stops a gate.
    pub fn is_failure(self) -> bool {
        self >= Self::Changed
    }
}

/// How a figure differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The figure.
    pub figure: Figure,
    /// The mean before, in thousandths of the unit.
    pub base_mean_milli: u64,
    /// The mean now.
    pub new_mean_milli: u64,
    /// The sums over the seeds, before and now.
    pub sums: (u128, u128),
    /// The differences, now minus before.
    pub paired: Paired,
    /// How likely chance alone has so uneven signs, corrected for the number of figures; one in
    /// exact mode.
    pub p: f64,
    /// What that comes to.
    pub verdict: ComparisonVerdict,
}

/// A run of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRun {
    /// Its name.
    pub name: String,
    /// The seeds that both have.
    pub seeds: Vec<u64>,
    /// Those of them whose logs differ.
    pub differing: Vec<u64>,
    /// Every figure that moved in a seed.
    pub moved: Vec<Moved>,
    /// The number of figures that are the same in all seeds.
    pub same: usize,
    /// Watched figures that one side lacks in some seeds.
    pub lacking: Vec<Lacking>,
    /// Watched figures that are no longer what they were when they were first accepted.
    pub drifts: Vec<Drift>,
}

/// A figure that one side lacks in some of the common seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The figure.
    pub figure: Figure,
    /// In how many seeds the base has it.
    pub base: usize,
    /// In how many the new side has it.
    pub new: usize,
    /// In how many both have it, so that it is compared.
    pub both: usize,
}

/// A scenario of both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// What the comparison came to.
    pub verdict: ComparisonVerdict,
    /// Why, where figures do not say it.
    pub reason: Option<String>,
    /// Whether the pipeline's settings differ.
    pub has_other_settings: bool,
    /// The settings that differ, as far as both sides keep them.
    pub settings: Vec<Changed>,
    /// The keys of the world that differ, as far as both sides keep them.
    pub world: Vec<Changed>,
    /// Whether world and weather are the same, so that both sides met the same luck.
    pub is_same_luck: bool,
    /// Whether logs differ of which the reports say that they are the same.
    pub has_edited_logs: bool,
    /// Its runs.
    pub runs: Vec<ComparedRun>,
}

impl Compared {
    /// What differs between the sides, the cause first: settings, then the world, then the program.
    pub fn cause(&self) -> String {
        let listed = |changed: &[Changed]| {
            changed.iter().map(Changed::to_string).collect::<Vec<_>>().join(", ")
        };
        match (self.settings.as_slice(), self.world.as_slice()) {
            ([], []) if self.has_other_settings => {
                "other settings, which the base does not keep".to_owned()
            }
            ([], []) if !self.is_same_luck => "another world".to_owned(),
            ([], []) => "settings and world are the same, so it is the program".to_owned(),
            (settings, []) => listed(settings),
            ([], world) => format!("the world: {}", listed(world)),
            (settings, world) => format!("{}; the world: {}", listed(settings), listed(world)),
        }
    }

    /// The key to look at first, with its run where only that has it.
    pub fn first_changed(&self) -> Option<(&'static str, &Changed)> {
        let setting = self.settings.first().map(|changed| ("pipeline", changed));
        setting.or_else(|| self.world.first().map(|changed| ("", changed)))
    }

    /// The figures that became worse, each with its run: failures first, then the largest change.
    pub fn regressions(&self) -> Vec<(&ComparedRun, &Moved)> {
        let all = self.runs.iter().flat_map(|run| run.moved.iter().map(move |moved| (run, moved)));
        let mut worse: Vec<_> =
            all.filter(|(_, moved)| moved.verdict == ComparisonVerdict::Regressed).collect();
        worse.sort_by_key(|(_, moved)| {
            let (base, new) = moved.sums;
            let change = new.abs_diff(base).saturating_mul(1_000_000);
            let relative = change.checked_div(base).unwrap_or(u128::MAX);
            (std::cmp::Reverse(moved.figure.metric.is_failure()), std::cmp::Reverse(relative))
        });
        worse
    }
}

/// A comparison of everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// How it was made.
    pub mode: Mode,
    /// By what rules.
    pub rules: Rules,
    /// The seeds that both sides have of every scenario, and how many pairs take.
    pub seeds: (usize, usize),
    /// The scenarios of either side.
    pub scenarios: Vec<Compared>,
}

impl Comparison {
    /// The worst of its verdicts.
    pub fn verdict(&self) -> ComparisonVerdict {
        let verdicts = self.scenarios.iter().map(|one| one.verdict);
        verdicts.max().unwrap_or(ComparisonVerdict::NoChange)
    }
}

/// Exact where there are too few seeds for pairs, otherwise paired.
pub fn mode(base: &Recordings, new: &Recordings, rules: Rules) -> Mode {
    let (common, wanted) = seeds(base, new, rules);
    if common < wanted { Mode::Exact } else { Mode::Paired }
}

/// The seeds that both have of every scenario, and how many it takes until one sign in all of them is
/// no chance, with Holm's correction: with fewer no change could ever be found.
pub fn seeds(base: &Recordings, new: &Recordings, rules: Rules) -> (usize, usize) {
    let pairs = || base.iter().filter_map(|(name, base)| Some((base, new.get(name)?)));
    let common = pairs().map(|(base, new)| both(base, new).len()).min().unwrap_or(0);
    let family = pairs().map(|(base, _)| base.run.len()).sum::<usize>() * Figure::TRACKED.len();
    let is_enough = |seeds: &usize| {
        let p = sign_test::two_sided(0, *seeds as u64) * float(family as u64);
        p * 1e6 <= float(rules.significance_ppm)
    };
    (common, (1..1_000).find(is_enough).unwrap_or(1_000))
}

/// Where both have a seed, with the place of it on either side.
fn both(base: &Recorded, new: &Recorded) -> Vec<(usize, usize)> {
    let place =
        |(at, seed): (usize, &u64)| Some((at, new.seeds.iter().position(|other| other == seed)?));
    base.seeds.iter().enumerate().filter_map(place).collect()
}

/// Compares everything.
pub fn compare(base: &Recordings, new: &Recordings, mode: Mode, rules: Rules) -> Comparison {
    let names: std::collections::BTreeSet<&String> = base.keys().chain(new.keys()).collect();
    let mut scenarios: Vec<Compared> = names
        .into_iter()
        .map(|name| match (base.get(name), new.get(name)) {
            (Some(base), Some(new)) if mode == Mode::Exact && base.weather != new.weather => {
                let reason = "another weather: with so few seeds luck cannot be told from a change";
                incomparable(name, (base, new), reason.to_owned())
            }
            (Some(base), Some(new)) => scenario(name, (base, new), rules),
            (Some(_), None) => without_runs(
                name,
                ComparisonVerdict::Missing,
                "the new side does not have it".to_owned(),
            ),
            _ => without_runs(name, ComparisonVerdict::New, "the base does not have it".to_owned()),
        })
        .collect();
    correct(&mut scenarios);
    for one in &mut scenarios {
        judge(one, mode, rules);
    }
    Comparison { mode, rules, seeds: seeds(base, new, rules), scenarios }
}

fn without_runs(name: &str, verdict: ComparisonVerdict, reason: String) -> Compared {
    let name = name.to_owned();
    Compared {
        name,
        verdict,
        reason: Some(reason),
        has_other_settings: false,
        settings: Vec::new(),
        world: Vec::new(),
        is_same_luck: false,
        has_edited_logs: false,
        runs: Vec::new(),
    }
}

/// Nothing can be compared; what differs is named all the same.
fn incomparable(name: &str, (base, new): (&Recorded, &Recorded), reason: String) -> Compared {
    let is_kept = !base.world.is_empty() && !new.world.is_empty();
    Compared {
        has_other_settings: base.config_digest != new.config_digest,
        settings: crate::study::compare::recorded::changed_settings(base, new),
        world: if is_kept { super::settings::changed(&base.world, &new.world) } else { Vec::new() },
        ..without_runs(name, ComparisonVerdict::Incomparable, reason)
    }
}

fn scenario(name: &str, (base, new): (&Recorded, &Recorded), rules: Rules) -> Compared {
    let refused = |reason: String| incomparable(name, (base, new), reason);
    if base.world_digest != new.world_digest {
        let reason = "the worlds differ, and so would the figures of one and the same pipeline";
        return refused(reason.to_owned());
    }
    let places = both(base, new);
    if places.is_empty() {
        return refused("the two sides have no seed in common".to_owned());
    }
    let lost = base.run.keys().find(|name| !new.run.contains_key(*name));
    if let Some(lost) = lost {
        return refused(format!("the new side does not have the run `{lost}`"));
    }
    let seeds: Vec<u64> = places.iter().map(|(at, _)| base.seeds[*at]).collect();
    let alone = (base.seeds.len() + new.seeds.len()).saturating_sub(2 * places.len());
    let mut reasons = Vec::new();
    let is_same_weather = base.weather == new.weather;
    if !is_same_weather {
        reasons.push("another weather: what differs may be its luck".to_owned());
    }
    if alone > 0 {
        reasons.push(format!("{alone} seeds are on one side only"));
    }
    let pairs = base.run.iter().filter_map(|(name, base)| Some((name, base, new.run.get(name)?)));
    let run = |(name, base, new): (&String, &RecordedRun, &RecordedRun)| ComparedRun {
        drifts: if is_same_weather {
            super::drift::of((base, new), &places, rules)
        } else {
            Vec::new()
        },
        ..run(name, (base, new), &seeds, &places)
    };
    Compared {
        name: name.to_owned(),
        verdict: ComparisonVerdict::NoChange,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        has_other_settings: base.config_digest != new.config_digest,
        settings: crate::study::compare::recorded::changed_settings(base, new),
        world: Vec::new(),
        is_same_luck: is_same_weather,
        has_edited_logs: false,
        runs: pairs.map(run).collect(),
    }
}

fn run(
    name: &str,
    (base, new): (&RecordedRun, &RecordedRun),
    seeds: &[u64],
    places: &[(usize, usize)],
) -> ComparedRun {
    let differs = |(at, now): &(usize, usize)| {
        let (at, now) = (base.events_sha256.get(*at), new.events_sha256.get(*now));
        // A baseline keeps the first digits only.
        at.zip(now).is_none_or(|(at, now)| !now.starts_with(at.as_str()))
    };
    let differing = seeds.iter().zip(places).filter(|(_, places)| differs(places));
    let differing: Vec<u64> = differing.map(|(seed, _)| *seed).collect();
    let (mut moved, mut same, mut lacking) = (Vec::new(), 0, Vec::new());
    for figure in Figure::all() {
        let values = |of: &RecordedRun, place: usize| of.value(figure, place);
        let all: Vec<(Option<u64>, Option<u64>)> =
            places.iter().map(|(at, now)| (values(base, *at), values(new, *now))).collect();
        let (before, now): (Vec<u64>, Vec<u64>) =
            all.iter().filter_map(|(before, now)| before.zip(*now)).unzip();
        let had = all.iter().filter(|(before, _)| before.is_some()).count();
        let has = all.iter().filter(|(_, now)| now.is_some()).count();
        if had.max(has) > before.len() && figure.better().is_some() {
            lacking.push(Lacking { figure, base: had, new: has, both: before.len() });
        }
        let Some(paired) = Paired::of(&now, &before) else { continue };
        if paired.same == before.len() {
            same += 1;
            continue;
        }
        moved.push(Moved {
            figure,
            base_mean_milli: mean_milli(&before),
            new_mean_milli: mean_milli(&now),
            sums: (sum(&before), sum(&now)),
            paired,
            p: sign_test::two_sided(paired.less as u64, paired.more as u64),
            verdict: ComparisonVerdict::NoChange,
        });
    }
    let drifts = Vec::new();
    let (name, seeds) = (name.to_owned(), seeds.to_vec());
    ComparedRun { name, seeds, differing, moved, same, lacking, drifts }
}

/// Holm's correction over every watched figure of the comparison: those that did not move count as
/// well.
fn correct(scenarios: &mut [Compared]) {
    let runs = scenarios.iter().map(|one| one.runs.len()).sum::<usize>();
    let family = runs * Figure::TRACKED.len();
    let moved = scenarios.iter_mut().flat_map(|one| &mut one.runs).flat_map(|run| &mut run.moved);
    let mut watched: Vec<&mut Moved> =
        moved.filter(|moved| moved.figure.better().is_some()).collect();
    watched.sort_by(|a, b| a.p.total_cmp(&b.p));
    let mut least = 0.0_f64;
    for (rank, moved) in watched.into_iter().enumerate() {
        least = least.max(moved.p * float(family.saturating_sub(rank) as u64)).min(1.0);
        moved.p = least;
    }
}

fn judge(one: &mut Compared, mode: Mode, rules: Rules) {
    for moved in one.runs.iter_mut().flat_map(|run| &mut run.moved) {
        let (before, now) = (moved.base_mean_milli, moved.new_mean_milli);
        let is_large = rules.is_large(before, now, floor_milli(moved.figure.unit()));
        let Paired { low_milli: low, high_milli: high, less, more, .. } = moved.paired;
        let never_before = moved.figure.metric.is_failure() && moved.sums.0 == 0;
        if never_before && one.is_same_luck && moved.sums.1 > 0 {
            moved.verdict = ComparisonVerdict::Regressed;
            continue;
        }
        let agree = low > 0 && more > less || high < 0 && less > more;
        let is_sure = mode == Mode::Exact
            || agree && (never_before || moved.p * 1e6 <= float(rules.significance_ppm));
        let Some(better) = moved.figure.better().filter(|_| is_large && is_sure) else { continue };
        let is_less = moved.new_mean_milli < moved.base_mean_milli;
        let is_better = is_less == (better == Better::Smaller);
        moved.verdict =
            if is_better { ComparisonVerdict::Improved } else { ComparisonVerdict::Regressed };
    }
    if one.verdict != ComparisonVerdict::NoChange {
        return;
    }
    let worst = one.runs.iter().flat_map(|run| &run.moved).map(|moved| moved.verdict).max();
    let differs = one.runs.iter().any(|run| !run.differing.is_empty() || !run.moved.is_empty());
    one.verdict = match mode {
        Mode::Exact if differs => worst
            .filter(|worst| *worst == ComparisonVerdict::Regressed)
            .unwrap_or(ComparisonVerdict::Changed),
        Mode::Exact => ComparisonVerdict::NoChange,
        Mode::Paired => worst.unwrap_or(ComparisonVerdict::NoChange),
    };
}
