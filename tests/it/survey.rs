//! What `plan` says beforehand, held against what `tag` then does.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::scripted::{Reply, Server, Tagged, page, piece};
use crate::store::{calls, tag};
use crate::wiki::Wiki;

fn plan(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let all = [&["DOCS", "--state", "quotas.json", "--store", "answers.db"], args].concat();
    Tagged::of(&server.command_of("plan", folder, &all).output().unwrap())
}

/// What a row of the plan says.
fn row<'a>(planned: &'a Tagged, name: &str) -> &'a str {
    let of = |line: &'a str| Some(line.trim_start().strip_prefix(name)?.trim_start());
    planned.out.lines().find_map(of).unwrap_or_else(|| panic!("no {name}: {planned:?}"))
}

/// The fewest calls.
fn least_calls(planned: &Tagged) -> u64 {
    let least = row(planned, "AI calls").split("; ").find(|part| part.contains(" at least"));
    least.unwrap().split(' ').next().unwrap().replace(',', "").parse().unwrap()
}

#[test]
fn a_plan_costs_nothing_and_says_what_the_run_takes() {
    let wiki = Wiki::default();
    let server = wiki.serve(45, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let set = ["--set", "batch_size=10"];
    let planned = plan(&server, folder.path(), &set);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    // Calls, time and cost are rehearsed with latencies of this machine.
    let said = planned.out.replace(&server.port.to_string(), "PORT");
    let is_rehearsed =
        |line: &&str| ["AI calls", "cost", "time"].iter().any(|row| line.trim().starts_with(row));
    let (rehearsed, said): (Vec<&str>, Vec<&str>) = said.lines().partition(is_rehearsed);
    assert_eq!(rehearsed.len(), 3, "{planned:?}");
    assert!(
        rehearsed[0].ends_with("; 5 at least, with 10 pages in each; 45 with each page alone"),
        "{planned:?}"
    );
    assert!(rehearsed[1].ends_with("; about $0.0111 with each page alone"), "{planned:?}");
    insta::assert_snapshot!(said.join("\n"), @r"
    45 pages listed at http://127.0.0.1:PORT/wiki
      answered        0 pages: their answers are kept, and cost nothing
      same text       0 pages: asked about once
      to ask          45 pages of gemini-3.5-flash-lite
      tokens          about 1,546 in and 2,800 out, in the fewest calls
      rehearsed with  these pages in 16 seeds
      assumed         no quota: none was learned yet; latency and length of a small model's answers: too few of this one are known; no failures
      labels          as the answers say
      never written   titles, texts, and labels outside the taxonomy
    ");
    let is_change = |head: &str| head.starts_with("DELETE ") || head.starts_with("POST ");
    assert_eq!(server.asked().iter().filter(|asked| is_change(&asked.head)).count(), 0);
    // What it said is what the run takes.
    assert_eq!(calls(&server, folder.path(), &set) as u64, least_calls(&planned));
    let planned = plan(&server, folder.path(), &set);
    assert!(row(&planned, "answered").starts_with("45 pages: "), "{planned:?}");
    assert!(row(&planned, "to ask").starts_with("0 pages"), "{planned:?}");
    assert!(row(&planned, "labels").starts_with("45 to add to 45 pages "), "{planned:?}");
    assert!(!planned.out.contains("AI calls"), "{planned:?}");
    calls(&server, folder.path(), &["--write"]);
    wiki.edit([7, 9]);
    let planned = plan(&server, folder.path(), &set);
    assert!(row(&planned, "answered").starts_with("43 pages: "), "{planned:?}");
    assert!(row(&planned, "to ask").starts_with("2 pages of gemini-"), "{planned:?}");
    assert!(row(&planned, "labels").starts_with("0 to add to 0 pages "), "{planned:?}");
    // All of them are asked about where that is wanted.
    let planned = plan(&server, folder.path(), &["--fresh", "--set", "batch_size=10"]);
    assert!(row(&planned, "to ask").starts_with("45 pages"), "{planned:?}");
}

#[test]
fn pages_that_say_the_same_and_pages_without_text_are_counted_as_such() {
    let server = Server::start(4, |asked| {
        let mut pages = [page(1), page(2), page(3), page(4)];
        pages[1]["title"] = json!("Page 1");
        pages[1]["body"] = pages[0]["body"].clone();
        pages[3]["body"] = json!({});
        asked.target.contains("/pages?").then(|| piece(&pages, ""))
    });
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&server, folder.path(), &[]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert!(planned.out.starts_with("4 pages listed at http"), "{planned:?}");
    for (name, said) in [
        ("without text", "1 page"),
        ("answered", "0 pages: "),
        ("same text", "1 page: asked about once"),
        ("to ask", "2 pages of "),
    ] {
        assert!(row(&planned, name).starts_with(said), "{name}: {planned:?}");
    }
}

#[test]
fn a_plan_for_programs_holds_the_same_and_one_of_rows_is_refused() {
    let server = Wiki::default().serve(45, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    // Nothing is known of the model before the first run; of eight calls enough is.
    let set = ["--set", "batch_size=5"];
    let known = |planned: &Tagged| -> Value {
        let mut document: Value = serde_json::from_str(&planned.out).unwrap();
        assert_eq!(document["pages"]["listed"], 45, "{planned:?}");
        assert_eq!(document["in_the_fewest_calls"]["calls"], 9, "{planned:?}");
        let forecast = &document["forecast"];
        assert_eq!(forecast["seeds"], 16, "{planned:?}");
        for figure in ["makespan_ms", "calls", "cost_usd_micros"] {
            let of = |part: &str| forecast[figure][part].as_u64().unwrap();
            assert!(0 < of("least") && of("least") <= of("p50"), "{planned:?}");
            assert!(of("p50") <= of("p90") && of("p90") <= of("most"), "{planned:?}");
        }
        document["known"].take()
    };
    let args = ["--format", "json", "--fresh", set[0], set[1]];
    let first = plan(&server, folder.path(), &args);
    assert_eq!(known(&first), json!({ "quotas": [], "earlier_calls": 0, "closed_ms": 0 }));
    assert_eq!(calls(&server, folder.path(), &set), 9);
    let second = plan(&server, folder.path(), &args);
    assert_eq!(known(&second), json!({ "quotas": [], "earlier_calls": 9, "closed_ms": 0 }));
    let text = plan(&server, folder.path(), &["--fresh"]);
    let basis = row(&text, "rehearsed with");
    assert!(
        basis.ends_with("; the latency of 9 earlier calls to gemini-3.5-flash-lite"),
        "{text:?}"
    );
    assert_eq!(row(&text, "assumed"), "no quota: none was learned yet; no failures");
    let bound = plan(&server, folder.path(), &["--fresh", "--max-calls", "3", "--max-cost", "0.5"]);
    assert_eq!(
        row(&bound, "ends before"),
        "with --max-calls 3 or --max-cost $0.5000, which is not in calls, cost and time"
    );
    let refused = plan(&server, folder.path(), &["--format", "csv"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("expected --format text or json, found csv"), "{refused:?}");
}

#[test]
fn a_space_that_is_not_there_has_no_plan() {
    let server = Server::start(3, |asked| {
        let is_space = asked.target.contains("/spaces?");
        is_space.then(|| piece(&[], ""))
    });
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&server, folder.path(), &[]);
    assert_eq!((planned.code, planned.out.as_str()), (Some(5), ""), "{planned:?}");
    assert!(
        planned.err.contains("these credentials see no space with the key `DOCS`"),
        "{planned:?}"
    );
}

#[test]
fn a_prompt_is_planned_no_larger_than_the_window_that_was_learned() {
    let is_first = AtomicBool::new(true);
    let server = Server::start(40, move |asked| {
        let is_call = asked.target.contains("generateContent");
        (is_call && is_first.swap(false, Ordering::Relaxed)).then(|| {
            let quota = "GenerateContentPaidTierInputTokensPerModelPerMinute";
            let metric =
                "generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count";
            let violation = json!({"quotaMetric": metric, "quotaId": quota, "quotaValue": "400"});
            let failure = "type.googleapis.com/google.rpc.QuotaFailure";
            let retry = "type.googleapis.com/google.rpc.RetryInfo";
            let details = json!([
                {"@type": failure, "violations": [violation]},
                {"@type": retry, "retryDelay": "1s"},
            ]);
            let error = json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details});
            Reply::of(429, &json!({ "error": error }))
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["--fresh", "--set", "max_batch_size=40"];
    let before = plan(&server, folder.path(), &args);
    assert_eq!(least_calls(&before), 1, "{before:?}");
    // One page meets the refusal, and its run waits it out.
    let tagged = tag(&server, folder.path(), &["--limit", "1"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let after = plan(&server, folder.path(), &args);
    assert!(least_calls(&after) > 1, "{after:?}");
    let basis = row(&after, "rehearsed with");
    assert!(basis.ends_with("; 400 input tokens in 1.00 s (stated)"), "{after:?}");
    // The pages and the instructions take more than four windows.
    let (seconds, _) = row(&after, "time").split_once(" s ").unwrap();
    assert!(seconds.parse::<f64>().unwrap() > 4.0, "{after:?}");
}
