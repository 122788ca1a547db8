//! What runs elsewhere: workflows that can be read, actions that are pinned, and the composite action,
//! played here with the program that is under test.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml_ng::Value;
use sha2::{Digest, Sha256};

use crate::common::PLAIN;
use crate::readme::blocks_of;

/// Every workflow and action with its text.
fn files() -> Vec<(PathBuf, Value)> {
    let folders = [".github/workflows", ".github/actions/tagspace"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let value = serde_yaml_ng::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, value)
    };
    let files: Vec<_> = paths.map(read).collect();
    assert!(files.len() >= 6, "{files:?}");
    files
}

/// The texts under a key, wherever it stands.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Mapping(map) => {
            for (name, value) in map {
                match value.as_str().filter(|_| name.as_str() == Some(key)) {
                    Some(text) => found.push(text),
                    None => texts(value, key, found),
                }
            }
        }
        Value::Sequence(list) => list.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

#[test]
fn every_action_is_pinned_by_a_hash() {
    let mut count = 0;
    for (path, value) in files() {
        let mut uses = Vec::new();
        texts(&value, "uses", &mut uses);
        for used in uses {
            let (_, pin) = used.split_once('@').unwrap();
            let is_hash = pin.len() == 40 && pin.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_hash, "{}: {used}", path.display());
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn every_script_can_be_read_by_bash() {
    let mut scripts: Vec<(String, String)> = Vec::new();
    for (path, value) in files() {
        let mut runs = Vec::new();
        texts(&value, "run", &mut runs);
        scripts.extend(runs.iter().map(|run| (path.display().to_string(), (*run).to_owned())));
    }
    for path in
        [".ci/run", ".github/actions/tagspace/install.sh", ".github/actions/tagspace/rehearse.sh"]
    {
        scripts.push((path.to_owned(), fs::read_to_string(path).unwrap()));
    }
    for (path, script) in scripts {
        let checked = Command::new("bash").args(["-n", "-c", &script]).output().unwrap();
        assert!(checked.status.success(), "{path}: {script}\n{checked:?}");
    }
}

#[test]
fn the_jobs_of_the_workflow_are_the_steps_of_the_script() {
    let text = fs::read_to_string(".github/workflows/ci.yml").unwrap();
    let workflow: Value = serde_yaml_ng::from_str(&text).unwrap();
    let steps = workflow["jobs"]["step"]["strategy"]["matrix"]["step"].as_sequence().unwrap();
    let steps: BTreeSet<&str> = steps.iter().map(|step| step.as_str().unwrap()).collect();
    let script = fs::read_to_string(".ci/run").unwrap();
    let all = script.lines().find_map(|line| line.trim().strip_prefix("set -- ")).unwrap();
    assert_eq!(steps, all.split(' ').collect());
    let unknown = Command::new("bash").args([".ci/run", "everything"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}

/// A folder with a scenario, and the program on the PATH.
struct Runner {
    folder: tempfile::TempDir,
}

impl Runner {
    fn new(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenarios = folder.path().join("scenarios");
        fs::create_dir(&scenarios).unwrap();
        fs::write(scenarios.join("one.toml"), format!("{PLAIN}[targets.run]\n{target}\n")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, path: &Path, variables: &[(&str, &str)]) -> Output {
        let script = fs::canonicalize(format!(".github/actions/tagspace/{name}")).unwrap();
        let play = format!("PATH={}:$PATH exec {}", path.display(), script.display());
        Command::new("bash")
            .args(["-c", &play])
            .current_dir(self.folder.path())
            .env("GITHUB_STEP_SUMMARY", self.path("step-summary.md"))
            .env("GITHUB_PATH", self.path("paths"))
            .env("RUNNER_TEMP", self.path("temp"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }
}

#[test]
fn the_action_ends_with_the_verdict_and_shows_it() {
    let program = Path::new(env!("CARGO_BIN_EXE_tagspace")).parent().unwrap();
    let arguments = ("TAGSPACE_ARGUMENTS", "run scenarios --set 'gemini.quota={ requests = 9 }'");
    for (target, code) in [("pages_tagged = \"== 20\"", 0), ("ai_calls = \"== 1\"", 99)] {
        let runner = Runner::new(target);
        let ran = runner.script("rehearse.sh", program, &[arguments, ("TAGSPACE_OUT", "out")]);
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        let stdout = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(stdout.contains("::error file=scenarios/one.toml"), code == 99, "{stdout}");
        let summary = fs::read_to_string(runner.path("step-summary.md")).unwrap();
        assert!(summary.contains("`one`"), "{summary}");
    }
    // Nothing in the arguments is executed.
    let runner = Runner::new("pages_tagged = \"== 20\"");
    let evil = ("TAGSPACE_ARGUMENTS", "run scenarios $(touch pwned)");
    runner.script("rehearse.sh", program, &[evil, ("TAGSPACE_OUT", "out")]);
    assert!(!runner.path("pwned").exists());
    // Without a result it is no success.
    let runner = Runner::new("pages_tagged = \"== 20\"");
    let empty = [("TAGSPACE_ARGUMENTS", "run nowhere"), ("TAGSPACE_OUT", "out")];
    let ran = runner.script("rehearse.sh", program, &empty);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(String::from_utf8(ran.stdout).unwrap().contains("no result"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_action_installs_what_has_the_right_digest() {
    let runner = Runner::new("pages_tagged = \"== 20\"");
    // A release on this disk, and a `curl` that copies from it.
    let machine = Command::new("uname").arg("-m").output().unwrap().stdout;
    let target = format!("{}-unknown-linux-gnu", String::from_utf8(machine).unwrap().trim());
    let release = runner.path("releases/v9");
    fs::create_dir_all(&release).unwrap();
    fs::write(release.join("tagspace"), "#!/bin/sh\necho installed\n").unwrap();
    fs::set_permissions(release.join("tagspace"), fs::Permissions::from_mode(0o755)).unwrap();
    let archive = format!("tagspace-{target}.tar.gz");
    let pack = || {
        let mut tar = Command::new("tar");
        let packed = tar.args(["-czf", &archive, "tagspace"]).current_dir(&release).status();
        assert!(packed.unwrap().success());
    };
    pack();
    let digest = Sha256::digest(fs::read(release.join(&archive)).unwrap());
    let hex = base16ct::lower::encode_string(&digest);
    fs::write(release.join("SHA256SUMS"), format!("{hex}  {archive}\n")).unwrap();
    let tools = runner.path("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("curl"), "#!/bin/sh\ncp \"$4\" \"$3\"\n").unwrap();
    fs::set_permissions(tools.join("curl"), fs::Permissions::from_mode(0o755)).unwrap();
    let releases = runner.path("releases").display().to_string();
    let variables = [("TAGSPACE_VERSION", "v9"), ("TAGSPACE_RELEASES", releases.as_str())];
    let ran = runner.script("install.sh", &tools, &variables);
    assert!(ran.status.success(), "{ran:?}");
    let path = fs::read_to_string(runner.path("paths")).unwrap();
    assert!(Path::new(path.trim()).join("tagspace").exists(), "{path}");
    // Another program of that name is not installed.
    fs::write(release.join("tagspace"), "#!/bin/sh\necho another\n").unwrap();
    pack();
    fs::remove_file(runner.path("paths")).unwrap();
    assert!(!runner.script("install.sh", &tools, &variables).status.success());
    assert!(!runner.path("paths").exists());
}

#[test]
fn the_readme_names_an_action_that_is_there() {
    let readme = fs::read_to_string("README.md").unwrap();
    let [workflow] = blocks_of(&readme, "yaml").try_into().unwrap();
    let workflow: Value = serde_yaml_ng::from_str(&workflow).unwrap();
    let step = &workflow["jobs"]["rehearse"]["steps"][1];
    let used = step["uses"].as_str().unwrap();
    let path = used.split('@').next().unwrap().strip_prefix("tagspace/tagspace/").unwrap();
    let action = fs::read_to_string(Path::new(path).join("action.yml")).unwrap();
    let action: Value = serde_yaml_ng::from_str(&action).unwrap();
    // A release of the action installs the release of the program.
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    assert_eq!(action["inputs"]["version"]["default"].as_str(), Some(version));
    assert_eq!(used.rsplit('@').next(), Some(version));
    for input in step["with"].as_mapping().unwrap().keys() {
        assert!(action["inputs"].get(input).is_some(), "{input:?}");
    }
}
