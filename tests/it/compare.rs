//! Comparing: what is a regression, what is none, and what is named.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tagspace::Metric;
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::compare;
use tagspace::internals::study::compare::recorded::{Recorded, SeedValue};
use tagspace::internals::study::compare::{
    Comparison, ComparisonVerdict, Mode, Recordings, Rules, baseline,
};
use tagspace::verdict::Figure;

use crate::common::{played, scenario};

/// No quota binds here; latencies are luck.
const FREE: &str = r#"# How long does it take?
schema = 1
seed = 1
[space]
pages = 12
[confluence]
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 1000, sigma = 0.3 }
[pipeline]
concurrency = 2
batch_size = 2
"#;
/// A pipeline that sleeps 30 ms after each answer, of about a second each: 3 % of every attempt.
const SLEEPY: &str = "pipeline.pause_ms=30";

/// What was recorded of these seeds, as if they were 1 to `count`.
fn recorded(scenario: &Scenario, first: u64, count: u64) -> Recordings {
    let recorded = Recorded::of_played(scenario, &played(scenario, first..first + count));
    [("free".to_owned(), recorded)].into()
}

pub(crate) fn paired(base: &Recordings, new: &Recordings) -> Comparison {
    compare::compare(base, new, Mode::Paired, Rules::default())
}

#[test]
fn three_percent_of_sleep_are_found_with_32_seeds() {
    // A batch that sleeps keeps its place.
    let places = "pipeline.in_flight_batches=2";
    let base = recorded(&scenario(FREE, &[places]), 1, 32);
    let sleepy = scenario(FREE, &[places, SLEEPY]);
    let found = paired(&base, &recorded(&sleepy, 1, 32));
    assert_eq!(found.verdict(), ComparisonVerdict::Regressed);
    let moved = &found.scenarios[0].runs[0].moved;
    let makespan = moved.iter().find(|moved| moved.figure.metric == Metric::Makespan).unwrap();
    assert_eq!((makespan.verdict, makespan.paired.more), (ComparisonVerdict::Regressed, 32));
    let share =
        makespan.paired.mean_milli * 1000 / i64::try_from(makespan.base_mean_milli).unwrap();
    assert!((10..=31).contains(&share), "{share} thousandths");
    // The other way round it is an improvement; with itself nothing.
    assert_eq!(paired(&recorded(&sleepy, 1, 32), &base).verdict(), ComparisonVerdict::Improved);
    let itself = paired(&base, &base);
    assert_eq!(itself.verdict(), ComparisonVerdict::NoChange);
    assert_eq!(itself.scenarios[0].runs[0].moved, []);
}

#[test]
fn a_hundred_placebos_raise_few_false_alarms() {
    // The same code and the same pages; only what the services draw is drawn from another stream.
    let weather = |which: u64| {
        let scenario = scenario(FREE, &["space.pages=4", &format!("weather={which}")]);
        recorded(&scenario, 1, 32)
    };
    let weather: Vec<Recordings> = (0..=100).map(weather).collect();
    let found: Vec<Comparison> =
        weather.windows(2).map(|pair| paired(&pair[0], &pair[1])).collect();
    let of = |verdict: fn(ComparisonVerdict) -> bool| {
        found.iter().filter(|found| verdict(found.verdict())).count()
    };
    assert!(
        of(|verdict| verdict != ComparisonVerdict::NoChange) <= 5,
        "{} false alarms",
        100 - of(|verdict| verdict == ComparisonVerdict::NoChange)
    );
    // One seed of each says nothing.
    let one = |which: usize| {
        let scenario = scenario(FREE, &["space.pages=4", &format!("weather={which}")]);
        recorded(&scenario, 1, 1)
    };
    let few = compare::compare(&one(1), &one(2), Mode::Exact, Rules::default());
    assert_eq!(few.verdict(), ComparisonVerdict::Incomparable);
    // Luck is compared here, and the report says so; it is no drift.
    assert!(found.iter().all(|found| found.scenarios[0].runs[0].drifts.is_empty()));
    let reason = found[0].scenarios[0].reason.as_deref().unwrap();
    assert!(reason.contains("another weather"), "{reason}");
    let first = baseline::read(&baseline::write(&Recordings::new(), &weather[0]).unwrap()).unwrap();
    let again = baseline::read(&baseline::write(&first, &weather[1]).unwrap()).unwrap();
    let means = |all: &Recordings| all["free"].run["run"].first_mean_milli.clone();
    assert_ne!(means(&first), means(&again), "the means of another weather begin anew");
    let makespan = |found: &&Comparison| {
        found.scenarios[0].runs[0].moved.iter().any(|moved| moved.figure.metric == Metric::Makespan)
    };
    assert_eq!(found.iter().filter(makespan).count(), 100, "every weather is another one");
}

/// A recording in which every watched figure of every seed is `draw` away from its mean.
pub(crate) fn drawn(seeds: u64, of: impl Fn(u64, u64) -> u64) -> Recordings {
    let base = recorded(&scenario(FREE, &["space.pages=1"]), 1, 1);
    let mut all = base.clone();
    let one = all.get_mut("free").unwrap();
    one.seeds = (1..=seeds).collect();
    let run = one.run.get_mut("run").unwrap();
    run.events_sha256 = vec![String::new(); usize::try_from(seeds).unwrap()];
    run.figures.retain(|name, _| Figure::find(name).and_then(Figure::better).is_some());
    for (place, values) in run.figures.values_mut().enumerate() {
        *values = (1..=seeds).map(|seed| SeedValue(Some(of(place as u64, seed)))).collect();
    }
    all
}

#[test]
fn chance_in_every_figure_at_once_is_corrected_for() {
    // Each comparison has thirteen watched figures, each of which moves by far in every seed, up or
    // down by the throw of a coin. At 1 % for each of them, about 16 of 300 would be alarms.
    let coin = |which: u64| {
        drawn(16, move |figure, seed| {
            let draw = Seed(which).draw("placebo", figure, seed);
            1_000_000_000 + draw.below(500_000_000)
        })
    };
    let pairs = (0..300).map(|which| paired(&coin(2 * which), &coin(2 * which + 1)));
    let alarms = pairs.filter(|found| found.verdict() != ComparisonVerdict::NoChange).count();
    assert!(alarms <= 7, "{alarms} false alarms");
}

#[test]
fn with_too_few_seeds_pairs_are_not_asked() {
    let of = |seeds| recorded(&scenario(FREE, &[]), 1, seeds);
    let rules = Rules::default();
    assert_eq!(compare::seeds(&of(11), &of(11), rules), (11, 12));
    assert_eq!(compare::mode(&of(11), &of(11), rules), Mode::Exact);
    assert_eq!(compare::mode(&of(12), &of(12), rules), Mode::Paired);
    let twice = |seeds| {
        let one = of(seeds)["free"].clone();
        Recordings::from([("one".to_owned(), one.clone()), ("two".to_owned(), one)])
    };
    assert_eq!(compare::seeds(&twice(12), &twice(12), rules), (12, 13));
    // Enough of them to find what is worse in all.
    let slower = recorded(&scenario(FREE, &["pipeline.concurrency=1"]), 1, 12);
    assert_eq!(paired(&of(12), &slower).verdict(), ComparisonVerdict::Regressed);
}

#[test]
fn another_world_is_incomparable_other_settings_are_not() {
    let base = recorded(&scenario(FREE, &[]), 1, 12);
    let other = recorded(&scenario(FREE, &["space.pages=13"]), 1, 12);
    let found = paired(&base, &other);
    assert_eq!(found.verdict(), ComparisonVerdict::Incomparable);
    assert!(found.verdict().is_failure());
    let slower = recorded(&scenario(FREE, &["pipeline.concurrency=1"]), 1, 12);
    let found = paired(&base, &slower);
    assert!(found.scenarios[0].has_other_settings);
    assert_eq!(found.scenarios[0].runs[0].seeds, (1..=12).collect::<Vec<_>>());
    // What is gone must not pass; what is new may.
    assert_eq!(paired(&base, &Recordings::new()).verdict(), ComparisonVerdict::Missing);
    // Seeds of one side only are told.
    let fewer = paired(&base, &recorded(&scenario(FREE, &[]), 1, 6));
    assert_eq!(fewer.scenarios[0].reason.as_deref(), Some("6 seeds are on one side only"));
    let found = paired(&Recordings::new(), &base);
    assert_eq!((found.verdict(), found.verdict().is_failure()), (ComparisonVerdict::New, false));
}

#[test]
fn a_change_below_the_floors_is_none_however_sure_it_is() {
    let base = recorded(&scenario(FREE, &[]), 1, 32);
    let mut new = base.clone();
    let values = |new: &mut Recordings, by: u64| {
        let run = new.get_mut("free").unwrap().run.get_mut("run").unwrap();
        for value in run.figures.get_mut("makespan").unwrap() {
            value.0 = value.0.map(|value| value + by);
        }
    };
    values(&mut new, 20);
    let found = paired(&base, &new);
    let moved = &found.scenarios[0].runs[0].moved[0];
    assert_eq!((moved.verdict, moved.paired.more), (ComparisonVerdict::NoChange, 32));
    assert!(moved.p < 1e-6, "{}", moved.p);
    values(&mut new, 200);
    assert_eq!(paired(&base, &new).verdict(), ComparisonVerdict::Regressed);
}

#[test]
fn who_does_less_has_become_worse_however_fast() {
    let base = recorded(&scenario(FREE, &[]), 1, 16);
    let dry = recorded(&scenario(FREE, &["pipeline.dry_run=true"]), 1, 16);
    let with = |figure: &str, value: u64| {
        let mut new = base.clone();
        let run = new.get_mut("free").unwrap().run.get_mut("run").unwrap();
        run.figures.get_mut(figure).unwrap().fill(SeedValue(Some(value)));
        new
    };
    for (figure, less) in [
        ("pages_unlabelled", dry),
        ("pages_not_done", with("pages_not_done", 1)),
        ("pages", with("pages", 11)),
    ] {
        let found = paired(&base, &less);
        assert_eq!(found.verdict(), ComparisonVerdict::Regressed, "{figure}");
        let moved = &found.scenarios[0].runs[0].moved;
        let one = moved.iter().find(|moved| moved.figure.to_string() == figure).unwrap();
        assert_eq!((one.verdict, one.paired.same), (ComparisonVerdict::Regressed, 0));
    }
}

#[test]
fn a_baseline_keeps_the_first_means_and_is_read_back() {
    let base = recorded(&scenario(FREE, &[]), 1, 12);
    let first = baseline::read(&baseline::write(&Recordings::new(), &base).unwrap()).unwrap();
    let slower = recorded(&scenario(FREE, &["pipeline.concurrency=1"]), 1, 12);
    let second = baseline::read(&baseline::write(&first, &slower).unwrap()).unwrap();
    let run = |all: &Recordings| all["free"].run["run"].clone();
    assert_ne!(run(&second).figures["makespan"], run(&first).figures["makespan"]);
    assert_eq!(run(&second).first_mean_milli, run(&first).first_mean_milli);
    // Another world begins anew.
    let other = recorded(&scenario(FREE, &["space.pages=13"]), 1, 12);
    let third = baseline::read(&baseline::write(&first, &other).unwrap()).unwrap();
    assert_ne!(run(&third).first_mean_milli, run(&first).first_mean_milli);
    assert_eq!(paired(&first, &base).verdict(), ComparisonVerdict::NoChange);
    assert!(paired(&first, &base).scenarios[0].runs[0].differing.is_empty());
    // How far it has come remains to be seen, where nothing moves any more.
    let found = paired(&second, &slower);
    assert_eq!(found.verdict(), ComparisonVerdict::NoChange);
    let drifts = &found.scenarios[0].runs[0].drifts;
    let drift = drifts.iter().find(|drift| drift.figure.metric == Metric::Makespan).unwrap();
    let mean = |all: &Recordings| {
        run(all).figures["makespan"].iter().filter_map(|cell| cell.0).sum::<u64>() * 1000 / 12
    };
    assert_eq!((drift.first_mean_milli, drift.new_mean_milli), (mean(&base), mean(&slower)));
    // Other seeds begin anew; of some of them nothing has drifted because they are slow ones.
    let few = recorded(&scenario(FREE, &[]), 1, 4);
    let fourth = baseline::read(&baseline::write(&first, &few).unwrap()).unwrap();
    assert_ne!(run(&fourth).first_mean_milli, run(&first).first_mean_milli);
    let found = compare::compare(&first, &few, Mode::Exact, Rules::default());
    assert_eq!(found.scenarios[0].runs[0].drifts, []);
    let apart = run(&few).figures["makespan"].iter().filter_map(|cell| cell.0).sum::<u64>() / 4;
    assert!(apart.abs_diff(mean(&base) / 1000) * 50 > apart, "the seeds must differ: {apart}");
    // What a hand broke is told.
    let text = baseline::write(&Recordings::new(), &base).unwrap();
    let cut = text.replacen("seeds = [1, 2, ", "seeds = [2, ", 1);
    insta::assert_snapshot!(baseline::read(&cut).unwrap_err(), @"expected a value of `ai_calls` for each of 11 seeds in the run `run` of `free`, found 12");
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("free.toml"), FREE).unwrap();
        Self(folder)
    }

    fn tagspace(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.current_dir(self.0.path()).args(args).output().unwrap()
    }

    fn run(&self, out: &str, more: &[&str]) -> Output {
        let all = ["run", "free.toml", "--transport", "direct", "--quiet", "--out", out];
        self.tagspace(&[&all[..], more].concat())
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn the_same_is_no_change_and_an_event_changed_by_hand_is_named() {
    let place = Place::new();
    for out in ["base", "new"] {
        assert_eq!(place.run(out, &["--seeds", "1..=12"]).status.code(), Some(0));
    }
    let (code, text) = said(&place.tagspace(&["compare", "base", "new"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("NO CHANGE: 1 no change\n"), "{text}");
    let log = place.path("new/free/seeds/3/events.jsonl");
    let lines = fs::read_to_string(&log).unwrap();
    let all: Vec<&str> = lines.lines().collect();
    let at = all.iter().rposition(|line| line.contains("attempt_finished")).unwrap();
    let call = |line: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["call"].clone()
    };
    let cause = all[..at].iter().rfind(|line| call(line) == call(all[at])).unwrap();
    let changed: Vec<String> =
        lines
            .lines()
            .enumerate()
            .map(|(line, text)| {
                if line == at { text.replace("{\"t_ms\":", "{\"t_ms\":9") } else { text.to_owned() }
            })
            .collect();
    fs::write(&log, changed.join("\n") + "\n").unwrap();
    let (code, text) = said(&place.tagspace(&["compare", "base", "new"]));
    assert_eq!(code, Some(3), "{text}");
    assert!(text.starts_with("CHANGED"), "{text}");
    let named = format!("Seed 3, run `run`: event {} is the first that differs.", at + 1);
    assert!(text.contains(&named), "{text}");
    assert!(text.contains("\n      t_ms: "), "{text}");
    // What led to it, on both sides: the start of that call.
    assert!(
        cause.contains("attempt_started") && text.matches(cause).count() >= 2,
        "{cause}: {text}"
    );
}

#[test]
fn one_seed_is_compared_exactly_and_another_setting_with_its_first_event() {
    let place = Place::new();
    place.run("base", &[]);
    place.run("new", &["--set", "pipeline.batch_size=3"]);
    let (code, text) =
        said(&place.tagspace(&["compare", "base", "new", "-o", "json=compare.json"]));
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("exact: the logs must be the same"), "{text}");
    assert!(text.contains("What differs: batch_size: 2 -> 3."), "{text}");
    // First what happened, then what came of it.
    let place_of = |words: &str| text.find(words).unwrap();
    assert!(place_of("is the first that differs") < place_of("| ai_calls"), "{text}");
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("compare.json")).unwrap()).unwrap();
    let first = &json["scenarios"][0]["first_difference"][0];
    assert!(first["base"].as_str().unwrap().contains("batch_formed"), "{first}");
    // Of a new batch what led to it is the last that happened to one of its pages.
    let read = |what: &str| -> serde_json::Value {
        serde_json::from_str(first[what].as_str().unwrap()).unwrap()
    };
    let (batch, cause) = (read("base"), read("base_cause"));
    assert!(batch["pages"].as_array().unwrap().contains(&cause["page"]), "{first}");
    assert!(read("new_cause").is_object(), "{first}");
    // A folder of one scenario is one as well.
    let (code, text) = said(&place.tagspace(&["compare", "base/free", "base/free"]));
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn two_programs_are_compared_on_the_same_seeds() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_tagspace");
    let args = [
        "compare",
        "--bin",
        program,
        program,
        "free.toml",
        "--seeds",
        "1..=12",
        "-o",
        "markdown=new/folder/is-made.md",
    ];
    let (code, text) = said(&place.tagspace(&args));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("12 seeds: every log is the same to the byte"), "{text}");
    let (code, text) =
        said(&place.tagspace(&["compare", "--bin", program, "./nothing", "free.toml"]));
    assert_eq!(code, Some(2));
    assert!(text.contains("./nothing: cannot start the program"), "{text}");
}

#[test]
fn a_baseline_is_saved_compared_and_changed_only_by_a_blessing() {
    let place = Place::new();
    let seeds = ["--seeds", "1..=16"];
    let run = |more: &[&str]| said(&place.run("out", &[&seeds[..], more].concat()));
    let slow = ["--set", "pipeline.concurrency=1"];
    // Missing: said, and a failure only where that is asked.
    let (code, text) = run(&["--baseline", "main"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("warning: reports/baselines/main.toml is not there"), "{text}");
    assert_eq!(run(&["--baseline-lenient", "main"]), (Some(0), String::new()));
    let (code, text) = run(&["--baseline", "main", "--require-baseline"]);
    assert_eq!(code, Some(2), "{text}");
    assert_eq!(run(&["--save-baseline", "main"]).0, Some(0));
    assert_eq!(run(&["--baseline", "main", "--require-baseline"]).0, Some(0));
    // A file that does not have the scenario is no baseline for it.
    let path = place.path("reports/baselines/main.toml");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(place.path("reports/baselines/other.toml"), whole.replace("free", "other")).unwrap();
    let (code, text) = run(&["--baseline", "other", "--require-baseline"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("expected figures of `free`, found none"), "{text}");
    // Nor is a scenario without targets judged.
    let (code, text) = run(&["--require-targets"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("expected at least one target, found none"), "{text}");
    let (code, text) = run(&[&slow[..], &["--baseline", "main"]].concat());
    assert_eq!(code, Some(3), "{text}");
    let line = "free: regressed against reports/baselines/main.toml: concurrency: 2 -> 1";
    assert!(text.starts_with(line), "{text}");
    // Both at once: compared with one, saved as another.
    let both = ["--baseline", "main", "--save-baseline", "slow"];
    assert_eq!(run(&[&slow[..], &both].concat()).0, Some(3));
    let (code, text) = run(&[&slow[..], &["--baseline", "slow"]].concat());
    assert_eq!(code, Some(0), "{text}");
    let before = fs::read(place.path("reports/baselines/main.toml")).unwrap();
    let (code, text) = run(&[&slow[..], &["--save-baseline", "main"]].concat());
    assert_eq!(code, Some(2));
    assert!(text.contains("accept them with --bless"), "{text}");
    assert_eq!(fs::read(place.path("reports/baselines/main.toml")).unwrap(), before);
    assert_eq!(run(&[&slow[..], &["--baseline", "main", "--bless"]].concat()).0, Some(0));
    // Other seeds cannot go on from the means of these, and that is said.
    let others = ["--seeds", "1..=13", "--save-baseline", "slow", "--bless"];
    let output = place.tagspace(&[&["run", "free.toml", "--out", "out13"], &others[..]].concat());
    let (code, text) = said(&output);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("begins anew"), "{text}");
    // From now on it is the slow one that is accepted; how far it has come remains to be seen.
    let (code, text) = said(&place.tagspace(&["compare", "--baseline", "main", "out"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Since it was first accepted: makespan +"), "{text}");
    place.run("fast", &seeds);
    let (code, text) = said(&place.tagspace(&["compare", "--baseline", "main", "fast"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("Since it was first accepted"), "{text}");
    let row = text.lines().find(|line| line.starts_with("| makespan")).unwrap();
    assert!(row.ends_with("improved |"), "{row}");
    fs::copy(place.path("free.toml"), place.path("other.toml")).unwrap();
    let (_, text) = said(&place.tagspace(&["run", "other.toml", "-q", "--baseline", "main"]));
    assert!(text.contains("main.toml has nothing of `other`"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_told() {
    let place = Place::new();
    place.run("base", &[]);
    fs::create_dir(place.path("empty")).unwrap();
    let refused = |args: &[&str]| {
        let (code, text) = said(&place.tagspace(&[&["compare"], args].concat()));
        assert_eq!(code, Some(2), "{text}");
        text
    };
    // No chance at all, no file, one file for two: none is taken for something else.
    for (args, wanted) in [
        (&["base", "base", "--significance-level", "0%"][..], "expected more than 0%"),
        (&["base", "base", "-o", "json=-"], "--format is for standard output"),
        (&["base", "base", "-o", "json=a", "-o", "text=a"], "cannot be written twice"),
        (&["--bin", "/bin/true", "/bin/true", "free.toml"], "expected a tagspace program"),
    ] {
        let text = refused(args);
        assert!(text.contains(wanted), "{text}");
    }
    insta::assert_snapshot!(refused(&["base", "empty"]), @r"
    empty: the folder has no report.json
      help: name a folder that `tagspace run --out` wrote
    ");
    insta::assert_snapshot!(refused(&["base", "nowhere"]), @r"
    nowhere: cannot read: No such file or directory (os error 2)
      help: name a folder that `tagspace run --out` wrote
    ");
    let log = "json=base/free/events.jsonl";
    let text = refused(&["base", "base", "-o", log]);
    assert!(text.contains("in the folder of a scenario's report"), "{text}");
    let text = refused(&["base"]);
    assert!(text.starts_with("expected two paths, found 1"), "{text}");
    fs::write(place.path("base/free/report.json"), "{}").unwrap();
    let text = refused(&["base", "base"]);
    assert!(text.contains("base/free: expected a report of each seed"), "{text}");
    let path = Path::new("reports/baselines");
    fs::create_dir_all(place.path(path.to_str().unwrap())).unwrap();
    fs::write(place.path("reports/baselines/bad.toml"), "format_version = 9\n").unwrap();
    let text = refused(&["--baseline", "bad", "base"]);
    assert!(
        text.starts_with("reports/baselines/bad.toml: expected format_version 1, found 9"),
        "{text}"
    );
}
