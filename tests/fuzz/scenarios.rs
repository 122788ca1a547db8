//! Whole scenarios: every key of every table, with values at the edges of their ranges. None ends in
//! a panic, a hang or a bug of ours, and over HTTP the same happens as in memory.

use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use tagspace::internals::report::pictures;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::sim::{Options, SimError, Transport};
use tagspace::internals::study::measure::{quota_usage, timeline};
use tagspace::internals::study::verdict::judge::JudgeError;
use tagspace::internals::study::verdict::{judge, target_syntax};

use crate::engine::play;

/// A key of a table with the values that it is given.
type Key = (&'static str, &'static [&'static str]);

const RATIOS: &[&str] = &["0", "1", "0.5", "0.01", "1e-9", "0.99"];
const BOOLS: &[&str] = &["true", "false"];
const DAY_MS: &[&str] = &["0", "1", "150", "60000", "86400000"];
const COUNTS: &[&str] = &["1", "2", "7", "100", "60000", "1000000000"];
const FACTORS: &[&str] = &["0", "1", "0.3", "15", "1000", "1e-300"];

const LATENCIES: &[&str] = &[
    "{ dist = \"fixed\", ms = 0, refusal_ms = 0 }",
    "{ dist = \"fixed\", ms = 86400000 }",
    "{ dist = \"fixed\", ms = 700, refusal_ms = 86400000 }",
    "{ dist = \"uniform\", min_ms = 0, max_ms = 86400000 }",
    "{ dist = \"uniform\", min_ms = 5, max_ms = 5, load_factor = 1000 }",
    "{ dist = \"lognormal\", median_ms = 450, sigma = 0.5, output_tokens_per_s = 200 }",
    "{ dist = \"lognormal\", median_ms = 450, sigma = 15 }",
    "{ dist = \"lognormal\", median_ms = 0, sigma = 1000 }",
    "{ dist = \"lognormal\", median_ms = 86400000, sigma = 1000, load_factor = 1000 }",
    "{ dist = \"empirical\", quantiles_ms = [0] }",
    "{ dist = \"empirical\", quantiles_ms = [14, 3378, 0, 86400000], ms_per_1k_input_tokens = 1000 }",
    "{ dist = \"fixed\", ms = 3, output_tokens_per_s = 1e-300 }",
    "{ dist = \"fixed\", ms = 3, tail = { ratio = 1, min_ms = 0, max_ms = 86400000 } }",
    "{ dist = \"fixed\", ms = 3, tail = { ratio = 0.5, min_ms = 86400000, max_ms = 86400000 } }",
];

const QUOTAS: &[&str] = &[
    "{ requests = 1 }",
    "{ requests = 1, per_s = 86400 }",
    "{ requests = 12, per_s = 5, window = \"fixed\", hint = \"none\" }",
    "{ requests = 1000000000, tokens = 1000000000, per_s = 86400, window = \"bucket\", burst = 1000000000 }",
    "{ requests = 3, window = \"bucket\", burst = 1 }",
    "{ requests = 10, refused_count = true, hint = \"none\" }",
    "{ requests = 10, refused_count = true, window = \"bucket\" }",
    "{ tokens = 1 }",
    "{ tokens = 4000, per_s = 7, window = \"fixed\" }",
    "{ tokens = 20000, per_s = 1, window = \"bucket\", hint = \"retry-after\" }",
    "{ requests = 5, tokens = 9000, tier = \"free\", per_day = 40 }",
    "{ per_day = 1 }",
    "{ tokens_per_day = 30000, refused_count = true }",
    "{ requests = 20, change = [{ at_s = 1, requests = 1 }, { at_s = 90, requests = 1000000000 }] }",
    "{ requests = 20, tokens = 50000, window = \"bucket\", change = [{ at_s = 10, tokens = 1 }, { at_s = 8640000, tokens = 9 }] }",
    "{ requests = 20, window = \"fixed\", per_s = 10, change = [{ at_s = 3, requests = 2 }] }",
    "{ requests = 5, looseness = 1, hint = \"time-only\", used = { requests = 5 } }",
    "{ requests = 1, window = \"fixed\", per_s = 3, looseness = 0.5, per_day = 1 }",
    "{ requests = 9, window = \"bucket\", burst = 2, looseness = 0.3, used = { requests = 2 } }",
    "{ requests = 9, looseness = 0.9, change = [{ at_s = 2, requests = 1 }], hint = \"none\" }",
    "{ tokens = 9000, tokens_per_day = 90000, used = { tokens = 0, tokens_per_day = 89999 } }",
    "{ requests = 1000000000, used = { requests = 1000000000 }, looseness = 1e-9 }",
];

const SPELLS: &[&str] = &[
    "{ every_s = 1, min_s = 1, max_s = 1, reply = { status = 503 } }",
    "{ every_s = 30, min_s = 5, max_s = 60, reply = { status = 503, retry_after_s = 2 }, ratio = 0.8 }",
    "{ every_s = 8640000, min_s = 864000, max_s = 864000, reply = { kind = \"timeout\" } }",
    "{ every_s = 9, min_s = 1, max_s = 864000, reply = { latency_factor = 1000 } }",
    "[{ every_s = 9, min_s = 1, max_s = 20, reply = { latency_factor = 3 } }, { every_s = 20, min_s = 9, max_s = 9, reply = { kind = \"reset\" }, ratio = 0.5 }]",
    "[]",
];

const MODEL_SPELLS: &[&str] = &[
    "{ every_s = 5, min_s = 10, max_s = 30, reply = { output_tokens_per_s = 1e-300 } }",
    "{ every_s = 5, min_s = 10, max_s = 30, reply = { output_tokens_per_s = 20, latency_factor = 1.5 }, ratio = 0.5 }",
    "{ every_s = 3, min_s = 3, max_s = 30, reply = { kind = \"missing-pages\" }, ratio = 0.4 }",
];

const NEIGHBOURS: &[&str] = &[
    "{ requests = 1000000000, per_s = 1 }",
    "{ requests = 1, per_s = 86400, tokens = 1000000000 }",
    "{ requests = 999999937, per_s = 86400, tokens = 1 }",
    "{ requests = 10 }",
    "{ requests = 61, per_s = 60, tokens = 300 }",
];

const PROVIDER: &[Key] = &[
    ("latency", LATENCIES),
    ("quota", QUOTAS),
    ("neighbour", NEIGHBOURS),
    ("spell", SPELLS),
    ("spell", MODEL_SPELLS),
    ("error_429_ratio", RATIOS),
    ("thinking_tokens", COUNTS),
    ("batch_s", &["0", "86400"]),
    ("models", &["[]", "[\"a\", \"gemini-3.5-flash-lite\"]"]),
    ("keys", &["[]", "[\"rehearsal\"]", "[\"other\"]"]),
    ("price", &["{ input_usd = 0, output_usd = 1000 }", "{ input_usd = 1000, output_usd = 1000 }"]),
    ("answer.miss_ratio_per_extra_page", RATIOS),
    ("answer.tag_miss_ratio_per_extra_page", RATIOS),
    ("answer.malformed_ratio", RATIOS),
    ("answer.blocked_ratio", RATIOS),
    ("answer.invented_tag_ratio", RATIOS),
    ("answer.truncate_at_output_tokens", COUNTS),
];

const CONFLUENCE: &[Key] = &[
    ("latency", LATENCIES),
    (
        "rate_limit",
        &[
            "{ requests = 1, per_s = 1 }",
            "{ requests = 1, per_s = 86400 }",
            "{ requests = 10, per_s = 1, retry_after_s = 0 }",
            "{ requests = 218, per_s = 19, retry_after_s = 86400 }",
            "{ requests = 1000000000, per_s = 86400 }",
            "{ requests = 3, per_s = 2, hint = \"reset\" }",
            "{ requests = 2, per_s = 1, hint = \"none\" }",
        ],
    ),
    ("spell", SPELLS),
    (
        "nulls",
        &[
            "{ title_ratio = 0.1 }",
            "{ body_ratio = 0.3, version_ratio = 0.01 }",
            "{ title_ratio = 1, body_ratio = 1, version_ratio = 1 }",
        ],
    ),
    ("tokens", &["[]", "[\"rehearsal\"]"]),
    ("forbidden_labels", BOOLS),
];

const SPACE: &[Key] = &[
    ("key", &["\"\"", "\"DOCS\"", "\"a b&c=d/é\""]),
    ("pages", &["0", "1", "2", "5", "19", "57", "130"]),
    ("duplicate_ratio", RATIOS),
    ("ukrainian_ratio", RATIOS),
    (
        "chars",
        &[
            "{ median = 1, sigma = 0, max = 1 }",
            "{ median = 400, sigma = 0.2, max = 1000 }",
            "{ median = 20, sigma = 1000, max = 3000 }",
            "{ median = 1000000, sigma = 0, max = 2000 }",
        ],
    ),
];

const TOP: &[Key] = &[
    ("weather", &["0", "1", "9007199254740991"]),
    (
        "start",
        &[
            "\"2026-12-31T23:59:59Z\"",
            "\"9999-12-30T00:00:00Z\"",
            "\"-009999-01-02T00:00:00Z\"",
            "\"2026-03-08T09:59:00Z\"",
        ],
    ),
    ("deadline_s", &["1", "60", "864000"]),
    (
        "taxonomy",
        &[
            "{}",
            "{ a = [] }",
            "{ doc = [\"guide\"], x = [\"guide\", \"guide\"] }",
            "{ \"\u{456}\" = [\"\u{457}\"] }",
        ],
    ),
];

const PIPELINE: &[Key] = &[
    (
        "profile",
        &["\"before\"", "\"documented\"", "\"conservative\"", "\"recommended\"", "\"recommended\""],
    ),
    (
        "limiter",
        &["\"fixed\"", "\"halving\"", "\"aimd\"", "\"arc\"", "\"cubic\"", "\"sre\"", "\"quota\""],
    ),
    (
        "limiter",
        &[
            "\"pace\"\nquota = { requests = 8 }",
            "\"pace\"\nquota = { tokens = 1, per_s = 86400 }",
            "\"pace\"\nquota = { requests = 1000000000, tokens = 1000000000, per_s = 1 }",
        ],
    ),
    (
        "quota",
        &[
            "{ requests = 1 }",
            "{}",
            "{ requests = 8, tokens = 1000 }",
            "{ tokens = 1000000000, per_s = 86400 }",
        ],
    ),
    ("concurrency", &["1", "3", "64"]),
    ("max_concurrency", &["64", "1024"]),
    ("min_step", &["0", "1", "1024"]),
    ("in_flight_batches", &["1", "5", "4096"]),
    ("permit_scope", &["\"attempt\"", "\"batch\""]),
    ("batch_size", &["1", "2", "5", "1000", "\"auto\""]),
    ("max_batch_size", &["1", "3", "1000"]),
    ("batch_tokens", &["1", "3000", "10000000"]),
    ("halves", BOOLS),
    ("cache_key", &["\"page-version\"", "\"content\"", "\"text\""]),
    ("single_flight", BOOLS),
    ("pause_ms", DAY_MS),
    ("text_limit_chars", &["1", "300", "10000000"]),
    ("max_output_tokens", &["1", "60", "1000000"]),
    ("cache", BOOLS),
    ("cache_size", &["1", "3", "10000000"]),
    ("attempts", &["1", "4", "100"]),
    ("backoff_base_ms", DAY_MS),
    ("backoff_factor", &["1", "2", "10"]),
    ("backoff_max_ms", DAY_MS),
    ("backoff_jitter", RATIOS),
    ("backoff_by_class", BOOLS),
    ("retry_hints", BOOLS),
    ("retry_budget", FACTORS),
    ("timeout_ms", &["1", "20", "60000", "86400000"]),
    ("fallback", BOOLS),
    ("patience_s", &["0", "1", "120", "864000"]),
    ("confluence_concurrency", &["1", "5", "256"]),
    ("confluence_attempts", &["1", "5", "100"]),
    ("dry_run", BOOLS),
    ("remove_stale_labels", BOOLS),
];

const RUN: &[Key] = &[
    ("changed_ratio", RATIOS),
    ("start_after_s", &["0", "1", "3600", "8640000"]),
    ("pages", &["0", "1", "40"]),
    ("cancel_at_s", &["0", "1", "30", "864000"]),
    ("fresh", BOOLS),
    ("pipeline.batch_size", &["1", "7", "\"auto\""]),
    ("pipeline.profile", &["\"before\"", "\"recommended\""]),
];

const WHENS: &[&str] = &[
    "",
    "when = { from_s = 2 }\n",
    "when = { ratio = 0.4 }\n",
    "when = { ratio = 0.9 }\n",
    "when = { first_calls = 3 }\n",
    "when = { first_calls = 1000000000, ratio = 0.5 }\n",
    "when = { from_s = 1, until_s = 40 }\n",
    "when = { until_s = 8640000, ratio = 0.7 }\n",
    "when = { from_s = 8639999 }\n",
    "when = { pages = [3] }\n",
    "when = { pages = [1, 2, 5, 19], ratio = 0.5 }\n",
    "when = { page_ratio = 0.2 }\n",
    "when = { page_ratio = 1, until_s = 9 }\n",
];

/// Those that only Confluence has.
const OPERATIONS: &[&str] = &[
    "when = { operations = [\"pages\"], until_s = 15 }\n",
    "when = { operations = [\"labels\", \"add-labels\"], ratio = 0.3 }\n",
    "when = { operations = [\"spaces\", \"remove-label\", \"edit-page\"], page_ratio = 0.5 }\n",
];

const REPLIES: &[&str] = &[
    "status = 400",
    "status = 401",
    "status = 403",
    "status = 404",
    "status = 429",
    "status = 429, retry_after_s = 0",
    "status = 429, retry_after_s = 1",
    "status = 503, retry_after_s = 86400",
    "status = 500",
    "status = 529",
    "status = 599",
    "status = 409",
    "latency_factor = 20",
    "kind = \"reset\"",
    "kind = \"timeout\"",
    "kind = \"malformed\"",
    "kind = \"truncated\"",
];

/// Those that only models have.
const MODEL_REPLIES: &[&str] = &[
    "kind = \"missing-pages\"",
    "kind = \"blocked\"",
    "kind = \"insufficient-quota\"",
    "kind = \"billing\"",
    "kind = \"content-filter\"",
    "latency_factor = 3",
    "output_tokens_per_s = 7",
];

const TARGETS: &[&str] = &[
    "pages_failed = \"== 0\"",
    "makespan = \"<= 60s in >= 95% of seeds\"",
    "page_latency = [\"p95 <= 45s\", \"sum <= 18446744073709551615ms\", \"count >= 1\"]",
    "cost = \"< $0.20\"",
    "efficiency = \">= 99%\"",
    "concurrency = \"min >= 1\"",
];

/// The tables, each with its keys and how often one of them is set.
const TABLES: &[(&str, &[Key])] = &[
    ("", TOP),
    ("space", SPACE),
    ("confluence", CONFLUENCE),
    ("gemini", PROVIDER),
    ("openai", PROVIDER),
    ("pipeline", PIPELINE),
    ("pipeline", PIPELINE),
];

/// What a scenario is made of: keys by table, faults by service, runs, targets.
#[derive(Debug, Clone)]
enum Part {
    Key(Index, Index, Index),
    Fault(bool, Index, Index),
    ConfluenceFault(Index, Index),
    Run(Vec<(Index, Index)>),
    Target(Index),
    Fallback,
}

fn part() -> impl Strategy<Value = Part> {
    let at = any::<Index>;
    prop_oneof![
        20 => (at(), at(), at()).prop_map(|(table, key, value)| Part::Key(table, key, value)),
        2 => (any::<bool>(), at(), at()).prop_map(|(gemini, when, reply)| Part::Fault(gemini, when, reply)),
        1 => (at(), at()).prop_map(|(when, reply)| Part::ConfluenceFault(when, reply)),
        1 => proptest::collection::vec((at(), at()), 0..3).prop_map(Part::Run),
        1 => at().prop_map(Part::Target),
        2 => Just(Part::Fallback),
    ]
}

fn one<T: Copy>(index: Index, of: &[T]) -> T {
    of[index.index(of.len())]
}

/// A scenario's text.
fn text(seed: u64, parts: &[Part]) -> String {
    let mut tables: Vec<(&str, Vec<(&str, &str)>)> =
        ["", "space", "confluence", "gemini", "openai", "pipeline"]
            .map(|name| (name, Vec::new()))
            .into();
    let mut tail: [String; 5] = Default::default();
    let mut has_openai = false;
    let mut runs = 0;
    for part in parts {
        match part {
            Part::Key(table, key, value) => {
                let (name, keys) = one(*table, TABLES);
                let (key, values) = one(*key, keys);
                let table = &mut tables.iter_mut().find(|(known, _)| *known == name).unwrap().1;
                table.retain(|(known, _)| *known != key);
                table.push((key, one(*value, values)));
                has_openai |= name == "openai";
            }
            Part::Fault(gemini, when, reply) => {
                let service = usize::from(!gemini);
                has_openai |= !gemini;
                let name = ["gemini", "openai"][service];
                let replies = [REPLIES, MODEL_REPLIES].concat();
                let (when, reply) = (one(*when, WHENS), one(*reply, &replies));
                let _ = write!(tail[service], "[[{name}.fault]]\n{when}reply = {{ {reply} }}\n");
            }
            Part::ConfluenceFault(when, reply) => {
                let whens = [WHENS, OPERATIONS].concat();
                let (when, reply) = (one(*when, &whens), one(*reply, REPLIES));
                let _ = write!(tail[2], "[[confluence.fault]]\n{when}reply = {{ {reply} }}\n");
            }
            Part::Run(keys) => {
                runs += 1;
                let _ = writeln!(tail[3], "[[run]]\nname = \"run{runs}\"");
                let mut seen: Vec<&str> = Vec::new();
                for (key, value) in keys {
                    let (key, values) = one(*key, RUN);
                    if !seen.contains(&key) {
                        seen.push(key);
                        let _ = writeln!(tail[3], "{key} = {}", one(*value, values));
                    }
                }
            }
            Part::Target(target) => {
                let line = one(*target, TARGETS);
                if !tail[4].contains(line) {
                    let _ = writeln!(tail[4], "{line}");
                }
            }
            Part::Fallback => has_openai = true,
        }
    }
    if !has_openai {
        tables.retain(|(name, _)| *name != "openai");
    }
    let mut text = format!("# Fuzz?\nschema = 1\nseed = {seed}\n");
    write_tables(&mut text, &tables, &tail);
    if !tail[4].is_empty() {
        let _ = write!(text, "[targets.{}]\n{}", if runs > 0 { "run1" } else { "run" }, tail[4]);
    }
    text
}

fn write_tables(text: &mut String, tables: &[(&str, Vec<(&str, &str)>)], tail: &[String; 5]) {
    for (name, keys) in tables {
        if !name.is_empty() {
            let _ = writeln!(text, "[{name}]");
        }
        match *name {
            "gemini" => text.push_str("model = \"gemini-3.5-flash-lite\"\n"),
            "openai" => text.push_str("model = \"gpt-6-luna\"\n"),
            "space" if keys.iter().all(|(key, _)| *key != "chars") => {
                text.push_str("chars = { median = 300, sigma = 0.6, max = 2000 }\n");
            }
            _ => {}
        }
        if *name == "space" && keys.iter().all(|(key, _)| *key != "pages") {
            text.push_str("pages = 40\n");
        }
        let is_paced = keys.iter().any(|(_, value)| value.contains("quota"));
        for (key, value) in
            keys.iter().filter(|(key, _)| !is_paced || *key != "quota" || *name != "pipeline")
        {
            let _ = writeln!(text, "{key} = {value}");
        }
        let at = match *name {
            "gemini" => 0,
            "openai" => 1,
            "confluence" => 2,
            "pipeline" => 3,
            _ => continue,
        };
        text.push_str(&tail[at]);
    }
}

pub(crate) fn texts() -> impl Strategy<Value = String> {
    let seed = prop_oneof![0..3_u64, any::<u32>().prop_map(u64::from), Just(9_007_199_254_740_991)];
    (seed, proptest::collection::vec(part(), 0..26)).prop_map(|(seed, parts)| text(seed, &parts))
}

/// Plays a scenario if it is one; gives the digests of its runs if they all ended.
fn played(text: &str, transport: Transport) -> Option<Vec<String>> {
    let scenario = Scenario::parse("fuzz", "fuzz.toml", text, Path::new(".")).ok()?;
    let targets = target_syntax::of(&scenario).ok()?;
    let options = Options { transport, ..Options::default() };
    match judge::run(&scenario, &targets, &options) {
        Ok(judged) => {
            for run in &judged.runs {
                timeline::rows(&run.log);
                quota_usage::of(&scenario, &run.log);
            }
            if text.len().is_multiple_of(16) {
                for (name, drawn) in pictures::all(&scenario, &judged) {
                    drawn.unwrap_or_else(|error| panic!("{name}: {error}"));
                }
            }
            Some(judged.digests())
        }
        Err(JudgeError::Sim(SimError::Deadline { .. })) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn scenarios() {
    play("scenarios", 60, texts(), |text| {
        played(text, Transport::Direct);
    });
}

#[test]
fn scenarios_over_http() {
    play("scenarios-http", 6, texts(), |text| {
        let direct = played(text, Transport::Direct);
        assert_eq!(played(text, Transport::Wire), direct);
    });
}

#[test]
fn most_of_them_are_scenarios() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut valid = 0;
    for _ in 0..200 {
        let text = texts().new_tree(&mut runner).unwrap().current();
        let read = Scenario::parse("fuzz", "fuzz.toml", &text, Path::new("."));
        valid += usize::from(read.and_then(|scenario| target_syntax::of(&scenario)).is_ok());
    }
    assert!(valid > 100, "{valid} of 200");
}
