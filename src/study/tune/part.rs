//! Parts: the share of the games that one of many processes plays, in a file of its own.
//!
//! The first line is the whole question, so that parts of different questions are told apart and
//! that whoever joins them needs nothing else. Each further line is a game. A file that was cut off
//! in the middle of a line goes on with the game of that line.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::games::{self, Game, Played, Results};
use super::grid::Axis;
use super::{Objective, Question};
use crate::sim::scenario::Scenario;
use crate::study::target;

/// The version of the file's form.
const FORMAT_VERSION: u64 = 1;

/// Which of how many parts, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// The games of this part: every so manieth.
    pub fn games(self, questions: &[Question]) -> Vec<Game> {
        let all = games::all(questions).into_iter().enumerate();
        all.filter(|(at, _)| *at as u64 % self.count + 1 == self.index)
            .map(|(_, game)| game)
            .collect()
    }

    /// The name of its file.
    pub fn file(self) -> String {
        format!("{}-of-{}.jsonl", self.index, self.count)
    }
}

/// A question as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    name: String,
    file: String,
    text: String,
    /// What the text refers to is in it as well, such as tables of latencies.
    world_digest: String,
    folder: PathBuf,
    axes: Vec<(String, Vec<String>)>,
    seeds: (u64, u64),
    objective: String,
    require: Vec<String>,
    run: String,
}

/// The first line of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format_version: u64,
    /// Which part it is.
    pub shard: Shard,
    /// What makes all parts of one question alike: with the version of the world's rules.
    pub digest: String,
    questions: Vec<Written>,
}

/// A line of a part.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    game: Game,
    #[serde(flatten)]
    played: Played,
}

impl Header {
    /// That of a part of these questions.
    pub fn of(questions: &[Question], shard: Shard) -> Self {
        let questions: Vec<Written> = questions.iter().map(written).collect();
        let canonical = serde_json::to_vec(&(
            crate::fakes::VERSION,
            env!("CARGO_PKG_VERSION"),
            shard.count,
            &questions,
        ));
        let digest = base16ct::lower::encode_string(&Sha256::digest(canonical.unwrap_or_default()));
        Self { format_version: FORMAT_VERSION, shard, digest, questions }
    }

    /// What is asked.
    pub fn questions(&self) -> Result<Vec<Question>, String> {
        self.questions.iter().map(read).collect()
    }
}

fn written(question: &Question) -> Written {
    let scenario = &question.scenario;
    let require = question.require.iter().map(|one| format!("{} {}", one.metric.name, one.text));
    Written {
        name: scenario.name.clone(),
        file: scenario.file().to_owned(),
        text: scenario.text.clone(),
        world_digest: scenario.world_digest.clone(),
        folder: question.folder.clone(),
        axes: question.axes.iter().map(|axis| (axis.key.clone(), axis.values.clone())).collect(),
        seeds: (*question.seeds.start(), *question.seeds.end()),
        objective: question.objective.name().to_owned(),
        require: require.collect(),
        run: question.run.clone(),
    }
}

fn read(written: &Written) -> Result<Question, String> {
    let Written { name, file, text, world_digest, folder, axes, .. } = written;
    let Written { seeds, objective, require, run, .. } = written;
    let scenario =
        Scenario::parse(name, file, text, folder).map_err(|problem| problem.to_string())?;
    if scenario.world_digest != *world_digest {
        return Err(format!("got another world of {name} here than its parts were played in"));
    }
    let wrong = || format!("got the objective `{objective}`, wanted a known one");
    let require = require.iter().map(|text| target::in_one_piece(run, text));
    Ok(Question {
        scenario,
        folder: folder.clone(),
        axes: axes
            .iter()
            .map(|(key, values)| Axis { key: key.clone(), values: values.clone() })
            .collect(),
        seeds: seeds.0..=seeds.1,
        objective: Objective::named(objective).ok_or_else(wrong)?,
        require: require.collect::<Result<_, _>>()?,
        run: run.clone(),
    })
}

/// Writes the first line.
pub fn write_header(header: &Header, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, header)?;
    to.write_all(b"\n")
}

/// Writes a game.
pub fn write_game(game: Game, played: &Played, mut to: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut to, &Line { game, played: played.clone() })?;
    to.write_all(b"\n")
}

/// Reads a part: its first line, and the games that were written to their end.
pub fn read_part(text: &str) -> Result<(Header, Results), String> {
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let first = lines.next().ok_or("got no whole line, wanted the question in the first")?;
    let header: Header = serde_json::from_str(first)
        .map_err(|error| format!("got a first line that is no question: {error}"))?;
    if header.format_version != FORMAT_VERSION {
        return Err(format!(
            "got format_version {}, wanted {FORMAT_VERSION}",
            header.format_version
        ));
    }
    let mut results = Results::new();
    for (at, line) in lines.enumerate() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| format!("got no game in line {}: {error}", at + 2))?;
        results.insert(line.game, line.played);
    }
    Ok((header, results))
}
