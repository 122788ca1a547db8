//! The targets that `tune` writes beside its answer, and which run of a scenario it plays for them.

use std::fs;
use std::path::Path;
use std::process::Command;

use tagspace::internals::report::tune as report;
use tagspace::internals::report::tune::regression_targets as targets_report;
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::experiment::mutation::Mutant;
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::tune::regression_targets::Noticed;
use tagspace::internals::study::tune::{StudySpec, regression_targets};

use crate::common::{judged, scenario};
use crate::tune::{played, spec, tuned};

#[test]
fn only_the_run_that_is_asked_about_is_played() {
    // Before, four prompts of five pages take 12 s, one after the other.
    let text = "# Which?\nschema = 1\nseed = 1\ndeadline_s = 10\n[space]\npages = 20\n[gemini]\n\
                model = \"gemini-3.5-flash-lite\"\nlatency = { dist = \"fixed\", ms = 3000 }\n\
                [[run]]\nname = \"before\"\npipeline = { profile = \"conservative\" }\n\
                [[run]]\nname = \"after\"\nfresh = true\n\
                pipeline = { profile = \"documented\" }\n";
    let scenario = Scenario::parse("which", "which.toml", text, Path::new(".")).unwrap();
    let alone = scenario.only("after");
    let names: Vec<&str> = alone.runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!((names, alone.only("before").runs.len()), (vec!["after"], 1));
    let asked = StudySpec {
        scenario,
        run: "after".to_owned(),
        ..spec("scenarios/medium.toml", &["pipeline.batch_size=5,10"], 2, &[])
    };
    let tuned = played(asked, 1);
    assert!(tuned.points.iter().all(|point| point.outcomes.iter().all(Option::is_some)));
    let found = regression_targets::of(&tuned, &TrialRunner::new(1).unwrap()).unwrap().unwrap();
    assert!(found.own_missed.is_empty());
    // A run that follows in the same session needs what went before.
    let second = Scenario::read(Path::new("scenarios/second-run.toml"), &[]).unwrap();
    assert_eq!(second.only("second").runs.len(), 2);
}

#[test]
fn the_targets_are_met_and_notice_what_weakens() {
    let folder = tempfile::tempdir().unwrap();
    let tuned = tuned(&["pipeline.batch_size=10", "pipeline.concurrency=6"], 4, &[]);
    // A seed that was not played may be worse, and the scenario may have it.
    let mut unlucky = tuned.clone();
    unlucky.spec.scenario.world.seed = Seed(36);
    let found = regression_targets::of(&unlucky, &TrialRunner::new(2).unwrap()).unwrap().unwrap();
    let missed: Vec<&str> = found.missed.iter().map(|target| target.metric.name()).collect();
    assert_eq!(missed, ["makespan"]);
    assert!(targets_report::text(&found).contains("own seed, 36, these are missed as they are"));
    let found = regression_targets::of(&tuned, &TrialRunner::new(2).unwrap()).unwrap().unwrap();
    assert!(found.missed.is_empty(), "{:?}", found.missed);
    let that = |is: fn(&Noticed) -> bool| -> Vec<Mutant> {
        let such = found.noticed.iter().filter(|(_, noticed)| is(noticed));
        such.map(|(mutant, _)| *mutant).collect()
    };
    assert_eq!(that(|noticed| matches!(noticed, Noticed::By(_))), [Mutant::BatchOfOne]);
    // What changes nothing is told from what is not noticed.
    assert!(that(|noticed| *noticed == Noticed::Harmless).contains(&Mutant::NoFallback));
    assert!(!that(|noticed| *noticed == Noticed::Harmless).contains(&Mutant::BatchOfOne));
    let toml = targets_report::targets(&found);
    let best = report::toml_block(&tuned, tuned.best().unwrap());
    // Committed with the setting, all seeds meet them, and `--mutate` finds what was found.
    let written = fs::read_to_string("scenarios/medium.toml").unwrap();
    let world = written.split("[pipeline]").next().unwrap();
    let path = folder.path().join("guarded.toml");
    fs::write(&path, format!("{world}{best}{toml}")).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        let command = command.current_dir(folder.path()).args(["run", "guarded.toml"]).args(args);
        let output = command.args(["--transport", "direct"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run(&["--seeds", "1..=4"]);
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = run(&["--mutate", "--seed", "1"]);
    assert!(said.contains("batch-of-one\n  noticed by guarded"), "{said}");
}

#[test]
fn the_targets_ask_for_all_the_work_and_finds_what_tells_a_weakening() {
    let axes = ["pipeline.batch_size=10"];
    let required = ["page_latency p95 <= 40s", "labels_written >= 90", "makespan <= 60s"];
    let spec = spec("scenarios/hinted-quota.toml", &axes, 4, &required);
    let found =
        regression_targets::of(&played(spec, 2), &TrialRunner::new(2).unwrap()).unwrap().unwrap();
    // What the limits imply is not said twice.
    let toml = targets_report::targets(&found);
    for line in [
        "pages = \">= 100\"\n",
        "pages_not_done = \"<= 0\"\n",
        "pages_unlabelled = \"<= 0\"\n",
        "page_latency = \"p95 <= 40s in >= 95% of seeds\"\n",
        "labels_written = \">= 90 in >= 95% of seeds\"\n",
    ] {
        assert!(toml.contains(line), "{toml}");
    }
    assert_eq!(toml.matches("makespan").count(), 1, "{toml}");
    // One weakening is noticed by a figure found for it alone. One changes nothing for the worse: a
    // limit that only an improvement could miss would be none.
    let unnoticed = found.noticed.iter().filter(|(_, noticed)| *noticed == Noticed::Not);
    assert_eq!(unnoticed.map(|(mutant, _)| *mutant).collect::<Vec<_>>(), [Mutant::PermitHeld]);
    let found: Vec<Mutant> = found.killers.iter().map(|(_, mutant)| *mutant).collect();
    assert_eq!(found, [Mutant::LimitNeverCut]);
    assert!(toml.contains(" # to notice limit-never-cut\n"), "{toml}");
    // A run that does less than that misses them.
    let written = fs::read_to_string("scenarios/hinted-quota.toml").unwrap();
    let text = format!("{}{toml}", written.split("[targets").next().unwrap());
    let misses = |set: &[&str]| {
        let judged = judged(&scenario(&text, &[&["pipeline.batch_size=10"], set].concat()));
        let missed = judged.runs[0].targets.iter().filter(|target| !target.met);
        missed.map(|target| target.target.metric.name()).collect::<Vec<_>>()
    };
    assert_eq!(misses(&[]), [""; 0]);
    assert!(misses(&["pipeline.dry_run=true"]).contains(&"pages_unlabelled"));
    assert!(misses(&["run=[{ name = 'run', cancel_at_s = 5 }]"]).contains(&"pages_not_done"));
}
