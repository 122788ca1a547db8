//! JUnit XML in the form that Jenkins, GitLab and the GitHub actions for it read: one suite for
//! each scenario, one case for each target.

use std::fmt::Write;

use quick_xml::escape::escape;

use super::closing::{failure, margin, name, seed, value};
use super::{Closing, Replay};
use crate::report::compare;
use crate::report::run::realtime_check;
use crate::report::run::text::NO_TARGETS;
use crate::sim::scenario::Scenario;
use crate::study::compare::{Compared, ComparisonVerdict};
use crate::study::experiment::realtime_check::{RealTime, RealTimeVerdict};
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge::{JudgedRun, JudgedScenario};
use crate::study::verdict::outcome::Outcome;
use crate::study::verdict::seeds::Series;
use crate::study::verdict::target::JudgedTarget;
use crate::units::float;

/// A suite with what is added up over all suites.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    tests: usize,
    failures: usize,
    time_ms: u64,
    text: String,
    /// Whether it stands before the suites of the scenarios, because it stops the gate.
    is_first: bool,
}

/// A text as an attribute or as content. XML has no place for most control characters.
fn xml(text: &str) -> String {
    let legal =
        |c: &char| *c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || "\t\n\r".contains(*c);
    escape(text.chars().filter(legal).collect::<String>()).into_owned()
}

/// Milliseconds as seconds.
fn seconds(ms: u64) -> String {
    format!("{:.3}", float(ms) / 1000.0)
}

/// The suite of a scenario.
pub fn suite(
    scenario: &Scenario,
    judged: &JudgedScenario,
    series: Option<&Series>,
    replay: Replay<'_>,
) -> Suite {
    let mut cases = String::new();
    let targets = || judged.runs.iter().flat_map(|run| &run.targets);
    let mut time_ms = 0;
    for (at, run) in judged.runs.iter().enumerate() {
        // Of many seeds the one in the middle.
        let middle = series.and_then(|series| series.spread(at, Metric::Makespan));
        // A case has no time of its own: all targets of a run share its time.
        time_ms += middle.map_or(run.figures.number(Metric::Makespan), |spread| spread.median);
        for target in &run.targets {
            case(&mut cases, scenario, run, target, replay);
        }
    }
    let mut tests = targets().count();
    let mut skipped = targets().filter(|target| !target.is_judged).count();
    let failures = targets().filter(|target| target.is_judged && !target.met).count();
    if tests == 0 {
        (tests, skipped) = (1, 1);
        let message = format!("NOT JUDGED: {NO_TARGETS}");
        skipped_case(&mut cases, ("targets", &scenario.name), &message);
    }
    let mut text = heading(&scenario.name, Counts { tests, failures, skipped }, time_ms);
    text.push_str("    <properties>\n");
    let seeds = series.map_or(scenario.world.seed.0.to_string(), |series| {
        format!("{} seeds", series.played.len())
    });
    let properties = [
        ("question", scenario.question.as_str()),
        ("seed", &seeds),
        ("world_digest", &scenario.world_digest),
        ("config_digest", &scenario.config_digest),
        ("time", "virtual"),
    ];
    for (name, value) in properties {
        let _ = writeln!(text, "      <property name=\"{name}\" value=\"{}\"/>", xml(value));
    }
    let _ = write!(text, "    </properties>\n{cases}  </testsuite>\n");
    Suite { tests, failures, time_ms, text, is_first: false }
}

/// The cases of a suite.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    skipped: usize,
}

fn heading(name: &str, counts: Counts, time_ms: u64) -> String {
    let Counts { tests, failures, skipped } = counts;
    format!(
        "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{}\">\n",
        xml(name),
        seconds(time_ms)
    )
}

/// The suites of what came of a scenario besides its targets: what it was compared with, whether it
/// repeats itself, and what was not played.
pub fn closing(scenario: &Scenario, closing: &Closing<'_>) -> Vec<Suite> {
    let mut suites = Vec::new();
    if let Some(compared) = closing.compared {
        suites.push(comparison(compared, closing.base));
    }
    if let Some(why) = closing.uncompared {
        let name = format!("{} compared", scenario.name);
        suites.push(skipped(&name, "against the baseline", &format!("NOT COMPARED: {why}")));
    }
    if !closing.diverged.is_empty() {
        let name = format!("{} repeats itself", scenario.name);
        let cases = closing.diverged.iter().map(|diverged| {
            let first = diverged.lines().next().unwrap_or_default();
            (first.to_owned(), diverged.clone())
        });
        suites.push(failing(&name, "determinism", cases.collect()));
    }
    suites.extend(closing.real_time.map(|real_time| in_real_time(scenario, real_time)));
    if let Some(why) = closing.unplayed.filter(|_| closing.outcome == Outcome::Failed) {
        suites.push(failing(
            &scenario.name,
            "error",
            vec![("played to its end".to_owned(), why.to_owned())],
        ));
    } else if let Some(why) = closing.unplayed {
        let name = format!("{} {}", scenario.name, closing.outcome.words().to_lowercase());
        let message = format!("{}: {why}", closing.outcome.words());
        suites.push(skipped(&name, "not played", &message));
    }
    suites
}

/// The suite of real time: a case for each run, which is skipped where the host was late.
fn in_real_time(scenario: &Scenario, real_time: &RealTime) -> Suite {
    let name = format!("{} in real time", scenario.name);
    let (mut cases, mut failures, mut skipped) = (String::new(), 0, 0);
    for (run, verdict, said) in realtime_check::said(real_time) {
        let case = format!("{run}: as predicted");
        match verdict {
            RealTimeVerdict::Agrees => passed_case(&mut cases, (&case, &name)),
            RealTimeVerdict::HostLate => {
                skipped += 1;
                skipped_case(&mut cases, (&case, &name), &format!("HOST LATE: {said}"));
            }
            RealTimeVerdict::Differs => {
                failures += 1;
                failed_case(&mut cases, (&case, &name), "real-time", &said);
            }
        }
    }
    let tests = real_time.runs.len();
    let mut text = heading(&name, Counts { tests, failures, skipped }, 0);
    text.push_str(&cases);
    text.push_str("  </testsuite>\n");
    Suite { tests, failures, text, is_first: failures > 0, ..Suite::default() }
}

/// The suite of a comparison: a failing case for each figure that became worse, the cause first.
pub fn comparison(compared: &Compared, base: &str) -> Suite {
    let name = format!("{} compared with {base}", compared.name);
    let verdict = compared.verdict.name();
    if compared.verdict == ComparisonVerdict::New {
        let why = compared.reason.as_deref().unwrap_or("the base does not have it");
        return skipped(&name, verdict, &format!("NOT COMPARED: {why}"));
    }
    if !compared.verdict.is_failure() {
        let mut text = heading(&name, Counts { tests: 1, ..Counts::default() }, 0);
        passed_case(&mut text, (verdict, &name));
        text.push_str("  </testsuite>\n");
        return Suite { tests: 1, text, ..Suite::default() };
    }
    let cause = compared.cause();
    let worse = compared.regressions();
    let mut cases: Vec<(String, String)> = worse
        .iter()
        .map(|(run, moved)| {
            let figure = compare::moved_in_words(moved);
            (format!("{}: {}", run.name, moved.figure), format!("{cause}: {figure}"))
        })
        .collect();
    if cases.is_empty() {
        cases.push((verdict.to_owned(), compare::headline_of(compared, usize::MAX)));
    }
    let kind = match compared.verdict {
        ComparisonVerdict::Regressed => "regression",
        other => other.name(),
    };
    failing(&name, kind, cases)
}

/// A suite of one case that says why it has no result.
fn skipped(name: &str, case: &str, message: &str) -> Suite {
    let mut text = heading(name, Counts { tests: 1, failures: 0, skipped: 1 }, 0);
    skipped_case(&mut text, (case, name), message);
    text.push_str("  </testsuite>\n");
    Suite { tests: 1, text, ..Suite::default() }
}

/// A suite of failing cases, each with its name and its message.
fn failing(name: &str, kind: &str, cases: Vec<(String, String)>) -> Suite {
    let count = cases.len();
    let mut text = heading(name, Counts { tests: count, failures: count, skipped: 0 }, 0);
    for (case, message) in cases {
        failed_case(&mut text, (&case, name), kind, &message);
    }
    text.push_str("  </testsuite>\n");
    Suite { tests: count, failures: count, text, is_first: true, ..Suite::default() }
}

fn passed_case(out: &mut String, (name, class): (&str, &str)) {
    let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{}\"/>", xml(name), xml(class));
}

fn failed_case(out: &mut String, (name, class): (&str, &str), kind: &str, message: &str) {
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\">\n      <failure message=\"{}\" type=\"{kind}\">{}</failure>\n    </testcase>\n",
        xml(name),
        xml(class),
        xml(message.lines().next().unwrap_or_default()),
        xml(message)
    );
}

fn skipped_case(out: &mut String, (name, class): (&str, &str), message: &str) {
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
        xml(name),
        xml(class),
        xml(message)
    );
}

fn case(
    out: &mut String,
    scenario: &Scenario,
    run: &JudgedRun,
    judged: &JudgedTarget,
    replay: Replay<'_>,
) {
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\"",
        xml(&name(run, judged)),
        xml(&scenario.name)
    );
    if !judged.is_judged {
        let _ = write!(
            out,
            ">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
            xml(&margin(judged))
        );
    } else if judged.met {
        out.push_str("/>\n");
    } else {
        let details = format!(
            "limit: {}\nvalue: {}\n{}\nseed: {}\n{}",
            judged.target.text,
            value(judged),
            margin(judged),
            seed(scenario, judged),
            replay(seed(scenario, judged))
        );
        let _ = write!(
            out,
            ">\n      <failure message=\"{}\" type=\"target\">{}</failure>\n    </testcase>\n",
            xml(&failure(run, judged)),
            xml(&details)
        );
    }
}

/// The whole document.
pub fn document(suites: &[Suite]) -> String {
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let time_ms = suites.iter().map(|suite| suite.time_ms).sum();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tagspace\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{}\">\n",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        seconds(time_ms)
    );
    let (first, others): (Vec<&Suite>, Vec<&Suite>) =
        suites.iter().partition(|suite| suite.is_first);
    out.extend(first.into_iter().chain(others).map(|suite| suite.text.as_str()));
    out.push_str("</testsuites>\n");
    out
}
