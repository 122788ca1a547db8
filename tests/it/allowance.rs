//! What a run may spend: calls and money, never passed.

use std::time::Duration;

use serde_json::json;

use crate::scripted::{Reply, Server, answer, sections};
use crate::store::{calls, tag};
use crate::wiki::Wiki;

#[test]
fn calls_end_before_one_too_many_and_the_next_run_goes_on() {
    let wiki = Wiki::default();
    let server = wiki.serve(30, Duration::from_millis(2));
    let folder = tempfile::tempdir().unwrap();
    let bounded = |most: &str| {
        let args = ["--write", "--set", "batch_size=1", "--max-calls", most];
        tag(&server, folder.path(), &args)
    };
    let tagged = bounded("0");
    assert_eq!((tagged.code, server.count("generateContent")), (Some(6), 0), "{tagged:?}");
    for (round, done) in [(1, 11), (2, 22)] {
        let tagged = bounded("11");
        assert_eq!((tagged.code, server.count("generateContent")), (Some(6), done), "{tagged:?}");
        let said = "error: stopped: all 11 AI calls are made that are allowed; without --fresh the same command goes on where it was";
        assert!(tagged.err.lines().any(|line| line == said), "{tagged:?}");
        assert_eq!(wiki.labels().len(), done, "round {round}");
    }
    let tagged = bounded("11");
    assert_eq!((tagged.code, server.count("generateContent")), (Some(0), 30), "{tagged:?}");
    assert!(tagged.err.contains("job DOCS-1: labels added 30"), "{tagged:?}");
    // Where nothing is to be asked, nothing need be allowed.
    assert_eq!(calls(&server, folder.path(), &["--write", "--max-calls", "0"]), 0);
}

/// A Gemini whose answers are billed for this many tokens each way.
fn billing(pages: u64, input: u64, output: u64) -> Server {
    Server::start(pages, move |asked| {
        asked.target.contains("generateContent").then(|| {
            let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            let prompt = body["contents"][0]["parts"][0]["text"].as_str().unwrap();
            let mut reply = answer(&sections(prompt));
            let mut body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            body["usageMetadata"] =
                json!({"promptTokenCount": input, "candidatesTokenCount": output});
            reply.body = body.to_string().into_bytes();
            reply
        })
    })
}

#[test]
fn money_ends_before_the_call_that_could_cost_too_much() {
    // gemini-3.5-flash-lite: 0.30 and 2.50 dollars a million, so that a call is billed 0.0013 dollars; one
    // that is on its way may cost 8,192 tokens of output, 0.0205, and a prompt of some kilobytes.
    let server = billing(40, 1000, 400);
    let folder = tempfile::tempdir().unwrap();
    let args = ["--set", "batch_size=1", "--max-cost", "0.05"];
    let tagged = tag(&server, folder.path(), &args);
    assert_eq!(tagged.code, Some(6), "{tagged:?}");
    assert!(tagged.err.contains("error: stopped: another call may cost 0.02"), "{tagged:?}");
    assert!(tagged.err.contains(" of 0.0500 USD are spent"), "{tagged:?}");
    let asked = server.count("generateContent");
    // As long as another one fits: (0.05 - 0.0205 - 0.0013) / 0.0013 or a few less.
    assert!((17..=23).contains(&asked), "{asked} calls");
    let tagged = tag(&server, folder.path(), &["--max-cost", "5", "--model", "a-model-of-nobody"]);
    assert_eq!(tagged.code, Some(2), "{tagged:?}");
    assert!(tagged.err.contains("no price of the model a-model-of-nobody is known"), "{tagged:?}");
    assert_eq!(server.count("generateContent"), asked);
    for wrong in ["five", "-1", "1.2345678", "", "99999999999999999999"] {
        let tagged = tag(&server, folder.path(), &["--max-cost", wrong]);
        assert_eq!(tagged.code, Some(2), "{wrong}: {tagged:?}");
    }
}

#[test]
fn what_is_set_aside_for_calls_on_their_way_ends_no_run() {
    // All of it costs 12 times 0.0013 dollars; what is set aside for 16 calls at once is 0.3 dollars.
    let wiki = Wiki::default();
    let server = wiki.serve(12, Duration::from_millis(60));
    let folder = tempfile::tempdir().unwrap();
    let tagged = tag(&server, folder.path(), &["--set", "batch_size=1", "--max-cost", "0.05"]);
    assert_eq!((tagged.code, server.count("generateContent")), (Some(0), 12), "{tagged:?}");
}

#[test]
fn pages_that_are_answered_already_are_written_whatever_is_spent() {
    let wiki = Wiki::default();
    let server = wiki.serve(20, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    calls(&server, folder.path(), &[]);
    wiki.edit([1, 11]);
    for set in ["batch_size=1", "batch_size=auto"] {
        let tagged = tag(&server, folder.path(), &["--write", "--set", set, "--max-calls", "0"]);
        assert_eq!(tagged.code, Some(6), "{tagged:?}");
        let labels = wiki.labels();
        let is_done = |page: &u64| labels.get(page).is_some_and(|of| of.contains("guide"));
        let done: Vec<u64> = (1..=20).filter(is_done).collect();
        assert_eq!(done, (1..=20).filter(|page| ![1, 11].contains(page)).collect::<Vec<u64>>());
        (1..=20).for_each(|page| wiki.unlabel(page, "guide"));
    }
}

#[test]
fn an_answer_that_names_no_tokens_may_have_cost_all_that_was_set_aside() {
    let silent = Server::start(20, |asked| {
        asked.target.contains("generateContent").then(|| {
            let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            let prompt = body["contents"][0]["parts"][0]["text"].as_str().unwrap();
            let mut reply = answer(&sections(prompt));
            let mut body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            body["usageMetadata"] = json!({});
            reply.body = body.to_string().into_bytes();
            reply
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let tagged = tag(&silent, folder.path(), &["--set", "batch_size=1", "--max-cost", "0.05"]);
    assert_eq!((tagged.code, silent.count("generateContent")), (Some(6), 2), "{tagged:?}");
}

#[test]
fn what_is_refused_costs_nothing() {
    let refusing = Server::start(10, |asked| {
        let is_first = asked.target.contains("generateContent");
        is_first.then(|| Reply::of(503, &json!({"error": {"code": 503, "message": "busy"}})))
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["--set", "batch_size=1", "--set", "patience_s=3", "--max-cost", "0.03"];
    let tagged = tag(&refusing, folder.path(), &args);
    // It fails for what it is, and not for want of money.
    assert!(tagged.code == Some(5) && !tagged.err.contains("USD"), "{tagged:?}");
    assert!(refusing.count("generateContent") > 1, "{tagged:?}");
}
