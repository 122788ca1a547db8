//! One odd thing costs one page: failures that lie in a page, and failures that do not.

use tagspace::Metric;
use tagspace::internals::report::colour::Colour;
use tagspace::internals::report::run::text;
use tagspace::internals::report::run::text::Detail;
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{judged, scenario};

const WORLD: &str = r#"# What does it cost?
schema = 1
seed = 1
[space]
pages = 200
[confluence]
latency = { dist = "lognormal", median_ms = 180, sigma = 0.4 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 450, sigma = 0.5 }
quota = { requests = 150, per_s = 60 }
[pipeline]
profile = "recommended"
batch_size = 5
"#;

fn played(settings: &[&str]) -> JudgedRun {
    judged(&scenario(WORLD, settings)).runs.remove(0)
}

fn number(run: &JudgedRun, metric: Metric) -> u64 {
    run.figures.number(metric)
}

fn failing(when: &str) -> String {
    format!("gemini.fault=[{{ when = {{ {when} }}, reply = {{ status = 500 }} }}]")
}

#[test]
fn a_page_that_always_fails_costs_thirteen_calls_at_most() {
    let undisturbed = played(&[]);
    for page in [1, 3, 101, 200] {
        let run = played(&[&failing(&format!("pages = [{page}]"))]);
        assert_eq!(
            (number(&run, Metric::PagesTagged), number(&run, Metric::PagesFailedAi)),
            (199, 1)
        );
        let more = number(&run, Metric::AiCalls) - number(&undisturbed, Metric::AiCalls);
        // The last one while no other page is left by which the service could show that it is well.
        assert!(more <= 13, "page {page}: {more} calls more");
        let (makespan, before) =
            (number(&run, Metric::Makespan), number(&undisturbed, Metric::Makespan));
        assert!(makespan <= before + 8_000, "page {page}: {makespan} ms, undisturbed {before} ms");
    }
}

#[test]
fn a_report_names_the_pages_that_failed_and_why() {
    let scenario = scenario(WORLD, &[&failing("pages = [1, 2, 3, 4, 5, 6, 7]")]);
    let text = text::scenario(&scenario, &judged(&scenario), "", Detail::Full, Colour::Off);
    let named = text.split("FAILED PAGES\n").nth(1).unwrap();
    let lines: Vec<&str> = named.lines().take(6).map(str::trim).collect();
    assert!(lines[0].starts_with("page 10000") && lines[0].contains("gemini: "), "{}", lines[0]);
    assert!(lines[..5].iter().all(|line| line.contains("500")), "{lines:?}");
    assert_eq!(lines[5], "and 2 more, each with its cause in events.jsonl");
    let scenario = crate::common::scenario(WORLD, &[]);
    let text = text::scenario(&scenario, &judged(&scenario), "", Detail::Full, Colour::Off);
    assert!(!text.contains("FAILED PAGES"));
}

#[test]
fn five_pages_in_a_row_do_not_stop_the_run() {
    let run = played(&[&failing("pages = [3, 4, 5, 6, 7]")]);
    assert_eq!((number(&run, Metric::PagesTagged), number(&run, Metric::PagesFailedAi)), (195, 5));
}

#[test]
fn an_outage_costs_no_call_more_for_being_suspicious() {
    let calls = |halves: &str| {
        let run = played(&[&failing("until_s = 60"), halves]);
        assert_eq!(number(&run, Metric::PagesTagged), 200);
        number(&run, Metric::AiCalls)
    };
    let (with, without) = (calls("pipeline.halves=true"), calls("pipeline.halves=false"));
    assert!(with * 10 <= without * 11, "{with} calls, without halves {without}");
}

#[test]
fn failures_by_chance_cost_no_page() {
    for (ratio, batch_size) in [("0.1", 1), ("0.3", 1), ("0.5", 1), ("0.1", 5), ("0.3", 5)] {
        let fault = failing(&format!("ratio = {ratio}"));
        let batch_size = format!("pipeline.batch_size={batch_size}");
        let run = played(&[&fault, &batch_size, "gemini.quota={ requests = 9000 }"]);
        assert_eq!(number(&run, Metric::PagesTagged), 200, "{ratio} {batch_size}");
    }
}

#[test]
fn prompts_that_are_all_blocked_pull_the_brake() {
    for kind in ["blocked", "content-filter"] {
        let run = played(&[&format!("gemini.fault=[{{ reply = {{ kind = \"{kind}\" }} }}]")]);
        assert_eq!(number(&run, Metric::PagesTagged), 0);
        let calls = number(&run, Metric::AiCalls);
        assert!(calls <= 120, "{kind}: {calls} calls for 200 pages");
    }
    let run =
        played(&["gemini.fault=[{ when = { page_ratio = 0.3 }, reply = { kind = \"blocked\" } }]"]);
    assert!(number(&run, Metric::PagesTagged) > 100, "{}", number(&run, Metric::PagesTagged));
}

#[test]
fn a_limit_of_confluence_loses_no_page() {
    let limit = "confluence.rate_limit={ requests = 600, per_s = 60, retry_after_s = 5 }";
    for (pace, is_refused) in [("fixed", true), ("found", false)] {
        let pace = format!("pipeline.confluence_pace=\"{pace}\"");
        let run = played(&[limit, &pace, "space.pages=1200", "gemini.quota={ requests = 9000 }"]);
        let done = (number(&run, Metric::PagesTagged), number(&run, Metric::PagesFailed));
        assert_eq!(done, (1200, 0));
        assert_eq!(number(&run, Metric::ConfluenceRateLimited) > 0, is_refused);
    }
}

#[test]
fn a_refusal_that_says_at_once_is_no_loop() {
    let at_once = "confluence.fault=[{ when = { operations = [\"labels\"] }, \
                   reply = { status = 429, retry_after_s = 0 } }]";
    let latency = "confluence.latency={ dist = \"fixed\", ms = 0, refusal_ms = 0 }";
    let run = played(&[at_once, latency, "space.pages=20"]);
    assert_eq!(number(&run, Metric::PagesFailedConfluence), 20);
    let calls = number(&run, Metric::ConfluenceCalls);
    assert!(calls < 200, "{calls} calls");
}
