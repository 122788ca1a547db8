//! `run --clock real`, as a user of the command meets it.

#![expect(clippy::disallowed_methods, reason = "a process is stopped while it runs")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::folder_with;
use crate::common::{PLAIN, attentive};

/// A run in real time that has begun, and what it says on its standard error.
struct Playing {
    folder: TempDir,
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Playing {
    /// Begins with these arguments, and waits until real time passes.
    fn begin(args: &[&str]) -> Self {
        let folder = folder_with(&format!("{PLAIN}[targets.run]\npages_tagged = \"== 20\"\n"));
        let mut child = attentive(env!("CARGO_BIN_EXE_tagspace"))
            .args(["run", "--clock", "real", "--out", "o"])
            .args(args)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("playing it in real time") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "it has ended before");
        }
        sleep(Duration::from_millis(200));
        Self { folder, child, said }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Its exit code, its standard output and the rest of what it said.
    fn end(mut self) -> (Option<i32>, String, String, TempDir) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.said.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr, self.folder)
    }
}

#[test]
fn a_host_that_stood_still_is_measured_and_a_document_stays_one() {
    let playing = Playing::begin(&["--format", "json"]);
    playing.signal("-STOP");
    sleep(Duration::from_millis(400));
    playing.signal("-CONT");
    let (code, stdout, stderr, folder) = playing.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(serde_json::from_str::<Value>(&stdout).is_ok(), "{stdout}");
    let late = stderr.split(" ms in all").next().unwrap().rsplit(' ').next().unwrap();
    let late: u64 = late.parse().unwrap_or_else(|_| panic!("{stderr}"));
    // A thread sees nothing of a stop before the time at which it should have woken.
    assert!(late >= 380, "{stderr}");
    assert!(folder.path().join("o/one/real-1.jsonl").exists());
}

#[test]
fn an_interrupted_run_in_real_time_is_no_verdict() {
    let playing = Playing::begin(&["-o", "json=r", "-o", "junit=j"]);
    playing.signal("-INT");
    let (code, _, stderr, folder) = playing.end();
    assert_eq!(code, Some(130), "{stderr}");
    let report = std::fs::read(folder.path().join("r")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(
        (&report[0]["verdict"], &report[0]["exit_code"]),
        (&"interrupted".into(), &130.into())
    );
    let suites = std::fs::read_to_string(folder.path().join("j")).unwrap();
    assert!(suites.contains("interrupted in real time"), "{suites}");
}
