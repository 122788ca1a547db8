//! The guide: what it shows is what the program does, and its tables are made from the reports.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use tagspace::Metric;

use strum::IntoEnumIterator;
use tagspace::guide::{TOPICS, Topic};
use tagspace::internals::report::format;
use tagspace::internals::report::run::realtime_check as table;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::diagnosis::anomaly::AnomalyKind;
use tagspace::internals::study::experiment::realtime_check::RealTimeCheck;
use tagspace::internals::study::verdict::judge::JudgedScenario;

use crate::cli::{stdout, tagspace};
use crate::common::judged;
use crate::readme::blocks_of;

fn page(name: &str) -> &'static str {
    Topic::find(name).unwrap().text
}

/// A table of a page, from its heading to the next empty line. `UPDATE_GOLDEN=1` writes it anew.
fn has_table(name: &str, heading: &str, rows: &[String]) {
    let path = format!("src/guide/{name}.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(heading).unwrap_or_else(|| panic!("{path} lacks `{heading}`"));
    let end = text[begin..].find("\n\n").map_or(text.len(), |end| begin + end + 1);
    let columns = heading.matches('|').count() - 1;
    let rule = format!("|{}", "---|".repeat(columns));
    let wanted = format!("{heading}\n{rule}\n{}\n", rows.join("\n"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{}{wanted}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[begin..end], wanted, "{path}: UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn every_topic_is_shown_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let contents = stdout(&tagspace(folder.path(), &["guide"]));
    for topic in TOPICS {
        let shown = stdout(&tagspace(folder.path(), &["guide", topic.name]));
        assert_eq!(shown, topic.text);
        assert!(contents.contains(topic.name) && contents.contains(topic.title()), "{contents}");
    }
    let unknown = tagspace(folder.path(), &["guide", "scenario"]);
    assert_eq!(unknown.status.code(), Some(2));
    let files = fs::read_dir("src/guide").unwrap();
    let pages = files.filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "md")
    });
    assert_eq!(pages.count(), TOPICS.len(), "a page that no topic names");
}

#[test]
fn its_scenario_is_valid_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("measured.csv"), "ms\n700\n900\n1500\n").unwrap();
    let [text] = blocks_of(page("scenarios"), "toml").try_into().unwrap();
    let [asked] = blocks_of(page("tune"), "toml").try_into().unwrap();
    // What it says of `[tune]` may stand in any scenario.
    let text = format!("{text}\n{asked}");
    let scenario = Scenario::parse("guide", "guide.toml", &text, folder.path())
        .unwrap_or_else(|problem| panic!("{problem}"));
    let table = tagspace::internals::study::tune::scenario_table::read(&scenario).unwrap();
    assert_eq!(table.axes.iter().map(|axis| axis.values.len()).collect::<Vec<_>>(), [4, 16]);
    let judged = judged(&scenario);
    assert_eq!(judged.runs[0].figures.number(Metric::Pages), 150);
}

#[test]
fn what_it_says_was_foretold_still_is() {
    let scenario = Scenario::read(Path::new("scenarios/hinted-quota.toml"), &[]).unwrap();
    let judged = judged(&scenario);
    let foretold = RealTimeCheck::of(0, &judged, std::slice::from_ref(&judged));
    let foretold = table::text("run", &foretold);
    let foretold = foretold.lines().filter(|line| !line.contains("woke late"));
    let [shown] = blocks_of(page("real-time"), "console").try_into().unwrap();
    let words = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|w| !w.is_empty())
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let shown: Vec<Vec<String>> = shown.lines().map(words).collect();
    for line in foretold.skip(1) {
        assert!(shown.contains(&words(line)), "not foretold any more: {line}");
    }
}

#[test]
fn its_verdicts_are_those_of_the_claims() {
    let report = fs::read_to_string("reports/claims/claims.json").unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let claims = report["claims"].as_array().unwrap().iter().chain([&report["ablation"]]);
    let row = |claim: &serde_json::Value| {
        let of = |key: &str| claim[key].as_str().unwrap().to_owned();
        format!("| {} | {} | {} |", of("id"), of("claim"), of("words"))
    };
    let mut rows: Vec<String> = claims.map(row).collect();
    let number = |row: &String| row.split(' ').nth(1).unwrap()[1..].parse::<u32>().unwrap();
    rows.sort_by_key(number);
    has_table("plan", "| claim | what it promises | verdict |", &rows);
}

/// What a run of a shipped scenario came to.
fn number(judged: &JudgedScenario, run: &str, metric: Metric) -> u64 {
    let run = judged.runs.iter().find(|one| one.name == run).unwrap();
    run.figures.number(metric)
}

fn shipped(name: &str, settings: &[&str]) -> JudgedScenario {
    let set: Vec<String> = settings.iter().map(|one| (*one).to_owned()).collect();
    let path = format!("scenarios/{name}.toml");
    judged(&Scenario::read(Path::new(&path), &set).unwrap())
}

/// A number of times, with one decimal.
fn times(more: u64, less: u64) -> String {
    let tenths = (more * 10 + less / 2) / less;
    if tenths.is_multiple_of(10) {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

#[test]
fn what_the_scenarios_found_is_what_they_come_to() {
    let plan = shipped("before-after", &[]);
    let of = |run: &str, metric: Metric| number(&plan, run, metric);
    let (calls, fewer) = (of("before", Metric::AiCalls), of("documented", Metric::AiCalls));
    let (long, short) = (of("before", Metric::Makespan), of("documented", Metric::Makespan));
    let (cheap, dear) = (of("before", Metric::Cost), of("documented", Metric::Cost));
    assert_eq!(of("documented", Metric::RateLimited), 0);
    let free = shipped("free-tier", &[]);
    let asked: u64 = free.runs.iter().map(|run| run.figures.number(Metric::AiCalls)).sum();
    let refused: u64 = free.runs.iter().map(|run| run.figures.number(Metric::RateLimited)).sum();
    let second = shipped("second-run", &[]);
    let hits = number(&second, "second", Metric::CacheHits);
    let rows = [
        format!("| 20-50 times fewer AI calls | {} times: {calls} calls become {fewer} | `before-after` |", times(calls, fewer)),
        format!("| 5-10 times less time | {} times: {} become {} | `before-after` |", times(long, short), format::millis(long), format::millis(short)),
        format!("| 80-90 % fewer 429s | none left of {} on a quota of 30 calls a minute; on the free tier {refused} of {asked} calls are refused | `before-after`, `free-tier` |", of("before", Metric::RateLimited)),
        "| the limit adapts between 1 and 10 | once cut below 5 it never rises: 4 x 1.2, rounded down, is 4 | a test of the limiter |".to_owned(),
        format!("| 60-80 % cache hits on a second run | {hits} % with a fifth of the pages changed; none at all once the space is larger than the cache | `second-run`, `lru-5000` |"),
        format!("| (not promised) cost | it goes from {} to {}, because falling back was cheaper | `before-after` |", format::amount(cheap, tagspace::internals::study::measure::metric::Unit::UsdMicros), format::amount(dear, tagspace::internals::study::measure::metric::Unit::UsdMicros)),
    ];
    has_table("plan", "| promise of the plan | found | scenario |", &rows);
}

#[test]
fn what_the_rollback_costs_is_what_it_comes_to() {
    let conservative = shipped("conservative", &[]);
    let run = &conservative.runs[0];
    assert_eq!(
        (run.figures.number(Metric::RateLimited), run.figures.number(Metric::PagesFailed)),
        (0, 0)
    );
    let seconds = (run.figures.number(Metric::Makespan) + 500) / 1000;
    let free = shipped("free-tier", &["pipeline.profile=conservative"]);
    let refused: u64 = free.runs.iter().map(|run| run.figures.number(Metric::RateLimited)).sum();
    let text = page("rollout").replace('\n', " ");
    assert!(text.contains(&format!("({seconds} s instead of 13 s)")), "{seconds}");
    assert!(text.contains(&format!("counts {refused} 429s instead of 20")), "{refused}");
}

#[test]
fn what_works_better_is_what_the_profiles_come_to() {
    let row = |name: &str, judged: &JudgedScenario, run: &str| {
        let of = |metric: Metric| number(judged, run, metric);
        let (calls, refused) = (of(Metric::AiCalls), of(Metric::RateLimited));
        let (fallbacks, time) = (of(Metric::Fallbacks), format::millis(of(Metric::Makespan)));
        format!("| {name} | {calls} | {refused} | {fallbacks} | {time} |")
    };
    let profiles = shipped("free-tier-profiles", &[]);
    let fives = shipped("free-tier-profiles", &["pipeline.batch_size=5"]);
    let rows = [
        row("`before`", &profiles, "before"),
        row("`documented`", &profiles, "documented"),
        row("`recommended`", &profiles, "recommended"),
        row("`recommended`, with `batch_size = 5`", &fives, "recommended"),
    ];
    has_table("plan", "| profile | calls | 429s | fallbacks | time |", &rows);
}

#[test]
fn its_best_known_settings_are_those_of_the_report() {
    let report = fs::read_to_string("reports/best-known/best-known.json").unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let time = |row: &serde_json::Value| {
        let Some(us) = row["makespan_ms_milli"].as_u64() else { return "-".to_owned() };
        let mut shown = format::millis((us + 500) / 1000);
        if let Some(ppm @ 1..) = row["fallback_ratio_ppm_milli"].as_u64().map(|milli| milli / 1000)
        {
            let _ = write!(shown, ", {}.{} % fallback", ppm / 10_000, ppm % 10_000 / 1000);
        }
        if let Some(milli @ 1..) = row["pages_failed_milli"].as_u64() {
            let _ = write!(shown, ", {}.{} pages fail", milli / 1000, milli % 1000 / 100);
        }
        shown
    };
    let times = |value: &serde_json::Value| {
        let shown = |milli: u64| format!("{}.{:02}", milli / 1000, milli % 1000 / 10);
        value.as_u64().map_or("-".to_owned(), shown)
    };
    let line = |one: &serde_json::Value| {
        let rows = one["rows"].as_array().unwrap();
        let row = |name: &str| rows.iter().find(|row| row["setting"] == name);
        let whole = rows.iter().filter(|row| row["pages_failed_milli"] == 0);
        let bound = whole.filter_map(|row| row["bound_makespan_ms_milli"].as_u64()).min();
        let bound = bound.map_or("-".to_owned(), |us| format::millis((us + 500) / 1000));
        let cell = |name: &str| row(name).map_or("-".to_owned(), time);
        let (over, calm) = (times(&one["over_bound_milli"]), times(&one["calm_over_bound_milli"]));
        let name = one["scenario"].as_str().unwrap();
        let (best, recommended) = (cell("best"), cell("recommended"));
        let (documented, before) = (cell("documented"), cell("before"));
        format!(
            "| {name} | {bound} | {best} | {over} | {calm} | {recommended} | {documented} | {before} |"
        )
    };
    let scenarios = report["scenarios"].as_array().unwrap();
    let shipped = fs::read_dir("scenarios").unwrap().filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "toml")
    });
    assert_eq!(scenarios.len(), shipped.count(), "every shipped scenario has its row");
    let heading = "| scenario | bound | best known | over the bound | without luck | `recommended` | `documented` | `before` |";
    has_table("tune", heading, &scenarios.iter().map(line).collect::<Vec<_>>());
}

#[test]
fn the_page_on_anomalies_has_a_row_for_each_kind() {
    let page = &Topic::find("explain").unwrap().text;
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, AnomalyKind::iter().count());
    for kind in AnomalyKind::iter() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` | ", kind.name())));
        let row = row.unwrap_or_else(|| panic!("{}", kind.name()));
        assert!(row.ends_with(&format!(" | {} |", kind.change())), "{row}");
    }
}
