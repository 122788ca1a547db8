//! What came of the scenarios: collected as they are played, told in the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::replay::{portable, replay};
use super::trials::{Done, Entry, Results};
use crate::cli::ExitStatus;
use crate::cli::args::{ClockArg, Format, RunArgs};
use crate::cli::baseline::{Baseline, Compared};
use crate::cli::commands::run::realtime;
use crate::cli::document::Part;
use crate::cli::documents::Documents;
use crate::cli::error::CliError;
use crate::cli::terminal::{colour, note, print};
use crate::pipeline::event::RunEnd;
use crate::report::ci::{Closing, Replay};
use crate::report::colour::Colour;
use crate::report::folder::Folder;
use crate::report::page::RunPage;
use crate::report::run::text::Detail;
use crate::report::run::{json, realtime_check, text};
use crate::report::{format, seeds as series_report};
use crate::sim::scenario::Scenario;
use crate::sim::{Options, SimError};
use crate::study::compare::Recordings;
use crate::study::compare::recorded::Recorded;
use crate::study::experiment::determinism::Divergence;
use crate::study::experiment::realtime_check::{RealTime, RealTimeVerdict};
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{JudgeError, JudgedScenario, Verdict};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;

/// What came of one scenario, until all is told.
struct Reported<'a> {
    entry: &'a Entry<'a>,
    verdict: Verdict,
    diverged: Vec<String>,
    /// Why it was not played, or not whole, with what that makes of it.
    unplayed: Option<(Outcome, String)>,
    /// How its repetitions in real time compare.
    real_time: Option<RealTime>,
    /// Its report, and the folder that waits for it.
    report: Option<(serde_json::Value, Folder)>,
    /// Its page, as far as its targets tell what came of it.
    page: Option<RunPage>,
}

/// What is shown of a scenario: a series of seeds, of a single run with all of it.
struct Shown {
    series: Series,
    /// Of a single run all of it, and how long it really took.
    single: Option<(JudgedScenario, Duration)>,
    /// The seeds that do not repeat themselves.
    divergences: Vec<(u64, Divergence)>,
}

impl Shown {
    /// Nothing where no seed was played.
    fn of(entry: &Entry<'_>, done: Vec<Done>) -> Option<Self> {
        let (mut played, mut single, mut divergences) = (Vec::new(), None, Vec::new());
        for Done { played: one, judged, divergence, real } in done {
            divergences.extend(divergence.map(|divergence| (one.seed, divergence)));
            single = judged.map(|judged| (judged, real));
            played.push(one);
        }
        let is_played = |seed: &&u64| played.iter().any(|one| one.seed == **seed);
        let not_played = entry.seeds.iter().filter(|seed| !is_played(seed)).copied().collect();
        let series = Series { not_played, ..Series::of(played)? };
        Some(Self { series, single, divergences })
    }
}

/// What came of all scenarios.
pub(super) struct Verdicts<'a> {
    args: &'a RunArgs,
    is_alone: bool,
    /// Whether figures are kept and reports wait for a comparison: with a baseline, or real time.
    is_compared: bool,
    told: Vec<Reported<'a>>,
    recordings: Recordings,
    /// For `--clock real`.
    predicted: Vec<(&'a Entry<'a>, JudgedScenario)>,
    /// The first error that belongs to no scenario.
    error: Option<CliError>,
}

impl<'a> Verdicts<'a> {
    pub(super) fn new(args: &'a RunArgs, scenarios: usize, is_compared: bool) -> Self {
        Self {
            args,
            is_alone: scenarios == 1,
            is_compared,
            told: Vec::new(),
            recordings: Recordings::new(),
            predicted: Vec::new(),
            error: None,
        }
    }

    /// Whether a target is missed, or a scenario could not be played.
    pub(super) fn has_failed(&self) -> bool {
        self.told.iter().any(|told| {
            let is_broken = |(outcome, _): &(Outcome, String)| *outcome == Outcome::Failed;
            told.verdict == Verdict::Missed || told.unplayed.as_ref().is_some_and(is_broken)
        })
    }

    /// Takes what came of a scenario, shows it and writes its folder.
    pub(super) fn take(
        &mut self,
        entry: &'a Entry<'a>,
        results: Results,
        documents: &mut Documents<'_>,
    ) {
        let mut failed = None;
        let mut done = Vec::new();
        for result in results {
            match result {
                Ok(one) => done.push(one),
                Err(
                    CliError::Judge(JudgeError::Sim(SimError::Interrupted))
                    | CliError::Sim(SimError::Interrupted),
                ) => {}
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        let ended_early = self.has_failed() && self.args.fail_fast;
        let is_whole = done.len() == entry.seeds.len();
        let shown = match (failed, Shown::of(entry, done)) {
            (Some(error), _) => {
                let said = error.to_string();
                note(&said);
                let why = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
                Err((Outcome::Failed, why))
            }
            (None, Some(shown)) if is_whole || !ended_early => Ok(shown),
            _ if ended_early => {
                let why = "not played: --fail-fast ended the run before";
                Err((Outcome::Skipped, why.to_owned()))
            }
            _ => {
                let why = "not played: the run was interrupted before";
                Err((Outcome::Skipped, why.to_owned()))
            }
        };
        let told = match shown {
            Ok(shown) => self.show(entry, shown, documents),
            Err((outcome, why)) => {
                drop(entry.take_folder());
                documents.add_unplayed(entry.scenario(), outcome, &why);
                let (verdict, diverged) = (Verdict::NotJudged, Vec::new());
                let unplayed = Some((outcome, why));
                Ok(Reported {
                    entry,
                    verdict,
                    diverged,
                    unplayed,
                    real_time: None,
                    report: None,
                    page: None,
                })
            }
        };
        match told {
            Ok(told) => self.told.push(told),
            // It is told in the end.
            Err(error) => drop(self.error.get_or_insert(error)),
        }
    }

    fn show(
        &mut self,
        entry: &'a Entry<'a>,
        shown: Shown,
        documents: &mut Documents<'_>,
    ) -> Result<Reported<'a>, CliError> {
        let Shown { series, single, divergences } = shown;
        let scenario = entry.scenario();
        let replays = |seed| replay(self.args, scenario, seed);
        let worst = || series.worst().or(entry.seeds.first().copied()).unwrap_or_default();
        let seed = if single.is_some() { scenario.world.seed.0 } else { worst() };
        let repeat = replays(seed);
        let detail = if self.is_alone { Detail::Full } else { Detail::Brief };
        let text = |colour| match &single {
            Some((judged, _)) => text::scenario(scenario, judged, &repeat, detail, colour),
            None => series_report::text(scenario, &series, &repeat, colour),
        };
        let (coloured, plain) = (text(colour(self.args.color)), text(Colour::Off));
        let judged = single.as_ref().map_or(&series.judged, |(judged, _)| judged);
        let replay: Replay<'_> = &replays;
        let many = single.is_none().then_some(&series);
        documents.add(&Part { scenario, judged, text: &plain, replay, series: many }, &coloured)?;
        if let Some((judged, real)) = single.as_ref().filter(|_| !self.args.quiet) {
            speed(scenario, judged, *real);
        }
        let of_seed = |(seed, one): &(u64, Divergence)| diverged(scenario, one, &replays(*seed));
        let diverged: Vec<String> = divergences.iter().map(of_seed).collect();
        for one in &diverged {
            note(one);
        }
        let verdict = judged.verdict();
        let command = portable(self.args, scenario, seed);
        let mut report = match &single {
            Some((judged, _)) => json::report(scenario, judged),
            None => json::series(scenario, &series),
        };
        json::add_origin(&mut report, scenario, &command);
        let (wanted, played) = (entry.seeds.len(), series.played.len());
        let unplayed = (played < wanted)
            .then(|| (Outcome::Interrupted, format!("{played} of {wanted} seeds were played")));
        let outcome = match &unplayed {
            Some((outcome, _)) => *outcome,
            None => Outcome::of(verdict, None, !diverged.is_empty()),
        };
        let why = unplayed.as_ref().map(|(_, why)| why.as_str());
        let closing = Closing { unplayed: why, ..Closing::alone(outcome, &diverged) };
        json::close(&mut report, &closing);
        let page = RunPage::of(scenario, judged, many, &command);
        if let Some(folder) = entry.folder_to_write() {
            if single.is_none() {
                folder.summary(scenario, &series)?;
            }
            folder.page(&page.html(outcome, &closing.reasons()))?;
        }
        let report = self.keep(entry, report, unplayed.is_some())?;
        if self.is_compared && unplayed.is_none() {
            let recorded = Recorded::of_played(scenario, &series.played);
            self.recordings.insert(scenario.name.clone(), recorded);
        }
        if let Some((judged, _)) = single.filter(|_| self.args.clock == ClockArg::Real) {
            self.predicted.push((entry, judged));
        }
        Ok(Reported {
            entry,
            verdict,
            diverged,
            unplayed,
            real_time: None,
            report,
            page: Some(page),
        })
    }

    /// Writes a report into its folder and puts that in its place; where a comparison is to come, the
    /// report waits for it.
    fn keep(
        &self,
        entry: &Entry<'_>,
        report: serde_json::Value,
        is_partial: bool,
    ) -> Result<Option<(serde_json::Value, Folder)>, CliError> {
        let Some(folder) = entry.take_folder() else { return Ok(None) };
        if self.is_compared && !is_partial {
            return Ok(Some((report, folder)));
        }
        put_in_place(entry.scenario(), folder, &report)?;
        Ok(None)
    }

    /// Plays every scenario in real time and compares. One after the other: in real time they would
    /// wait for each other's work.
    pub(super) fn play_in_real_time(&mut self, options: &Options) -> Result<(), CliError> {
        let mut predicted = std::mem::take(&mut self.predicted).into_iter();
        while let Some((entry, predicted_now)) = predicted.next() {
            let mut told = self.told.iter_mut().find(|told| std::ptr::eq(told.entry, entry));
            let report = told.as_ref().and_then(|told| told.report.as_ref());
            let folder = report.map(|(_, folder)| folder);
            let played =
                realtime::compare(self.args, entry.loaded, &predicted_now, folder, options);
            let real_time = match played {
                Ok(real_time) => real_time,
                Err(error) => {
                    let left = predicted.map(|(left, _)| left).chain([entry]);
                    let left: Vec<&Entry<'_>> = left.collect();
                    self.leave(&left);
                    return Err(error);
                }
            };
            let name = &entry.scenario().name;
            let late = |(_, verdict, _): &(&str, RealTimeVerdict, String)| {
                *verdict == RealTimeVerdict::HostLate
            };
            for (_, _, said) in realtime_check::said(&real_time).filter(late) {
                note(&format!("{name}: {said}; try again when it has less to do"));
            }
            if let Some(told) = told.as_mut() {
                told.real_time = Some(real_time);
            }
        }
        Ok(())
    }

    /// Marks scenarios whose real time was interrupted.
    fn leave(&mut self, left: &[&Entry<'_>]) {
        for told in &mut self.told {
            if left.iter().any(|entry| std::ptr::eq(*entry, told.entry)) {
                let why = "interrupted in real time".to_owned();
                told.unplayed.get_or_insert((Outcome::Interrupted, why));
            }
        }
    }

    /// Compares, completes every document and gives the verdict on all.
    pub(super) fn finish(
        mut self,
        mut documents: Documents<'_>,
        baseline: &Baseline,
        is_interrupted: bool,
    ) -> Result<ExitStatus, CliError> {
        // What was played before an interrupt is no base for a judgement.
        let compared = if is_interrupted { None } else { baseline.compare(&self.recordings)? };
        if is_interrupted && baseline.is_wanted() {
            note(
                "nothing is compared with the baseline, and none is saved: the run was interrupted",
            );
        }
        let (mut outcomes, mut met, mut not_judged) = (Vec::new(), 0, Vec::new());
        for told in &mut self.told {
            let scenario = told.entry.scenario();
            let own = compared.as_ref().and_then(|compared| compared.of(&scenario.name));
            // What is blessed is accepted, so that it stops nothing.
            let own = own.filter(|_| !self.args.bless);
            let outcome = if let Some((outcome, _)) = &told.unplayed {
                *outcome
            } else {
                let compared = own.map(|own| own.verdict);
                let differs = told.real_time.as_ref().is_some_and(RealTime::differs);
                Outcome::of(told.verdict, compared, differs || !told.diverged.is_empty())
            };
            let closing = Closing {
                outcome,
                compared: own,
                base: compared.as_ref().map_or("", |compared| &compared.base),
                diverged: &told.diverged,
                unplayed: told.unplayed.as_ref().map(|(_, why)| why.as_str()),
                uncompared: baseline.absent.as_deref(),
                real_time: told.real_time.as_ref(),
            };
            documents.close(scenario, &closing);
            let is_met = told.verdict == Verdict::Met && told.unplayed.is_none();
            let is_not_judged = told.verdict == Verdict::NotJudged && told.unplayed.is_none();
            outcomes.push((scenario.name.as_str(), outcome));
            if is_met {
                met += 1;
            }
            if is_not_judged && outcome != Outcome::NotJudged {
                not_judged.push(scenario.name.as_str());
            }
            if let Some((mut report, folder)) = told.report.take() {
                json::close(&mut report, &closing);
                if let Some(page) = &told.page {
                    folder.page(&page.html(outcome, &closing.reasons()))?;
                }
                put_in_place(scenario, folder, &report)?;
            }
        }
        let written = documents.finish();
        let said = LastLines { outcomes: &outcomes, met, not_judged: &not_judged };
        self.say(&said, compared.as_ref(), is_interrupted);
        written?;
        if let Some(error) = self.error {
            return Err(error);
        }
        if is_interrupted {
            return Ok(ExitStatus::Interrupted);
        }
        baseline.save(&self.recordings)?;
        let worst = outcomes.iter().map(|(_, outcome)| *outcome).max().unwrap_or(Outcome::Met);
        let worse = compared.as_ref().is_some_and(Compared::is_failure) && !self.args.bless;
        Ok(match worst {
            Outcome::Interrupted => ExitStatus::Interrupted,
            Outcome::Failed => ExitStatus::Internal,
            Outcome::Missed => ExitStatus::Missed,
            Outcome::Differs => ExitStatus::Differs,
            _ if worse => ExitStatus::Regressed,
            _ => ExitStatus::Met,
        })
    }

    /// The last lines: what was compared, and how many met their targets.
    fn say(&self, said: &LastLines<'_>, compared: Option<&Compared>, is_interrupted: bool) {
        let is_text = !self.args.quiet && self.args.format == Format::Text;
        if is_text {
            print(&closing(said, self.args, is_interrupted));
        }
        if !is_text {
            self.told.iter().flat_map(|told| &told.diverged).for_each(|line| note(line));
            for told in &self.told {
                let differing = told.real_time.iter().flat_map(realtime_check::said);
                let differing =
                    differing.filter(|(_, verdict, _)| *verdict == RealTimeVerdict::Differs);
                let name = &told.entry.scenario().name;
                differing.for_each(|(_, _, said)| note(&format!("DIFFERS  {name}: {said}")));
            }
        }
        let Some(compared) = compared else { return };
        if is_text {
            print(&format!("\n# Compared with the baseline\n\n{}\n", compared.text()));
        } else {
            compared.headlines().for_each(|line| note(&line));
        }
    }
}

/// Puts a scenario's folder in its place.
fn put_in_place(
    scenario: &Scenario,
    folder: Folder,
    report: &serde_json::Value,
) -> Result<(), CliError> {
    for failed in folder.finish(report)? {
        note(&format!("warning: {}: {failed}", scenario.name));
    }
    Ok(())
}

/// What the last line tells of.
struct LastLines<'a> {
    outcomes: &'a [(&'a str, Outcome)],
    /// How many scenarios met all their targets, whatever else was found.
    met: usize,
    /// Scenarios without targets of which something else was found.
    not_judged: &'a [&'a str],
}

/// The last line: how many scenarios met their targets, and which did not.
fn closing(said: &LastLines<'_>, args: &RunArgs, is_interrupted: bool) -> String {
    let LastLines { outcomes, met, not_judged } = said;
    let mut by_outcome: BTreeMap<Outcome, Vec<&str>> = BTreeMap::new();
    for (name, outcome) in *outcomes {
        by_outcome.entry(*outcome).or_default().push(name);
    }
    by_outcome.entry(Outcome::NotJudged).or_default().extend(*not_judged);
    by_outcome.retain(|_, names| !names.is_empty());
    let mut text = format!("{met} of {} scenarios met their targets", outcomes.len());
    let listed = [
        (Outcome::Missed, "missed"),
        (Outcome::Failed, "could not be played"),
        (Outcome::Differs, "differ between two runs, or from real time"),
        (Outcome::Regressed, "regressed"),
        (Outcome::Changed, "changed"),
        (Outcome::Incomparable, "incomparable"),
        (Outcome::NotJudged, "NOT JUDGED, because they have no targets"),
        (Outcome::Interrupted, "played in part"),
        (Outcome::Skipped, "not played"),
    ];
    for (outcome, said) in listed {
        if let Some(names) = by_outcome.get(&outcome) {
            let _ = write!(text, "; {said}: {}", names.join(", "));
        }
    }
    if args.check_determinism {
        text.push_str("; each was played twice");
    }
    if is_interrupted {
        text.push_str("; INTERRUPTED");
    }
    format!("{text}; reports in {}\n", args.out.display())
}

/// The first event in which a run differs from itself.
pub(super) fn diverged(scenario: &Scenario, divergence: &Divergence, replay: &str) -> String {
    let Divergence { run, event, first, second } = divergence;
    let end = "the end of the log";
    format!(
        "DIFFERS  {}: run `{run}` differs from itself at event {event}\n  first:  {}\n  second: {}\n  \
         {replay} --check-determinism",
        scenario.name,
        first.as_deref().unwrap_or(end),
        second.as_deref().unwrap_or(end),
    )
}

/// How fast the simulation was, for the terminal only.
fn speed(scenario: &Scenario, judged: &JudgedScenario, real: Duration) {
    let makespan = judged.runs.iter().map(|run| run.figures.number(Metric::Makespan));
    let virtual_ms = makespan.fold(0, u64::saturating_add);
    let real_ms = u64::try_from(real.as_millis()).unwrap_or(u64::MAX);
    let times = virtual_ms / real_ms.max(1);
    note(&format!(
        "{}: simulated {} in {} ({} times real time)",
        scenario.name,
        format::millis(virtual_ms),
        format::millis(real_ms),
        format::count(times)
    ));
    for run in judged.runs.iter().filter(|run| run.end == RunEnd::Failed) {
        note(&format!(
            "{}: run `{}` could not be carried through; its log says why",
            scenario.name, run.name
        ));
    }
}
