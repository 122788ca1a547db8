//! What batches cost in quality: pages that were asked about together, asked about alone.

use std::path::Path;

use serde_json::{Value, json};
use tagspace::internals::study::probe::{Batched, Observed, Probe};
use tagspace::internals::study::stats::wilson;

use crate::common::{PLAIN, judged, scenario};
use crate::scripted::{Asked, Reply, Server, Tagged, sections};

/// The pages that a prompt asks about.
fn asked_about(asked: &Asked) -> Vec<String> {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    sections(body["contents"][0]["parts"][0]["text"].as_str().unwrap())
}

/// A model that forgets, among others, the second tag of each page whose number ends with 3, and the whole
/// page 15 as long as three others stand beside it.
fn forgetful(asked: &Asked) -> Option<Reply> {
    if !asked.target.contains("generateContent") {
        return None;
    }
    let ids = asked_about(asked);
    let forgets = |id: &String| ids.len() > 1 && id.ends_with('3');
    let tags =
        |id: &String| if forgets(id) { json!(["guide"]) } else { json!(["guide", "runbook"]) };
    let answered = ids.iter().filter(|id| ids.len() < 4 || *id != "15");
    let pages: Vec<Value> =
        answered.map(|id| json!({"id": id, "tags": {"doc": tags(id)}})).collect();
    let content = json!({"parts": [{"text": json!({"pages": pages}).to_string()}]});
    let usage = json!({"promptTokenCount": 1000, "candidatesTokenCount": 10});
    let candidates = json!([{"content": content, "finishReason": "STOP"}]);
    Some(Reply::of(200, &json!({"candidates": candidates, "usageMetadata": usage})))
}

fn tag(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let files = ["--state", "quotas.json", "--store", "answers.db", "--out", "report"];
    let all = [&["DOCS", "--set", "batch_size=10"], &files[..], args].concat();
    Tagged::of(&server.command(folder, &all).output().unwrap())
}

#[test]
fn a_sample_is_asked_about_alone_and_twice_and_what_batches_cost_is_said() {
    let server = Server::start(40, forgetful);
    let folder = tempfile::tempdir().unwrap();
    let tagged = tag(&server, folder.path(), &["--probe", "100%"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    // Four batches, and one call more for the page that was left out; its batch is no whole one.
    let prompts: Vec<usize> = server
        .asked()
        .iter()
        .filter(|asked| asked.target.contains("generateContent"))
        .map(|asked| asked_about(asked).len())
        .collect();
    assert_eq!(prompts.iter().filter(|pages| **pages == 10).count(), 4, "{prompts:?}");
    assert_eq!(prompts.iter().filter(|pages| **pages == 1).count(), 1 + 2 * 30, "{prompts:?}");
    let said = &tagged.err[tagged.err.find("probe: 30 pages that were").unwrap()..];
    let said: Vec<&str> = said.lines().take(7).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    probe: 30 pages that were answered beside 9.0 others, asked about alone, twice
      the same tags as alone: 27 of 30 (90 %; 74 to 97 %); alone and alone again: 30 of 30 (100 %; 89 to 100 %)
      a tag less than alone: 3 of 30 (10 %; 3 to 26 %); alone and alone again: 0 of 30 (0 %; 0 to 11 %)
      for a scenario:
        [gemini.answer]
        miss_ratio_per_extra_page = 0.002778 # 0.000491 to 0.015564; pages left out: 1 of 360 chances
        tag_miss_ratio_per_extra_page = 0.011111 # 0.003786 to 0.032153; pages with a tag less: 3 of 270 chances
    ");
    // What was asked alone is no answer of the job, and nothing of it is kept.
    assert_eq!(tagged.out.matches("+guide").count(), 40, "{tagged:?}");
    assert!(tagged.out.contains("\n3: guide  +guide  Page 3\n"), "{tagged:?}");
    let again = tag(&server, folder.path(), &["--probe", "100%"]);
    assert!(again.out.contains("\n3: guide  +guide  Page 3\n"), "{again:?}");
    let nothing = "probe: no page of the sample was answered together with others in this run";
    assert!(again.err.contains(nothing), "{again:?}");
}

#[test]
fn a_probe_keeps_to_what_may_be_spent_and_is_in_the_plan() {
    let server = Server::start(40, forgetful);
    let folder = tempfile::tempdir().unwrap();
    let plan = ["DOCS", "--no-state", "--probe", "20%"];
    let plan = Tagged::of(&server.command_of("plan", folder.path(), &plan).output().unwrap());
    let row = "  probe           about 16 calls more, which are not in calls, cost and time\n";
    assert!(plan.out.contains(row), "{plan:?}");
    let tagged = tag(&server, folder.path(), &["--probe", "100%", "--max-calls", "9"]);
    // Nothing is spent on what could not come to its end.
    assert_eq!((tagged.code, server.count("generateContent")), (Some(0), 5), "{tagged:?}");
    let said = "probe: expected 60 calls, found 4 calls that --max-calls leaves; none is made";
    assert!(tagged.err.contains(said), "{tagged:?}");
    assert_eq!(tagged.out.lines().count(), 40, "{tagged:?}");
}

#[test]
fn what_a_model_loses_in_batches_is_found_again() {
    let answer =
        "gemini.answer={ miss_ratio_per_extra_page = 0.002, tag_miss_ratio_per_extra_page = 0.01 }";
    let log = |settings: &[&str]| {
        let settings = [&["space.pages=2000", answer], settings].concat();
        judged(&scenario(PLAIN, &settings)).runs.remove(0).log
    };
    let batched = Batched::of(&log(&["pipeline.batch_size=20"]), "gemini");
    let alone = log(&["pipeline.batch_size=1"]);
    let (sample, half) = (batched.sample(1_000_000), batched.sample(500_000));
    assert!(sample.len() > 500 && half.len().abs_diff(sample.len() / 2) < 80, "{}", half.len());
    let probe = Probe::of(&batched, &sample, [&alone, &alone]);
    assert_eq!((probe.unanswered, probe.mean_others()), (0, 19.0));
    assert_eq!(probe.same_again, Observed { events: sample.len() as u64, ..probe.same_again });
    assert_eq!(probe.lost_again.events, 0);
    for (seen, truth) in [(probe.missed, 0.002), (probe.lost, 0.01)] {
        let (low, high) = seen.interval();
        assert!(low <= truth && truth <= high && high - low < truth, "{seen:?}: {low} to {high}");
    }
    // Without a batch nothing can be said.
    assert!(Batched::of(&alone, "gemini").sample(1_000_000).is_empty());
}

#[test]
fn the_interval_of_a_share_is_that_of_the_books() {
    // Brown, Cai and DasGupta 2001 give 0 of 10 as 0 to 0.278, and by symmetry 10 of 10.
    for ((events, chances), (low, high)) in [
        ((0, 10), (0.0, 0.2775)),
        ((10, 10), (0.7225, 1.0)),
        ((5, 10), (0.2366, 0.7634)),
        ((0, 0), (0.0, 1.0)),
    ] {
        let found = wilson::interval(events, chances);
        assert!((found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4, "{found:?}");
    }
}
