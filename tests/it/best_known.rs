//! How close the best known settings come to the bound: found, kept, played again and compared.

use std::fs;

use serde_json::Value;
use tagspace::Metric;
use tagspace::internals::study::best_known::calm::calm;

use super::cli::{stderr, stdout, tagspace};
use super::common::{judged, scenario};

const TINY: &str = r#"# May ten pages be tagged quickly?
schema = 1
seed = 3
[space]
pages = 10
[confluence]
latency = { dist = "uniform", min_ms = 50, max_ms = 150 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 400, sigma = 0.6, tail = { ratio = 0.1, min_ms = 2000, max_ms = 4000 } }
error_429_ratio = 0.05
[gemini.answer]
malformed_ratio = 0.1
[pipeline]
profile = "documented"
"#;

#[test]
fn what_was_found_is_kept_and_played_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
    let run = |more: &[&str]| {
        let mut words = vec!["best-known", "tiny.toml", "--out", "kept", "--quiet"];
        words.extend(more);
        tagspace(folder.path(), &words)
    };
    // What nobody has looked for is not known.
    let unknown = run(&[]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("tiny: no settings are known"), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("--search=tiny"), "{}", stderr(&unknown));
    // What is known is not lost where something else is named.
    fs::create_dir(folder.path().join("other")).unwrap();
    let other = r#"{"schema":1,"scenarios":[{"scenario":"vast","run":"run","settings":null}]}"#;
    fs::write(folder.path().join("other/best-known.json"), other).unwrap();
    let lost = tagspace(folder.path(), &["best-known", "tiny.toml", "--search", "--out", "other"]);
    assert_eq!(lost.status.code(), Some(2));
    assert!(stderr(&lost).contains("knows vast as well"), "{}", stderr(&lost));
    let found = run(&["--search"]);
    assert_eq!(found.status.code(), Some(0), "{}", stderr(&found));
    let path = folder.path().join("kept/best-known.json");
    let kept = fs::read_to_string(&path).unwrap();
    let report: Value = serde_json::from_str(&kept).unwrap();
    let tiny = &report["scenarios"][0];
    let us = |name: &str, key: &str| {
        let rows = tiny["rows"].as_array().unwrap();
        rows.iter().find(|row| row["setting"] == name).unwrap()[key].as_u64().unwrap()
    };
    let best = us("best", "makespan_ms_milli");
    assert!(us("best", "bound_makespan_ms_milli") <= best);
    assert!(best <= us("as it is", "makespan_ms_milli"), "{tiny}");
    assert_eq!(us("best", "pages_failed_milli"), 0);
    // Without luck the bound can all but be had.
    let calm = tiny["calm_over_bound_milli"].as_u64().unwrap();
    assert!((1000..1300).contains(&calm), "{calm}");
    // Played again it is the same, and what was changed by hand is noticed.
    assert_eq!(run(&["--check"]).status.code(), Some(0));
    assert_eq!(run(&[]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), kept);
    fs::write(&path, kept.replacen(&best.to_string(), &(best - 1).to_string(), 1)).unwrap();
    let changed = run(&["--check"]);
    assert_eq!(changed.status.code(), Some(3));
    assert!(stderr(&changed).contains("differs from kept"), "{}", stderr(&changed));
    fs::write(&path, "{").unwrap();
    let broken = run(&[]);
    assert_eq!(broken.status.code(), Some(2), "{}{}", stdout(&broken), stderr(&broken));
    assert!(stderr(&broken).contains("best-known.json"), "{}", stderr(&broken));
}

#[test]
fn a_calm_world_strikes_no_call() {
    let wild = scenario(TINY, &["pipeline.batch_size=1", "gemini.error_429_ratio=0.4"]);
    let wild_calls = judged(&wild).runs[0].figures.number(Metric::AiCalls);
    let calm = judged(&calm(&wild)).runs.remove(0);
    let number = |metric| calm.figures.number(metric);
    assert!(wild_calls > 10, "the world as it is asks again: {wild_calls}");
    assert_eq!(number(Metric::AiCalls), 10);
    assert_eq!((number(Metric::RateLimited), number(Metric::PagesTagged)), (0, 10));
    let Some(tagspace::internals::study::measure::value::Value::Distribution(took)) =
        calm.figures.get(Metric::AiLatency)
    else {
        panic!("no latency")
    };
    let (least, most) = (took.sorted()[0], *took.sorted().last().unwrap());
    assert_eq!((least, most), (400, 400));
}
