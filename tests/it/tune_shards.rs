//! Parts of a grid: played by many processes, joined to the same bytes.

use std::fs;
use std::process::Command;

/// A folder with the shipped scenarios at its side, in which parts are played.
struct Parts(tempfile::TempDir);

const GRID: [&str; 6] = [
    "scenarios/medium.toml",
    "--set",
    "pipeline.batch_size=5,10",
    "--set",
    "pipeline.concurrency=2,4",
    "--quiet",
];

impl Parts {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str], out: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.arg("tune").args(args).args(["--out", &self.path(out)]);
        command.env_remove("JOB_COMPLETION_INDEX");
        command
    }

    fn run(&self, args: &[&str], out: &str) -> (Option<i32>, String) {
        let output = self.command(args, out).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Every file of a report with its bytes.
    fn files(&self, out: &str) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path(out)).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let mut files: Vec<_> = files
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

#[test]
fn sixteen_parts_joined_are_the_whole_to_the_byte_and_one_that_was_killed_goes_on() {
    let parts = Parts::new();
    let grid = [&GRID[..], &["--seeds", "1..=4"]].concat();
    assert_eq!(parts.run(&grid, "whole").0, Some(0));
    // All at once, as a matrix of jobs would; one of them counts from nothing.
    let mut running = Vec::new();
    for part in 1..=16 {
        let shard = format!("{part}/16");
        let mut command = if part == 16 {
            let mut command = parts.command(&[&grid[..], &["--shards", "16"]].concat(), "parts");
            command.env("JOB_COMPLETION_INDEX", "15");
            command
        } else {
            parts.command(&[&grid[..], &["--shard", &shard]].concat(), "parts")
        };
        running.push(command.spawn().unwrap());
    }
    for mut one in running {
        assert_eq!(one.wait().unwrap().code(), Some(0));
    }
    let merged = ["--quiet", "--merge", &parts.path("parts")];
    assert_eq!(parts.run(&merged, "merged").0, Some(0));
    assert!(parts.files("merged") == parts.files("whole"));
    // Killed in the middle of its only line, and begun again.
    let file = parts.path("parts/parts/7-of-16.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let header = text.lines().next().unwrap().len() + 1;
    fs::write(&file, &text[..header + 40]).unwrap();
    let (code, said) = parts.run(&merged, "merged");
    assert_eq!(code, Some(2));
    assert!(said.contains("no whole shard 7/16 (0 of 1 simulations)"), "{said}");
    assert_eq!(parts.run(&[&grid[..], &["--shard", "7/16"]].concat(), "parts").0, Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    fs::remove_dir_all(parts.path("merged")).unwrap();
    assert_eq!(parts.run(&merged, "merged").0, Some(0));
    assert!(parts.files("merged") == parts.files("whole"));
}

#[test]
fn what_is_in_a_part_is_not_played_again_and_parts_of_other_questions_are_refused() {
    let parts = Parts::new();
    let shard = |seeds: &str, shard: &str| {
        parts.run(&[&GRID[..], &["--seeds", seeds, "--shard", shard]].concat(), "parts")
    };
    assert_eq!(shard("1..=2", "1/2").0, Some(0));
    let file = parts.path("parts/parts/1-of-2.jsonl");
    // A game that nobody played: if it is still there afterwards, it was believed.
    let text = fs::read_to_string(&file).unwrap();
    let marked = text.replacen("\"makespan\":", "\"makespan\":9", 1);
    assert_ne!(marked, text);
    fs::write(&file, &marked).unwrap();
    assert_eq!(shard("1..=2", "1/2").0, Some(0));
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&fs::read_to_string(&file).unwrap()), lines(&marked));
    // What is no text is not played over.
    let whole = fs::read(&file).unwrap();
    fs::write(&file, [&whole[..], &[0xff, 0xfe]].concat()).unwrap();
    let (code, said) = shard("1..=2", "1/2");
    assert!(code == Some(2) && said.contains("1-of-2.jsonl: cannot read"), "{said}");
    fs::write(&file, whole).unwrap();
    let (code, said) = shard("1..=3", "1/2");
    assert_eq!(code, Some(2));
    assert!(said.contains("expected a shard of this study, found one of another"), "{said}");
    let (code, said) = parts.run(&["--merge", &parts.path("parts")], "merged");
    assert_eq!(code, Some(2));
    assert!(said.contains("no whole shard 2/2 (0 of 4 simulations)"), "{said}");
    let (code, said) = parts.run(&["--merge", &parts.path("nowhere")], "merged");
    assert_eq!(code, Some(2), "{said}");
    // A pod that does not know of how many it is one would play everything.
    let mut command = parts.command(&GRID, "pod");
    let output = command.env("JOB_COMPLETION_INDEX", "3").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("JOB_COMPLETION_INDEX=3 needs --shards"), "{said}");
    let race = [&GRID[..], &["--race", "--shard", "1/2"]].concat();
    assert_eq!(parts.run(&race, "pod").0, Some(2));
}

#[test]
fn parts_of_another_world_or_with_other_figures_are_no_answer() {
    let parts = Parts::new();
    for shard in ["1/2", "2/2"] {
        let args = [&GRID[..], &["--seeds", "1..=5", "--shard", shard]].concat();
        assert_eq!(parts.run(&args, "parts").0, Some(0));
    }
    let (merge, mut wholes) = (parts.path("parts"), Vec::new());
    let rewrite = |wholes: &mut Vec<String>, from: &str, to: &str| {
        for shard in ["1-of-2", "2-of-2"] {
            let path = parts.path(&format!("parts/parts/{shard}.jsonl"));
            let whole = fs::read_to_string(&path).unwrap();
            assert!(whole.contains(from), "{whole}");
            fs::write(&path, whole.replace(from, to)).unwrap();
            wholes.push(whole);
        }
    };
    rewrite(&mut wholes, "\"makespan\":", "\"makespan\":1");
    let (code, said) = parts.run(&["--merge", &merge], "merged");
    assert!(code != Some(0) && said.contains("comes to other figures with seed 1"), "{said}");
    for (shard, whole) in ["1-of-2", "2-of-2"].iter().zip(&wholes) {
        // Not in the first seeds alone, which are played over HTTP: the fifth of every setting.
        let changed = |line: &str| {
            let is_fifth = line.contains("\"seed\":4,");
            let to = if is_fifth { "\"makespan\":1" } else { "\"makespan\":" };
            line.replace("\"makespan\":", to) + "\n"
        };
        let text: String = whole.lines().map(changed).collect();
        fs::write(parts.path(&format!("parts/parts/{shard}.jsonl")), text).unwrap();
    }
    let (code, said) = parts.run(&["--merge", &merge], "merged");
    assert!(code == Some(98) && said.contains("comes to other figures with seed 5"), "{said}");
    for (shard, whole) in ["1-of-2", "2-of-2"].iter().zip(&wholes) {
        fs::write(parts.path(&format!("parts/parts/{shard}.jsonl")), whole).unwrap();
    }
    assert_eq!(parts.run(&["--merge", &merge], "merged").0, Some(0));
    rewrite(&mut wholes, "\"world_digest\":\"", "\"world_digest\":\"0");
    let (code, said) = parts.run(&["--merge", &merge], "merged");
    assert!(code == Some(2) && said.contains("the world of medium is another one"), "{said}");
}

#[test]
fn several_scenarios_are_tuned_by_the_command_and_by_parts() {
    let parts = Parts::new();
    let grid = [
        "scenarios/small.toml",
        "scenarios/hinted-quota.toml",
        "--set",
        "pipeline.batch_size=1,5",
        "--seeds",
        "1..=2",
        "--require",
        "pages_failed == 0",
    ];
    // What was asked of one of them before is no part of the answer.
    assert_eq!(parts.run(&[&grid[..1], &grid[2..6]].concat(), "whole").0, Some(0));
    let output = parts.command(&grid, "whole").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("# 2 scenarios, 2 settings with seeds 1 to 2, fastest first"),
        "{said}"
    );
    assert!(said.contains("Best: batch_size 5. It loses at most 0.0 %"), "{said}");
    assert!(said.contains("over HTTP with 2 of the seeds: the same to the byte"), "{said}");
    let names: Vec<String> = parts.files("whole").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["robust.csv", "robust.json", "robust.md", "tune.env", "tune.toml"]);
    for shard in ["1/2", "2/2"] {
        assert_eq!(parts.run(&[&grid[..], &["--shard", shard]].concat(), "parts").0, Some(0));
    }
    assert_eq!(parts.run(&["--merge", &parts.path("parts")], "merged").0, Some(0));
    for folder in ["", "/small", "/hinted-quota"] {
        let [merged, whole] = ["merged", "whole"].map(|out| parts.files(&format!("{out}{folder}")));
        assert!(merged == whole && !whole.is_empty(), "{folder}");
    }
    let (code, said) = parts.run(&[&grid[..], &["--race"]].concat(), "race");
    assert_eq!(code, Some(2));
    assert!(said.contains("expected one scenario with --race, found 2"), "{said}");
}

/// The same grid with fewer values and seeds, so that it is played in a moment.
fn smaller(word: &str) -> &str {
    match word {
        "pipeline.batch_size=1,2,5,10,20,40" => "pipeline.batch_size=5,10",
        "pipeline.concurrency=1..=16" => "pipeline.concurrency=2,4",
        "1..=64" => "1..=4",
        word => word,
    }
}

/// Plays the parts that `command` makes, joins them as the workflow does, and gives the report.
fn joined(parts: &Parts, command: impl Fn(u64) -> Command) -> Vec<(String, Vec<u8>)> {
    for shard in 1..=16 {
        assert_eq!(command(shard).output().unwrap().status.code(), Some(0), "{shard}");
    }
    let merged = ["--quiet", "--merge", &parts.path("tuned")];
    assert_eq!(parts.run(&merged, "answer"), (Some(0), String::new()));
    parts.files("answer")
}

#[test]
fn the_matrix_and_the_indexed_job_to_copy_play_the_whole_grid() {
    let parts = Parts::new();
    let whole = [&GRID[..], &["--seeds", "1..=4"]].concat();
    assert_eq!(parts.run(&whole, "whole").0, Some(0));
    // What the matrix runs, word by word.
    let text = fs::read_to_string(".github/workflows/tune.yml").unwrap();
    let line = text.lines().find(|line| line.contains("--shard ")).unwrap();
    let line = line.trim().replace("${{ matrix.shard }}", "SHARD");
    let count = text.lines().find_map(|line| line.trim().strip_prefix("shard: [")).unwrap();
    let count = count.trim_end_matches(']').split(", ").map(|one| one.parse::<u64>().unwrap());
    assert!(count.eq(1..=16));
    let words: Vec<&str> = line.split(' ').skip(2).collect();
    let matrix = Parts::new();
    let answer = joined(&matrix, |shard| {
        let shard = format!("{shard}/16");
        let words = words.iter().map(|word| match smaller(word) {
            "SHARD/16" => shard.clone(),
            "tuned" => matrix.path("tuned"),
            word => word.to_owned(),
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.arg("tune").args(words);
        command
    });
    assert!(answer == parts.files("whole"), "of the matrix");
    // And what the pods run: they are told apart by a variable that counts from nothing.
    let text = fs::read_to_string(".github/tune-job.yml").unwrap();
    let args = text.split("args:\n").nth(1).unwrap().split("volumeMounts").next().unwrap();
    let words: Vec<&str> = args
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .map(|word| word.trim_matches('"'))
        .collect();
    assert!(text.contains("completions: 16") && words.contains(&"--shards"), "{words:?}");
    let job = Parts::new();
    let answer = joined(&job, |shard| {
        let words = words.iter().map(|word| match smaller(word) {
            "/out/tuned" => job.path("tuned"),
            word => word.to_owned(),
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.args(["tune", "scenarios/medium.toml"]).args(words);
        command.env("JOB_COMPLETION_INDEX", (shard - 1).to_string());
        command
    });
    assert!(answer == parts.files("whole"), "of the job");
}
