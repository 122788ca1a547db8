//! Same seed, same bytes: twice in a process, in two processes, under load, over the wire and in
//! memory. Another seed differs, so that a constant would not pass.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::sim::{Options, SimError, Transport, run_scenario};
use tagspace::internals::study::experiment::determinism::diverge;

use crate::common::{PLAIN, direct, scenario};

/// Retries, fallbacks, faults, re-asked pages and parallel writers all happen in it.
fn eventful() -> Scenario {
    Scenario::read(Path::new("scenarios/malformed.toml"), &[]).unwrap()
}

#[test]
fn twice_in_a_process() {
    let one = eventful();
    let first = run_scenario(&one, &direct()).unwrap();
    let second = run_scenario(&one, &direct()).unwrap();
    assert_eq!(diverge(&first.logs, &second.logs), None);
}

#[test]
fn another_seed_differs() {
    let first = run_scenario(&eventful(), &direct()).unwrap();
    let other =
        Scenario::read(Path::new("scenarios/malformed.toml"), &["seed=43".to_owned()]).unwrap();
    let second = run_scenario(&other, &direct()).unwrap();
    assert_ne!(first.logs, second.logs);
}

#[test]
fn a_rule_that_never_strikes_changes_nothing() {
    let first = run_scenario(&scenario(PLAIN, &[]), &direct()).unwrap();
    let rule = "\n[[gemini.fault]]\nwhen = { from_s = 90000 }\nreply = { status = 500 }\n";
    let text = PLAIN.replace("[openai]", &format!("{rule}[openai]"));
    let second = run_scenario(&scenario(&text, &[]), &direct()).unwrap();
    assert_eq!(diverge(&first.logs, &second.logs), None);
}

#[test]
fn the_wire_and_a_call_in_memory_give_the_same_history() {
    for name in ["malformed", "confluence-throttling", "cancellation", "day-quota"] {
        let path = format!("scenarios/{name}.toml");
        let one = Scenario::read(Path::new(&path), &[]).unwrap();
        let wire = run_scenario(&one, &Options::default()).unwrap();
        let memory = run_scenario(&one, &direct()).unwrap();
        assert_eq!(diverge(&wire.logs, &memory.logs), None, "{name}");
    }
}

#[test]
fn without_the_server_only_the_wire_fails() {
    let one = scenario(PLAIN, &[]);
    let killed =
        |transport| Options { transport, kill_server_after: Some(9), ..Options::default() };
    let wire = run_scenario(&one, &killed(Transport::Wire));
    assert!(matches!(wire, Err(SimError::Wire(_))), "{wire:?}");
    assert!(run_scenario(&one, &killed(Transport::Direct)).is_ok());
}

#[test]
fn under_load_over_the_wire() {
    let idle = run_scenario(&eventful(), &Options::default()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let busy: Vec<_> = (0..2 * cores)
        .map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    let loaded: Vec<_> =
        (0..3).map(|_| run_scenario(&eventful(), &Options::default()).unwrap()).collect();
    stop.store(true, Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    for recording in loaded {
        assert_eq!(diverge(&idle.logs, &recording.logs), None);
    }
}

#[test]
fn every_file_of_two_processes_is_the_same() {
    let files = |transport: &str| {
        let out = tempfile::tempdir().unwrap();
        let status = Command::new(env!("CARGO_BIN_EXE_tagspace"))
            .args([
                "run",
                "scenarios/second-run.toml",
                "--quiet",
                "--transport",
                transport,
                "--out",
            ])
            .arg(out.path())
            .status()
            .unwrap();
        assert!(status.success());
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(out.path().join("second-run")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(name, fs::read(path).unwrap());
        }
        assert_eq!(found.len(), 14, "{:?}", found.keys());
        found
    };
    let first = files("wire");
    assert_eq!(first, files("wire"));
    assert_eq!(first, files("direct"));
}
