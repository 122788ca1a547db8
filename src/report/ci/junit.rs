//! JUnit XML in the form that Jenkins, GitLab and the GitHub actions for it read: one suite for
//! each scenario, one case for each target.

use std::fmt::Write;

use quick_xml::escape::escape;

use super::{Replay, failure, margin, name, seed, value};
use crate::sim::scenario::Scenario;
use crate::study::judge::{JudgedRun, JudgedScenario};
use crate::study::series::Series;
use crate::study::target::Judged;
use crate::units::float;

/// A suite with what is added up over all suites.
#[derive(Debug, Clone)]
pub struct Suite {
    tests: usize,
    failures: usize,
    time_ms: u64,
    text: String,
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
        let middle = series.and_then(|series| series.spread(at, "makespan"));
        // A case has no time of its own: all targets of a run share its time.
        time_ms += middle.map_or(run.figures.number("makespan"), |spread| spread.median);
        for target in &run.targets {
            case(&mut cases, scenario, run, target, replay);
        }
    }
    let tests = targets().count();
    let skipped = targets().filter(|target| !target.is_judged).count();
    let failures = targets().filter(|target| target.is_judged && !target.met).count();
    let mut text = format!(
        "  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{}\">\n    <properties>\n",
        xml(&scenario.name),
        seconds(time_ms)
    );
    let over = targets().find_map(|judged| judged.over);
    let seeds =
        over.map_or(scenario.world.seed.0.to_string(), |over| format!("{} seeds", over.seeds));
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
    Suite { tests, failures, time_ms, text }
}

fn case(
    out: &mut String,
    scenario: &Scenario,
    run: &JudgedRun,
    judged: &Judged,
    replay: Replay<'_>,
) {
    let _ = write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\"",
        xml(&name(run, judged)),
        xml(&scenario.name)
    );
    if !judged.is_judged {
        out.push_str(
            ">\n      <skipped message=\"nobody can see this from outside\"/>\n    </testcase>\n",
        );
    } else if judged.met {
        out.push_str("/>\n");
    } else {
        let details = format!(
            "limit: {}\nvalue: {}\nmargin: {}\nseed: {}\n{}",
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
    out.extend(suites.iter().map(|suite| suite.text.as_str()));
    out.push_str("</testsuites>\n");
    out
}
