//! Tuning: how a grid is read, which settings win, and what is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tagspace::Metric;
use tagspace::internals::study::experiment::runner::TrialRunner;

use proptest::prelude::*;
use tagspace::internals::report::tune as report;
use tagspace::internals::sim::scenario::{OuterSettings, Scenario, env_file};
use tagspace::internals::study::tune::grid::Axis;
use tagspace::internals::study::tune::{
    Objective, StudySpec, Tuned, grid, minimax, ranking, successive_halving, trials,
};
use tagspace::internals::study::verdict::target_syntax;

use crate::common::same_cases;

fn values(text: &str) -> Vec<String> {
    Axis::parse(text).unwrap().values
}

pub(crate) fn spec(path: &str, axes: &[&str], seeds: u64, require: &[&str]) -> StudySpec {
    StudySpec {
        scenario: Scenario::read(Path::new(path), &[]).unwrap(),
        folder: PathBuf::from("scenarios"),
        axes: axes.iter().map(|axis| Axis::parse(axis).unwrap()).collect(),
        seeds: 1..=seeds,
        objective: Objective::Fastest,
        require: require
            .iter()
            .map(|text| target_syntax::in_one_piece("", text).unwrap())
            .collect(),
        run: "run".to_owned(),
    }
}

/// What came of a study, played on `jobs` threads.
pub(crate) fn played(spec: StudySpec, jobs: usize) -> Tuned {
    let specs = [spec];
    let all = trials::all(&specs);
    let results =
        trials::play(&specs, &all, &TrialRunner::new(jobs).unwrap(), &|_, _| Ok(())).unwrap();
    let [spec] = specs;
    ranking::of(spec, 0, &results)
}

pub(crate) fn tuned(axes: &[&str], seeds: u64, require: &[&str]) -> Tuned {
    played(spec("scenarios/medium.toml", axes, seeds, require), 2)
}

#[test]
fn values_and_ranges_are_read() {
    assert_eq!(values("pipeline.batch_size=1,2, 5"), ["1", "2", "5"]);
    assert_eq!(values("pipeline.concurrency=2..=4"), ["2", "3", "4"]);
    assert_eq!(values("x=1,3..=4"), ["1", "3", "4"]);
    assert_eq!(
        values("gemini.quota={ requests = 5, tokens = 9 },{ requests = 6 }"),
        ["{ requests = 5, tokens = 9 }", "{ requests = 6 }"]
    );
    assert_eq!(values("a=\"x,y\",'z'"), ["\"x,y\"", "'z'"]);
    // A number with a point is no range.
    assert_eq!(values("a=0.5,1.5"), ["0.5", "1.5"]);
}

#[test]
fn what_is_no_axis_is_refused_with_what_is_wanted() {
    let said = |text: &str| Axis::parse(text).unwrap_err();
    insta::assert_snapshot!(said("pipeline.batch_size"), @"expected a key and its values, such as pipeline.batch_size=5,10,20 or pipeline.concurrency=1..=16, found `pipeline.batch_size`");
    insta::assert_snapshot!(said("a=1..16"), @"expected a range such as 1..=16, found `1..16` in `a=1..16`");
    insta::assert_snapshot!(said("a=5..=2"), @"expected an ascending range of at most 1024 numbers, found `5..=2` in `a=5..=2`");
    insta::assert_snapshot!(said("a=1,,2"), @"expected a key and its values, such as pipeline.batch_size=5,10,20 or pipeline.concurrency=1..=16, found an empty value in `a=1,,2`");
    insta::assert_snapshot!(said("a=1,2,1"), @"expected each value once, found `1` twice in `a=1,2,1`");
    insta::assert_snapshot!(target_syntax::in_one_piece("", "rate_limited_rtio <= 1%").unwrap_err(), @"expected a metric and a limit, such as `rate_limited_ratio <= 1%`. did you mean `rate_limited_ratio`?, found `rate_limited_rtio <= 1%`");
    insta::assert_snapshot!(target_syntax::in_one_piece("", "rate_limited_ratio <= 1").unwrap_err(), @"expected a share from 0% to 100%, such as 3%, found the value `1` for rate_limited_ratio");
}

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn the_grid_has_every_combination_once(sizes in prop::collection::vec(1_usize..5, 0..4)) {
        let axes: Vec<Axis> = sizes
            .iter()
            .map(|size| Axis { key: "k".into(), values: (0..*size).map(|n| n.to_string()).collect() })
            .collect();
        let mut points = grid::points(&axes);
        prop_assert_eq!(points.len(), sizes.iter().product::<usize>());
        points.dedup();
        prop_assert_eq!(points.len(), sizes.iter().product::<usize>());
        prop_assert!(points.is_sorted(), "the last axis is the fastest");
    }
}

#[test]
fn the_fastest_that_meets_what_is_required_wins() {
    let axes = ["pipeline.batch_size=1,10", "pipeline.concurrency=1,6"];
    let all = tuned(&axes, 4, &[]);
    let best = all.best().unwrap();
    assert_eq!(best.values, [1, 1], "ten pages in a call, six calls at once");
    // By hand from the single runs: the order is the order of the sums.
    let sums: Vec<u128> =
        all.ranking.iter().map(|index| all.points[*index].sum(Metric::Makespan).unwrap()).collect();
    assert!(sums.is_sorted(), "{sums:?}");
    let one = tuned(&axes, 4, &["ai_calls >= 100"]);
    assert_eq!(one.best().unwrap().values, [0, 1], "the fast one with as many calls as pages");
    assert!(one.others().all(|point| point.values[0] == 0), "ten in a call make too few calls");
    // As many seeds as it says itself, otherwise nearly all.
    let fits = |require: &str| tuned(&axes[1..], 4, &[require]).others().count();
    let slow = tuned(&axes[1..], 4, &[]).points[0].values_of(Metric::Makespan).unwrap();
    let limit = slow.iter().max().unwrap() - 1;
    assert_eq!(fits(&format!("makespan <= {limit}ms")), 0, "one seed of four is too slow");
    assert_eq!(fits(&format!("makespan <= {limit}ms in >= 50% of seeds")), 1);
    let none = tuned(&axes, 2, &["ai_calls == 0"]);
    assert!(none.best().is_none());
    assert_eq!(none.points[0].met, [0]);
}

#[test]
fn a_cell_is_what_run_finds_with_the_same_settings() {
    let tuned = tuned(&["pipeline.batch_size=5,20"], 2, &[]);
    let settings = ["pipeline.batch_size=20".to_owned(), "seed=2".to_owned()];
    let scenario = Scenario::read(Path::new("scenarios/medium.toml"), &settings).unwrap();
    let judged = crate::common::judged(&scenario);
    let figures = &judged.runs[0].figures;
    let outcome = tuned.points[1].outcomes[1].as_ref().unwrap();
    for metric in [Metric::Makespan, Metric::Cost, Metric::AiCalls, Metric::PagesTagged] {
        assert_eq!(outcome[&metric], figures.number(metric), "{metric}");
    }
    let winners = tuned.winners();
    assert_eq!(winners[0], tuned.best().unwrap());
    for winner in winners {
        assert_eq!(trials::confirm(&tuned, winner, 2, true).unwrap(), 2);
    }
}

#[test]
fn how_many_play_at_once_changes_no_byte() {
    let written = |jobs| {
        let axes = ["pipeline.batch_size=5,10", "pipeline.concurrency=1..=3"];
        let spec = spec("scenarios/medium.toml", &axes, 3, &["pages_failed == 0"]);
        let tuned = played(spec, jobs);
        let mut csv = Vec::new();
        report::csv(&tuned, &mut csv).unwrap();
        (
            report::json(&tuned).to_string(),
            csv,
            report::text(&tuned, None),
            report::heat_map(&tuned).unwrap(),
        )
    };
    assert_eq!(written(1), written(3));
}

#[test]
fn the_answer_fed_back_is_the_same_pipeline() {
    let axes = ["pipeline.batch_size=10", "pipeline.concurrency=12", "pipeline.cache=false"];
    let tuned = tuned(&axes, 1, &[]);
    let best = tuned.best().unwrap();
    let env = report::env_block(std::slice::from_ref(&tuned), &best.values);
    assert_eq!(
        env,
        "TAG_SPACE_PROFILE=documented\nTAG_SPACE_AI_CONCURRENCY=12\nTAG_SPACE_BATCH_SIZE=10\n\
         TAG_SPACE_CACHE_ENABLED=false\n"
    );
    let patch = env_file::from_env_file(Path::new("tune.env"), &env).unwrap();
    let path = Path::new("scenarios/medium.toml");
    let variables = Some(env_file::Variables { patch, in_all_runs: false });
    let outer = OuterSettings { variables, set: Vec::new() };
    let fed_back = Scenario::examine(path, &outer).scenario.unwrap();
    let point = trials::scenario(&tuned.spec, &best.values, 42).unwrap();
    assert_eq!(fed_back.config_digest, point.config_digest);
    assert_ne!(fed_back.config_digest, Scenario::read(path, &[]).unwrap().config_digest);
    let toml = report::toml_block(&tuned, best);
    assert_eq!(toml, "[pipeline]\nbatch_size = 10\nconcurrency = 12\ncache = false\n");
}

#[test]
fn the_variables_of_an_answer_make_the_settings_that_won() {
    let of = |path: &str| played(spec(path, &["pipeline.batch_size=10"], 1, &[]), 1);
    let hinted = of("scenarios/hinted-quota.toml");
    let values = &hinted.points[0].values;
    let env = report::env_block(std::slice::from_ref(&hinted), values);
    let patch = env_file::from_env_file(Path::new("tune.env"), &env).unwrap();
    let won = trials::scenario(&hinted.spec, values, 1).unwrap();
    assert_eq!(patch.resolve().unwrap(), won.runs[0].config, "{env}");
    // Of several scenarios only what all have alike is an answer.
    let both = [hinted.clone(), of("scenarios/medium.toml")];
    let env = report::env_block(&both, values);
    assert!(env.contains("TAG_SPACE_BATCH_SIZE=10\n"), "{env}");
    assert!(env.contains("# retry_hints differs between the scenarios\n"), "{env}");
}

fn tagspace(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
    let output = command.arg("tune").arg("scenarios/medium.toml").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_command_writes_its_report_and_says_who_wins() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tuned");
    let axis = ["--set", "pipeline.batch_size=1,10", "--seeds", "1..=2"];
    let args = [axis.as_slice(), &["--out", out.to_str().unwrap()]].concat();
    let (code, said, _) = tagspace(&args);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("Best: batch_size 10. It beats batch_size 1 in 2 of 2 seeds (worse in 0)"),
        "{said}"
    );
    assert!(said.contains("less (too few seeds to tell it from chance)"), "{said}");
    assert!(said.contains("over HTTP with 2 of the seeds: the same to the byte"), "{said}");
    let mut files: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let wanted = "front.png front.svg heat-map.png heat-map.svg report.html targets.toml tune.csv tune.env tune.json tune.md tune.toml";
    assert_eq!(files.join(" "), wanted);
    let rows = fs::read_to_string(out.join("tune.csv")).unwrap().lines().count();
    assert_eq!(rows, 1 + 2 * 2);
    let none = [axis.as_slice(), &["--require", "ai_calls == 0", "--out", out.to_str().unwrap()]];
    let (code, said, _) = tagspace(&none.concat());
    assert_eq!(code, Some(99));
    assert!(said.contains("No setting meets what is required"), "{said}");
    // The answer of before is none to this study.
    for name in ["tune.env", "tune.toml", "targets.toml"] {
        assert!(!out.join(name).exists(), "{name}");
    }
}

#[test]
fn who_does_less_is_not_the_fastest() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let axis = ["--set", "pipeline.dry_run=true,false", "--seeds", "1..=2", "--out", out];
    let (code, said, _) = tagspace(&axis);
    assert!(code == Some(0) && said.contains("Best: dry_run false"), "{said}");
}

#[test]
fn wrong_questions_are_refused_before_anything_is_played() {
    let refused = |args: &[&str], wanted: &str| {
        let (code, _, said) = tagspace(args);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    };
    refused(&["--set", "pipeline.batch_siz=1,2"], "did you mean `batch_size`?");
    refused(&["--set", "pipeline.batch_size=1,99999"], "99999");
    refused(&["--set", "seed=1,2"], "expected --seeds");
    refused(&["--set", "weather=1,2"], "expected --seeds");
    refused(&["--set", "pipeline.batch_size=1", "--set", "pipeline.batch_size=2"], "each key once");
    refused(&["--set", "pipeline.batch_size=1", "--seeds", "4..=1"], "such as 1..=16");
    refused(&["--set", "pipeline.batch_size=1", "--run", "second"], "one of: run, found `second`");
    refused(&["--set", "pipeline.batch_size=1", "--require", "speed > 1"], "speed");
    refused(
        &["--set", "pipeline.concurrency=4", "--set", "pipeline.max_concurrency=2"],
        "found 4 above 2",
    );
    refused(&[], "--set");
    // A folder in which nothing can be written is told before hours are played.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let hours = ["--set", "pipeline.batch_size=1,2", "--seeds", "1..=10000", "--out"];
    let (code, _, said) = tagspace(&[&hours[..], &[file.to_str().unwrap()]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("create") && !said.contains("simulations"), "{said}");
    fs::remove_file(&file).unwrap();
    fs::create_dir_all(file.join("heat-map.png")).unwrap();
    let (code, _, said) = tagspace(&[&hours[..], &[file.to_str().unwrap()]].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("heat-map.png: expected a file, found a folder"), "{said}");
    refused(
        &["--set", "pipeline.batch_size=1..=500", "--set", "pipeline.concurrency=1..=64"],
        "found 32000",
    );
}

#[test]
fn a_race_plays_less_and_finds_the_same_winner() {
    let spec = || {
        let axes = ["pipeline.batch_size=1,2,5,10", "pipeline.concurrency=1,2,6"];
        spec("scenarios/medium.toml", &axes, 8, &["pages_failed == 0"])
    };
    let results =
        successive_halving::play(&spec(), &TrialRunner::new(2).unwrap(), &|_, _| Ok(())).unwrap();
    assert!(results.len() <= 12 * 8 / 2, "{} games", results.len());
    let (raced, full) = (ranking::of(spec(), 0, &results), played(spec(), 2));
    assert_eq!(raced.ranking[0], full.ranking[0]);
    let lengths: Vec<usize> =
        raced.ranking.iter().map(|index| raced.points[*index].outcomes.len()).collect();
    assert!(
        lengths.is_sorted_by(|a, b| a >= b),
        "a cell that was stopped first is last: {lengths:?}"
    );
    assert_eq!((lengths[0], lengths[11]), (8, 2));
    // Whoever was played to the end came to the same as in the full grid.
    for index in &raced.ranking[..2] {
        assert_eq!(raced.points[*index].outcomes, full.points[*index].outcomes);
    }
    let text = report::text(&raced, None);
    assert!(text.contains("stopped after 2 seeds"), "{text}");
}

#[test]
fn one_setting_for_several_loses_least_where_it_loses_most() {
    let tuned = |makespans: [u64; 3]| {
        let mut one =
            played(spec("scenarios/small.toml", &["pipeline.concurrency=1..=3"], 1, &[]), 2);
        for (point, makespan) in one.points.iter_mut().zip(makespans) {
            let outcome = point.outcomes[0].as_mut().unwrap();
            outcome.insert(Metric::Makespan, makespan);
        }
        one.ranking.sort_by_key(|index| makespans[*index]);
        one
    };
    // By hand: the first loses 40 % in the second, the last 100 % in the first; the middle one loses
    // 30 % and 20 %, in all more than the first.
    let both = [tuned([1_000, 1_300, 2_000]), tuned([1_400, 1_200, 1_000])];
    let losses = minimax::of(&both);
    assert_eq!((losses[0].point, losses[0].most()), (1, Some(300_000)));
    assert_eq!(losses[0].ppm, [Some(300_000), Some(200_000)]);
    assert_eq!((losses[1].point, losses[1].most()), (0, Some(400_000)));
    // What misses a requirement somewhere is no choice.
    let mut unfit = both.clone();
    unfit[1].points[1].is_admissible = false;
    let losses = minimax::of(&unfit);
    assert_eq!((losses[2].point, losses[2].most()), (1, None));
    assert_eq!(minimax::chosen(&both[0], 1).ranking[0], 1);
}

#[test]
fn what_a_scenario_wants_to_know_is_in_its_own_table() {
    let folder = tempfile::tempdir().unwrap();
    let small = fs::read_to_string("scenarios/small.toml").unwrap();
    let table = "[tune]\nseeds = \"1..=2\"\nobjective = \"fewest-calls\"\nrequire = [\"pages_failed == 0\"]\n[tune.set]\n\"pipeline.batch_size\" = [2, 5]\n\"pipeline.concurrency\" = \"1..=2\"\n";
    let run = |text: &str, args: &[&str]| {
        fs::write(folder.path().join("own.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.current_dir(folder.path()).args(args).env_remove("JOB_COMPLETION_INDEX");
        let output = command.output().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let own = format!("{small}\n{table}");
    let (code, said) = run(&own, &["tune", "own.toml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("# own, run `run`: 4 settings with seeds 1 to 2, fewest-calls first"),
        "{said}"
    );
    // The command line wins, key by key.
    let (_, said) =
        run(&own, &["tune", "own.toml", "--set", "pipeline.batch_size=5", "--seeds", "3"]);
    assert!(
        said.starts_with("# own, run `run`: 2 settings with seeds 3 to 3, fewest-calls first")
            && said.contains("| concurrency 1 |"),
        "{said}"
    );
    // `run` does not mind the table, and `validate` reads it.
    assert_eq!(run(&own, &["run", "own.toml", "--quiet"]).0, Some(0));
    for (right, wrong, wanted) in [
        ("1..=2\"\nobj", "2..=1\"\nobj", "expected seeds such as 1..=16"),
        ("fewest-calls", "fewest-cals", "did you mean `fewest-calls`?"),
        ("pages_failed ==", "pages_faild ==", "did you mean `pages_failed`?"),
        ("\"pipeline.batch_size\"", "\"pipeline.batch_siz\"", "did you mean `batch_size`?"),
        ("\"pipeline.batch_size\"", "pipeline.batch_size", "and a key in quotes"),
        (
            "concurrency\" = \"1..=2",
            "concurrency\" = \"1..2",
            "found `1..2` in `pipeline.concurrency=1..2`",
        ),
        ("[tune]\n", "[tune]\nrun = \"second\"\n", "found `second`"),
        ("[tune]\n", "[tune]\nsedes = 3\n", "sedes"),
        ("\"pipeline.batch_size\"", "\"seed\"", "expected `seeds` in [tune], found seed"),
        (
            "[2, 5]",
            "\"1..=1024\"\n\"pipeline.max_concurrency\" = \"1..=64\"",
            "expected at most 10000 settings and 2000000 simulations, found 131072 and 262144",
        ),
    ] {
        let (code, said) = run(&own.replacen(right, wrong, 1), &["validate", "own.toml"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wanted) && said.contains("own.toml:"), "{said}");
    }
    assert!(run(&small, &["tune", "own.toml"]).1.contains("there is nothing to vary"));
    // All that is wrong with the table is told at once, in `tune` as in `validate`.
    let wrong = "[tune]\nrun = \"second\"\nseeds = \"2..=1\"\nobjective = \"cheap\"\nrequire = [\"pages_faild == 0\", \"x\"]\n[tune.set]\n\"pipeline.batch_size\" = \"3..1\"\n";
    let first = small.lines().count() + 3;
    let wrong = format!("{small}\n{wrong}");
    for args in [["tune", "own.toml"], ["validate", "own.toml"]] {
        let (code, said) = run(&wrong, &args);
        assert_eq!(code, Some(2), "{said}");
        let places = said.lines().filter_map(|line| line.strip_prefix("own.toml:"));
        let lines: Vec<usize> =
            places.filter_map(|place| place.split(':').next()?.parse().ok()).collect();
        let expected = [0, 1, 2, 3, 3, 5].map(|line| first + line);
        assert_eq!(lines, expected, "{said}");
    }
}

#[test]
fn a_requirement_that_names_its_share_is_met_by_it() {
    let require = ["makespan <= 12500ms in >= 50% of seeds"];
    let tuned = played(spec("scenarios/medium.toml", &["pipeline.batch_size=5,6"], 8, &require), 2);
    let shares: Vec<usize> = tuned.points.iter().map(|point| point.met[0]).collect();
    assert!(shares.iter().any(|met| (4..8).contains(met)), "{shares:?}");
    let text = report::text(&tuned, None);
    for (point, met) in tuned.points.iter().zip(shares) {
        assert_eq!(point.is_admissible, met >= 4);
        let said = format!("in {met} of 8");
        assert_eq!(
            text.contains(&format!(
                "met ({} {} {said})",
                "makespan", "<= 12500ms in >= 50% of seeds"
            )),
            (4..8).contains(&met),
            "{text}"
        );
    }
}
