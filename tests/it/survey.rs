//! What `plan` says beforehand, held against what `tag` then does.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

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

#[test]
fn a_plan_costs_nothing_and_says_what_the_run_takes() {
    let wiki = Wiki::default();
    let server = wiki.serve(45, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let set = ["--set", "batch_size=10"];
    let planned = plan(&server, folder.path(), &set);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let said = planned.out.replace(&server.port.to_string(), "PORT");
    insta::assert_snapshot!(said, @r"
    45 pages listed at http://127.0.0.1:PORT/wiki
      answered        0 pages: their answers are kept, and cost nothing
      same text       0 pages: asked about once
      to ask          45 pages of gemini-3.5-flash-lite
      AI calls        5 at least, with 10 pages in each; 45 with each page alone
      tokens          about 1,546 in and 2,800 out, in the fewest calls
      cost            about $0.0075 in the fewest calls, $0.0111 with each page alone
      time            not known: no quota was learned yet
      labels          as the answers say
      never written   titles, texts, and labels outside the taxonomy
    ");
    let is_change = |head: &str| head.starts_with("DELETE ") || head.starts_with("POST ");
    assert_eq!(server.asked().iter().filter(|asked| is_change(&asked.head)).count(), 0);
    // What it said is what the run takes.
    let least: usize = row(&planned, "AI calls").split(' ').next().unwrap().parse().unwrap();
    assert_eq!(calls(&server, folder.path(), &set), least);
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
    let calls = |planned: &Tagged| -> u64 {
        row(planned, "AI calls").split(' ').next().unwrap().parse().unwrap()
    };
    let args = ["--fresh", "--set", "max_batch_size=40"];
    let before = plan(&server, folder.path(), &args);
    assert_eq!(calls(&before), 1, "{before:?}");
    // One page meets the refusal, and its run waits it out.
    let tagged = tag(&server, folder.path(), &["--limit", "1"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let after = plan(&server, folder.path(), &args);
    assert!(calls(&after) > 1, "{after:?}");
    assert!(row(&after, "time").ends_with(" at least, by the quota that was learned"), "{after:?}");
}
