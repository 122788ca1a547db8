//! What is set on top of scenario files, and what mutants make of scenarios.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tagspace::internals::pipeline::config::{
    BatchSize, Profile, SettingsPatch, key_of, variable_of,
};
use tagspace::internals::sim::scenario::{OuterSettings, Scenario};

use crate::cli::{folder_with, stderr, stdout, tagspace};
use crate::common::PLAIN;

fn calls(folder: &Path, args: &[&str]) -> Vec<u64> {
    let mut all = vec!["run", "--format", "json"];
    all.extend(args);
    let output = tagspace(folder, &all);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = reports[0]["runs"].as_array().unwrap();
    runs.iter().map(|run| run["metrics"]["ai_calls"].as_u64().unwrap()).collect()
}

#[test]
fn a_key_of_the_pipeline_reaches_runs_with_a_pipeline_of_their_own() {
    let runs = r#"
[[run]]
name = "a"
pipeline = { profile = "before" }
[[run]]
name = "b"
fresh = true
[run.pipeline]
batch_size = 4
[[run]]
name = "c"
fresh = true
"#;
    let folder = folder_with(&format!("{PLAIN}{runs}"));
    let run = |args: &[&str]| calls(folder.path(), args);
    assert_eq!(run(&[]), [20, 5, 4]);
    assert_eq!(run(&["--set", "pipeline.batch_size=10"]), [2, 2, 2]);
    let later = ["--set", "pipeline.batch_size=10", "--set", "run.b.pipeline.batch_size=20"];
    assert_eq!(run(&later), [2, 1, 2]);
}

#[test]
fn setting_a_first_key_keeps_the_question() {
    let folder = folder_with(PLAIN);
    assert_eq!(calls(folder.path(), &["--set", "schema=1"]), [4]);
}

#[test]
fn a_replay_command_can_be_pasted() {
    let text = format!("{PLAIN}[targets.run]\nai_calls = \"<= 3\"\n");
    let folder = folder_with(&text);
    fs::rename(folder.path().join("scenarios/one.toml"), folder.path().join("it's one.toml"))
        .unwrap();
    let output = tagspace(folder.path(), &["run", "it's one.toml", "--set", "space.key=\"A B\""]);
    let printed = stdout(&output);
    let replay = printed.lines().find_map(|line| line.trim().strip_prefix("replay: ")).unwrap();
    let words = shlex::split(replay).unwrap();
    assert_eq!(words[2..], ["it's one.toml", "--seed", "7", "--set", "space.key=\"A B\""]);
}

#[test]
fn a_target_that_is_missed_anyway_notices_no_mutant() {
    // These pipelines are weak already in every way but one.
    let weak = "[pipeline]\ncache = false\nfallback = false\nlimiter = \"fixed\"\npermit_scope = \"batch\"";
    for (limit, code) in [("<= 4", 0), ("<= 3", 99)] {
        let text = format!("{PLAIN}[targets.run]\nai_calls = \"{limit}\"\n");
        let text = text.replace("[pipeline]", weak);
        let folder = folder_with(&text);
        let output = tagspace(folder.path(), &["run", "--mutate"]);
        let printed = stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{printed}");
        let noticed = printed.contains("batch-of-one\n  noticed by one: run ai_calls <= 4\n");
        assert_eq!(noticed, code == 0, "{printed}");
        assert!(printed.contains("no-fallback\n  does not apply"), "{printed}");
        assert_eq!(stderr(&output).contains("they notice nothing"), code != 0);
        let quiet = tagspace(folder.path(), &["run", "--mutate", "--quiet"]);
        let said = (quiet.status.code(), stdout(&quiet), stderr(&quiet));
        assert_eq!(said, (Some(code), String::new(), String::new()));
    }
}

#[test]
fn an_unfinished_report_replaces_nothing() {
    let folder = folder_with(PLAIN);
    // What an interrupted run left behind is cleared away, and only the whole report is there.
    let part = folder.path().join("reports/out/.one.part");
    fs::create_dir_all(&part).unwrap();
    fs::write(part.join("report.json"), "").unwrap();
    assert_eq!(calls(folder.path(), &[]), [4]);
    assert!(!part.exists());
    assert_eq!(fs::read_dir(folder.path().join("reports/out/one")).unwrap().count(), 14);
}

#[test]
fn what_would_be_overwritten_is_told_before_anything_is_played() {
    let folder = folder_with(PLAIN);
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir_all(path("folder.d")).unwrap();
    fs::write(path("there.json"), "").unwrap();
    std::os::unix::fs::symlink("there.json", path("link.json")).unwrap();
    let absolute = format!("csv={}", path("x.json"));
    let twice = "cannot be written twice";
    for (outputs, wanted) in [
        (&["json=folder.d"][..], "folder.d cannot be written: it is a folder"),
        (&["json=x.json", "csv=./x.json"], twice),
        (&["json=x.json", "csv=folder.d/../x.json"], twice),
        (&["json=x.json", absolute.as_str()], twice),
        (&["json=there.json", "csv=link.json"], twice),
        (&["json=x.log", "./x.log"], twice),
        (&["scenarios/one.toml"], "cannot be written: this command reads it"),
        (&["json=folder/"], "folder/ cannot be written: it is a folder"),
        (&["json=scenarios/../scenarios/one.toml"], "cannot be written: this command reads it"),
        (&["json=reports/out/one/report.json"], "in the folder of a scenario's report"),
        (&["json=reports/out/one/seeds/all.json"], "in the folder of a scenario's report"),
    ] {
        let option = |output: &str| if output.contains('=') { "-o" } else { "--log" };
        let args = outputs.iter().flat_map(|output| [option(output), output]);
        let args: Vec<&str> = ["run"].into_iter().chain(args).collect();
        let output = tagspace(folder.path(), &args);
        let said = stderr(&output);
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    // Beside the report there is room, and a pipe is no folder.
    let fine = ["run", "-q", "-o", "json=reports/out/one.json", "-o", "csv=/dev/stdout"];
    let output = tagspace(folder.path(), &fine);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("scenario,")
            && Path::new(&path("reports/out/one.json")).exists()
    );
}

#[test]
fn a_file_of_variables_is_checked_line_by_line() {
    let folder = folder_with(PLAIN);
    for (line, told) in [
        ("garbage", "a.env:2:1: expected a line of the form NAME=value"),
        (
            "TAG_SPACE_BATCHSIZE=5",
            "a.env:2:1: expected a known variable, found `TAG_SPACE_BATCHSIZE`",
        ),
        (
            "TAG_SPACE_BATCH_SIZE=0",
            "a.env:2:1: read TAG_SPACE_BATCH_SIZE: expected a whole number from 1 to 1000, or `auto`, found `0`",
        ),
    ] {
        fs::write(folder.path().join("a.env"), format!("OTHER=1\n{line}\n")).unwrap();
        let output = tagspace(folder.path(), &["run", "--env-file", "a.env"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with(told), "{}", stderr(&output));
    }
}

#[test]
fn all_that_is_wrong_with_a_file_of_variables_is_told_at_once() {
    let folder = folder_with(PLAIN);
    let text = "TAG_SPACE_CACHE_SIZE=many\nsecret-by-mistake\nTAG_SPACE_BATCHSIZE=5\n\
                TAG_SPACE_CACHE_ENABLED=perhaps\nTAG_SPACE_AI_CONCURRENCY=0\n";
    fs::write(folder.path().join("a.env"), text).unwrap();
    let output = tagspace(folder.path(), &["validate", "--env-file", "a.env"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let places: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("a.env:")?.split(':').next()).collect();
    assert_eq!(places, ["1", "2", "3", "4", "5"], "{said}");
    // What is no setting may be a credential.
    assert!(!said.contains("secret-by-mistake"), "{said}");
}

#[test]
fn an_env_file_sets_the_pipeline() {
    let folder = folder_with(PLAIN);
    fs::write(
        folder.path().join(".env"),
        "# the plan\nTAG_SPACE_BATCH_SIZE=10   # pages\nexport TAG_SPACE_AI_CONCURRENCY=\"2\"\n",
    )
    .unwrap();
    let output = tagspace(folder.path(), &["run", "--env-file", ".env", "--format", "json"]);
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports[0]["runs"][0]["metrics"]["ai_calls"], 2);
    assert_eq!(reports[0]["runs"][0]["metrics"]["concurrency"]["max"], 2);
    // A scenario never reads the process environment.
    let output = Command::new(env!("CARGO_BIN_EXE_tagspace"))
        .args(["run", "--format", "json"])
        .env("TAG_SPACE_BATCH_SIZE", "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let reports: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reports[0]["runs"][0]["metrics"]["ai_calls"], 4);
}

#[test]
fn a_file_of_variables_leaves_runs_with_a_profile_alone() {
    let runs = r#"
[[run]]
name = "own"
pipeline = { profile = "before" }
[[run]]
name = "keys"
fresh = true
[run.pipeline]
batch_size = 4
[[run]]
name = "none"
fresh = true
"#;
    let folder = folder_with(&format!("{PLAIN}{runs}"));
    fs::write(folder.path().join("a.env"), "TAG_SPACE_BATCH_SIZE=10\n").unwrap();
    let run = |more: &[&str]| {
        let args = [&["run", "--format", "csv", "--env-file", "a.env"], more].concat();
        let output = tagspace(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = stdout(&output);
        let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let column = header.iter().position(|name| *name == "ai_calls").unwrap();
        let calls: Vec<String> = rows.map(|row| row[column].to_owned()).collect();
        (calls, stderr(&output))
    };
    let (calls, told) = run(&[]);
    assert_eq!(calls, ["20", "2", "2"]);
    let expected = "a.env: one: changed the runs `keys`, `none`; left the run `own`, whose own pipeline \
                    names the profile `before` (--env-file-all-runs changes it as well)\n";
    assert!(told.starts_with(expected), "{told}");
    let (calls, told) = run(&["--env-file-all-runs"]);
    assert_eq!(calls, ["2", "2", "2"]);
    assert!(told.starts_with("a.env: one: changed the runs `own`, `keys`, `none`\n"), "{told}");
    // What is set besides comes on top, in every run.
    let (calls, _) = run(&["--set", "pipeline.batch_size=5"]);
    assert_eq!(calls, ["4", "4", "4"]);
    let quiet = tagspace(folder.path(), &["run", "--quiet", "--env-file", "a.env"]);
    assert_eq!((stdout(&quiet), stderr(&quiet)), (String::new(), String::new()));
    let output = tagspace(folder.path(), &["run", "--env-file-all-runs"]);
    assert_eq!(output.status.code(), Some(2));
    fs::write(folder.path().join("b.env"), "OTHER=1\n").unwrap();
    let output = tagspace(folder.path(), &["validate", "--env-file", "b.env"]);
    assert_eq!(stderr(&output), "b.env: no variable of the pipeline, so nothing is set\n");
}

#[test]
fn a_key_below_the_pipeline_reaches_runs_with_one_of_their_own() {
    let runs = "[[run]]\nname = \"a\"\npipeline = { profile = \"before\" }\n";
    let folder = folder_with(&format!("{PLAIN}{runs}"));
    let path = folder.path().join("scenarios/one.toml");
    let set = |set: &[&str]| {
        let set = set.iter().map(|one| (*one).to_owned()).collect();
        let examined = Scenario::examine(&path, &OuterSettings { variables: None, set });
        assert_eq!(examined.problems, []);
        examined.scenario.unwrap().runs[0].config.quota.unwrap().requests.unwrap().get()
    };
    assert_eq!(set(&["pipeline.limiter=pace", "pipeline.quota.requests=9"]), 9);
    assert_eq!(set(&["pipeline.quota={ per_s = 9 }", "pipeline.quota.requests=8"]), 8);
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    let texts = [
        "1",
        "true",
        "0.5",
        "auto",
        "recommended",
        "quota",
        "batch",
        "content",
        "{ requests = 10 }",
        "found",
        "by-label",
        "nan",
        "inf",
        "5\ny = 1",
    ];
    for key in SettingsPatch::KEYS {
        let name = variable_of(key);
        assert_eq!(key_of(&name), Some(*key));
        let taken: Vec<&str> = texts
            .into_iter()
            .filter(|text| {
                let mut patch = SettingsPatch::default();
                let variable = |asked: &str| (asked == name).then(|| (*text).to_owned());
                let is_read = patch.read_env(variable).is_ok();
                let set = serde_json::to_value(&patch).unwrap();
                let set: Vec<&String> = set.as_object().unwrap().keys().collect();
                assert_eq!(set, if is_read { vec![key] } else { Vec::new() }, "{name}={text}");
                is_read
            })
            .collect();
        assert!(!taken.is_empty(), "{name}");
        let is_odd = |text: &&str| ["nan", "inf", "5\ny = 1"].contains(text);
        assert!(!taken.iter().any(is_odd), "{name} takes {taken:?}");
    }
    assert_eq!(variable_of("cache"), "TAG_SPACE_CACHE_ENABLED");
    assert_eq!(key_of("TAG_SPACE_CACHE"), None);
}

#[test]
fn what_a_variable_may_hold_is_said_in_its_own_words() {
    for (key, text, wanted) in [
        ("cache", "perhaps", "true or false"),
        ("batch_size", "many", "a whole number from 1 to 1000, or `auto`"),
        ("concurrency", "0", "a whole number from 1 to 1024"),
        ("backoff_jitter", "2", "a ratio from 0 to 1"),
        ("quota", "5", "a table such as { requests = 10 }"),
        ("cache_size", "expected nothing", "a whole number from 1 to 10000000"),
        (
            "limiter",
            "clever",
            "one of `fixed`, `halving`, `aimd`, `arc`, `cubic`, `sre`, `pace`, `quota`",
        ),
    ] {
        assert_eq!(SettingsPatch::default().set(key, text), Err(wanted.to_owned()));
    }
}

#[test]
fn a_profile_that_is_set_keeps_what_the_tables_set_on_top() {
    let runs = "[pipeline]\nattempts = 2\n[[run]]\nname = \"own\"\npipeline = { batch_size = 4 }\n\
                [[run]]\nname = \"named\"\nfresh = true\npipeline = { profile = \"before\" }\n";
    let plain = PLAIN.split("[pipeline]").next().unwrap();
    let read =
        crate::common::scenario(&format!("{plain}{runs}"), &["pipeline.profile=recommended"]);
    let recommended = Profile::Recommended.settings();
    let own = &read.runs[0].config;
    assert_eq!((own.attempts, own.batch_size), (2, BatchSize::Pages(4)));
    assert_eq!(own.limiter, recommended.limiter);
    assert_eq!(read.runs[1].config, recommended);
}
