//! What people write and edit: scenarios, settings, targets, grids, baselines, parts, logs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tagspace::internals::study::experiment::runner::TrialRunner;

use tagspace::Metric;
use tagspace::internals::pipeline::batch::BatchId;
use tagspace::internals::pipeline::learned_quotas::LearnedQuotas;
use tagspace::internals::report::compare::{Differences, Sides};
use tagspace::internals::report::tune::minimax as robust_report;
use tagspace::internals::report::{compare as report, tune as tune_report};
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::scenario::{Scenario, overrides};
use tagspace::internals::sim::{Options, Recording, Transport};
use tagspace::internals::study::compare;
use tagspace::internals::study::compare::{
    Mode, Recordings, Rules, baseline, event_diff, recorded,
};
use tagspace::internals::study::diagnosis::chain;
use tagspace::internals::study::measure::figures::Figures;
use tagspace::internals::study::measure::{bound, invariants, quota_usage, timeline};
use tagspace::internals::study::tune::grid::Axis;
use tagspace::internals::study::tune::shard::{Header, Shard};
use tagspace::internals::study::tune::trials::{Results, TrialId};
use tagspace::internals::study::tune::{
    Objective, StudySpec, grid, minimax, ranking, scenario_table, shard, trials,
};
use tagspace::internals::study::verdict::judge::JudgedScenario;
use tagspace::internals::study::verdict::seeds::PlayedSeed;
use tagspace::internals::study::verdict::{judge, target, target_syntax};

use crate::engine::{edited, play};

/// The shipped scenarios.
fn shipped() -> Vec<String> {
    let folder = fs::read_dir("scenarios").unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        folder.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn small() -> Scenario {
    Scenario::read(Path::new("scenarios/small.toml"), &[]).unwrap()
}

const TOML: &[&str] = &[
    "[[run]]\n",
    "[tune]\n",
    "{ ",
    " }",
    "= ",
    "\"",
    "[",
    "]",
    "\n",
    "'''",
    "# ",
    ".",
    ",",
    "_",
    "1_000",
    "0x7fffffffffffffff",
    "1979-05-27T07:32:00Z",
    "\\u0000",
    "ratio = ",
    "fault]]",
    "é",
    "quota = { requests = 1 }\n",
    "latency = { dist = \"empirical\", quantiles_ms = [] }\n",
];

fn read(text: &str) -> Option<Scenario> {
    match Scenario::parse("fuzz", "fuzz.toml", text, Path::new("scenarios")) {
        Ok(scenario) => Some(scenario),
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            None
        }
    }
}

#[test]
fn scenario_files() {
    play("scenario-file", 200, edited("scenario-file", shipped(), TOML), |text| {
        let Some(scenario) = read(text) else { return };
        if let Err(problem) = target_syntax::of(&scenario) {
            assert!(!problem.to_string().is_empty());
        }
        if let Err(problems) = scenario_table::read(&scenario) {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    });
}

#[test]
fn settings() {
    let examples = [
        "pipeline.batch_size=10",
        "gemini.latency={dist=\"lognormal\",median_ms=450,sigma=15}",
        "run.second.changed_ratio=0.5",
        "gemini.quota={requests=150,per_s=60}",
        "targets.run.ai_calls=\"<= 0\"",
        "space.pages=1000000",
        "taxonomy={a=[\"b\"]}",
    ];
    let shipped = small().text;
    let examples = examples.map(str::to_owned).to_vec();
    play("set", 300, edited("set", examples, TOML), |setting| {
        if let Ok(text) = overrides::apply(&shipped, &[setting.to_owned()], Path::new(".")) {
            read(&text);
        }
    });
}

#[test]
fn environment_files() {
    let example = "TAG_SPACE_AI_CONCURRENCY=5\nexport TAG_SPACE_BATCH_SIZE='10'\n# x\nTAG_SPACE_CACHE_SIZE=1000\nTAG_SPACE_CACHE_ENABLED=true\nTAG_SPACE_MAX_AI_CONCURRENCY=\"16\"\n";
    let words = &["=", "export ", "\n", "\"", "TAG_SPACE_", "${A}", "\r\n", " "];
    play("env-file", 300, edited("env-file", vec![example.to_owned()], words), |text| {
        let shipped = small().text;
        let read_file = tagspace::internals::sim::scenario::env_file::from_env_file;
        let Ok(patch) = read_file(Path::new("x.env"), text) else { return };
        let written = patch.written().into_iter();
        let settings: Vec<String> =
            written.map(|(key, value)| format!("pipeline.{key}={value}")).collect();
        if let Ok(text) = overrides::apply(&shipped, &settings, Path::new(".")) {
            read(&text);
        }
    });
}

#[test]
fn target_limits() {
    let examples = [
        "pages_failed == 0",
        "rate_limited_ratio <= 1%",
        "page_latency p95 <= 45s",
        "cost < $0.20 in >= 95% of seeds",
        "makespan <= 2.5m",
        "queue_wait sum >= 1h",
        "concurrency final == 3",
    ];
    let words = &[" in ", "% of seeds", "<=", ">", "p", "ms", "$", ".", "e", "-", "+", " "];
    let figures = Figures::default();
    let examples = examples.map(str::to_owned).to_vec();
    play("target", 500, edited("target", examples, words), |text| {
        if let Ok(target) = target_syntax::in_one_piece("run", text) {
            target::judge(&target, &figures, None);
        }
    });
}

#[test]
fn grids() {
    let examples = [
        "pipeline.batch_size=5,10,20",
        "pipeline.concurrency=1..=16",
        "gemini.quota={requests=1,per_s=2},{requests=3}",
        "1..=16",
        "9007199254740991",
    ];
    let words = &["..=", "..", ",", "{", "}", "[", "]", "\"", "'", "=", "1..=1024,"];
    let examples = examples.map(str::to_owned).to_vec();
    play("grid", 500, edited("grid", examples, words), |text| {
        let seeds = grid::seeds(text).unwrap_or(1..=16);
        if let Ok(axis) = Axis::parse(text) {
            let axes = [axis.clone(), axis];
            if grid::check_size(&axes, &seeds, 3).is_ok() {
                let points = grid::points(&axes);
                assert!(points.len() <= 10_000);
                grid::settings(&axes, &points[points.len() - 1]);
            }
        }
    });
}

/// Thirteen seeds of a small scenario.
static RECORDED: LazyLock<(Scenario, Vec<PlayedSeed>)> = LazyLock::new(|| {
    let scenario = small();
    let options = Options { transport: Transport::Direct, ..Options::default() };
    let play = |(at, seed)| {
        PlayedSeed::of(at, &judge::run(&scenario.seeded(seed), &[], &options).unwrap())
    };
    let played = (1..).zip(1..=13).map(play).collect();
    (scenario.clone(), played)
});

fn recordings() -> Recordings {
    let (scenario, played) = &*RECORDED;
    let recorded = recorded::Recorded::of_played(scenario, played);
    BTreeMap::from([(scenario.name.clone(), recorded)])
}

fn compared(base: &Recordings, new: &Recordings) {
    for mode in [Mode::Exact, Mode::Paired, compare::mode(base, new, Rules::default())] {
        let comparison = compare::compare(base, new, mode, Rules::default());
        let sides = Sides { base: "base".to_owned(), new: "new".to_owned() };
        report::text(&comparison, &sides, &Differences::new());
        report::json(&comparison, &sides, &Differences::new());
    }
}

#[test]
fn baselines() {
    let now = recordings();
    let written = baseline::write(&Recordings::new(), &now).unwrap();
    play("baseline", 60, edited("baseline", vec![written], TOML), |text| {
        if let Ok(before) = baseline::read(text) {
            compared(&before, &now);
            compared(&now, &before);
            let again = baseline::write(&before, &now).unwrap();
            baseline::read(&again).unwrap();
        }
    });
}

#[test]
fn reports() {
    let (scenario, _) = &*RECORDED;
    let options = Options { transport: Transport::Direct, ..Options::default() };
    let judged = judge::run(scenario, &[], &options).unwrap();
    let report = tagspace::internals::report::run::json::report(scenario, &judged).to_string();
    let now = recordings();
    play("report", 100, edited("report", vec![report], TOML), |text| {
        let Ok(report) = serde_json::from_str::<serde_json::Value>(text) else { return };
        if let Some(recorded) = recorded::Recorded::of_reports(&[report.clone(), report]) {
            let other = BTreeMap::from([("small".to_owned(), recorded)]);
            compared(&other, &now);
            compared(&now, &other);
        }
    });
}

/// A study about the smallest scenario, and what came of it.
fn spec() -> (Vec<StudySpec>, Results) {
    let scenario = small();
    let specs = vec![StudySpec {
        run: "run".to_owned(),
        folder: PathBuf::from("scenarios"),
        axes: vec![Axis::parse("pipeline.batch_size=2,5").unwrap()],
        seeds: 1..=3,
        objective: Objective::Fastest,
        require: vec![target_syntax::in_one_piece("run", "pages_failed == 0").unwrap()],
        scenario,
    }];
    let all = trials::all(&specs);
    let results =
        trials::play(&specs, &all, &TrialRunner::new(1).unwrap(), &|_: TrialId, _: &_| Ok(()))
            .unwrap();
    (specs, results)
}

#[test]
fn parts() {
    let (specs, results) = spec();
    let mut written = Vec::new();
    shard::write_header(&Header::of(&specs, Shard { index: 1, count: 1 }), &mut written).unwrap();
    for (trial, result) in &results {
        shard::write_trial(*trial, result, &mut written).unwrap();
    }
    let example = String::from_utf8(written).unwrap();
    let words = &["\n", "\"met\":[", "null", "{}", "[]", ",", "\"seed\":", "true", "\"cell\":"];
    play("part", 100, edited("part", vec![example], words), |text| {
        let Ok((header, results)) = shard::read_part(text) else { return };
        let Ok(asked) = header.specs() else { return };
        header.shard.missing(&asked, &results);
        let tuned = ranking::of(asked[0].clone(), 0, &results);
        tune_report::text(&tuned, None);
        tune_report::json(&tuned);
        tune_report::csv(&tuned, std::io::sink()).unwrap();
        tune_report::heat_map(&tuned).unwrap();
        tune_report::front(&tuned).unwrap();
        let both = [tuned.clone(), tuned];
        let losses = minimax::of(&both);
        robust_report::text(&both, &losses, &[]);
        robust_report::json(&both, &losses);
        robust_report::csv(&both, &losses, std::io::sink()).unwrap();
    });
}

/// The log of a run with refusals, fallbacks and faults.
static LOGGED: LazyLock<(Scenario, JudgedScenario)> = LazyLock::new(|| {
    let text = "# Log?\nschema = 1\nseed = 4\n[space]\npages = 12\nchars = { median = 200, sigma = 0.3, max = 500 }\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\nquota = { requests = 3, per_s = 5 }\nneighbour = { requests = 10 }\n[[gemini.fault]]\nwhen = { ratio = 0.4 }\nreply = { status = 503 }\n[openai]\nmodel = \"gpt-6-luna\"\n[pipeline]\nprofile = \"recommended\"\nbatch_size = 2\n";
    let scenario = Scenario::parse("log", "log.toml", text, Path::new(".")).unwrap();
    let options = Options { transport: Transport::Direct, ..Options::default() };
    let judged = judge::run(&scenario, &[], &options).unwrap();
    (scenario, judged)
});

#[test]
fn logs() {
    let (scenario, judged) = &*LOGGED;
    let mut written = Vec::new();
    judged.runs[0].log.write(&mut written).unwrap();
    let example = String::from_utf8(written).unwrap();
    let words = &["\n", "null", "\"t_ms\":", "\"event\":\"page_tagged\"", "{}", "[", "]", ","];
    let original = example.clone();
    play("log", 60, edited("log", vec![example], words), |text| {
        let _ = Log::read(text.as_bytes());
        // A line that is none ends the reading; what can be read is judged.
        let is_event = |line: &&str| Log::read(line.as_bytes()).is_ok_and(|logs| !logs.is_empty());
        let events: Vec<&str> = text.lines().filter(is_event).collect();
        let Some(log) = Log::read(events.join("\n").as_bytes()).unwrap().pop() else { return };
        let _ = Figures::of(&log, &scenario.prices).of_real_services();
        let figures = Figures::of(&log, &scenario.prices);
        for figure in tagspace::verdict::Figure::all() {
            figures.integer(figure);
        }
        timeline::rows(&log);
        timeline::outcomes(&log);
        timeline::cancelled_ms(&log);
        invariants::violations(&log);
        quota_usage::of(scenario, &log);
        let run = judge::live(Figures::of(&log, &scenario.prices), log.clone());
        for metric in Metric::ALL {
            if let Some(worst) = chain::worst(&log, *metric) {
                let events = chain::events(&log, &worst.of);
                tagspace::internals::report::diagnosis::chain::text(&run, *metric, &worst, &events);
            }
        }
        let mut log = log;
        log.run = "run".to_owned();
        bound::of(scenario, std::slice::from_ref(&log), &log);
        event_diff::first_difference(original.as_bytes(), text.as_bytes()).unwrap();
        let judged =
            judge::judge(scenario, &[], Recording { logs: vec![log], ..Recording::default() });
        if let Ok(judged) = judged {
            tagspace::internals::report::run::json::report(scenario, &judged);
        }
    });
}

#[test]
fn memories() {
    let example = r#"{"providers":{"gemini https://x y 12345678":[{"dimension":"requests","limit":150,"window_ms":60000,"inferred":false,"refused_count":false,"stated_ms_ago":100,"taken":[[10,1],[500,1]]},{"dimension":"tokens","limit":250000,"window_ms":60000,"unit_us":240,"begun_ms_ago":3,"inferred":true,"refused_count":true,"taken":[[10,900],[500,1000]]}]},"closed_ms":{"gemini https://x y 12345678":5000}}"#;
    let words = &["[[", "]]", ",", "{", "}", "null", "\"unit_us\":1,", "\"begun_ms_ago\":0,"];
    play("memory", 200, edited("memory", vec![example.to_owned()], words), |text| {
        let Ok(memory) = serde_json::from_str::<LearnedQuotas>(text) else { return };
        let memory = memory.after(7).after(u64::MAX / 2);
        let Ok(fresh) = serde_json::from_str::<LearnedQuotas>(text) else { return };
        for memory in [memory, fresh] {
            crate::limiters::from_memory(&memory);
        }
        let _ = BatchId(1);
    });
}
