//! How a target is played: first what it failed on before, then examples with random edits.
//!
//! `cargo test` plays a small number of cases, the same every time. `TAGSPACE_FUZZ_CASES` plays as
//! many for each target, `TAGSPACE_FUZZ_SECONDS` plays all targets together for so long: the time
//! ends the loop and decides nothing else. `TAGSPACE_FUZZ_SEED` chooses other cases. An input that
//! fails is made as small as possible, and kept in `tests/corpus/TARGET/`, from where it is played
//! ever after.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the clock and the environment say how long it plays, and nothing else"
)]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use sha2::{Digest, Sha256};

/// The number of targets that share the time.
const TARGETS: u32 = 23;
/// Cases between two looks at the clock.
const ROUND: u32 = 32;

/// What stands in the environment under this name, as a number.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Where the inputs of a target are kept.
fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target)
}

/// The inputs that are kept for a target.
pub(crate) fn kept(target: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(corpus(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn keep(target: &str, input: &str) -> PathBuf {
    let digest = Sha256::digest(input.as_bytes());
    let path =
        corpus(target).join(format!("{:02x}{:02x}{:02x}.txt", digest[0], digest[1], digest[2]));
    fs::create_dir_all(corpus(target)).unwrap();
    fs::write(&path, input).unwrap();
    path
}

/// Plays a target: every input must pass `check`, which panics if it does not.
pub(crate) fn play(
    target: &str,
    usual_cases: u32,
    inputs: impl Strategy<Value = String>,
    check: impl Fn(&str),
) {
    for input in kept(target) {
        check(&input);
    }
    let seconds = number("TAGSPACE_FUZZ_SECONDS");
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let share = seconds.map(|all| Duration::from_millis(all * 1000 * threads / u64::from(TARGETS)));
    let cases = number("TAGSPACE_FUZZ_CASES").unwrap_or(u64::from(usual_cases));
    let seed = number("TAGSPACE_FUZZ_SEED").unwrap_or(2026);
    let slow = number("TAGSPACE_FUZZ_SLOW_MS");
    let begun = Instant::now();
    let mut played = 0;
    for round in 0.. {
        let is_over = match share {
            Some(share) => begun.elapsed() >= share,
            None => played >= cases,
        };
        if is_over {
            break;
        }
        let now = if share.is_some() { ROUND } else { (cases - played).min(100_000) as u32 };
        let mut runner = TestRunner::new(Config {
            cases: now,
            rng_seed: RngSeed::Fixed(seed.wrapping_add(round)),
            failure_persistence: None,
            max_shrink_iters: 2_000,
            ..Config::default()
        });
        let result = runner.run(&inputs, |input| {
            let began = Instant::now();
            check(&input);
            if slow.is_some_and(|ms| began.elapsed() >= Duration::from_millis(ms)) {
                println!("{target}: {:?} for\n{input}\n----", began.elapsed());
            }
            Ok(())
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, input)) => {
                panic!("{target}: {why}; the input is kept in {}", keep(target, &input).display());
            }
            Err(TestError::Abort(why)) => panic!("{target}: {why}"),
        }
        played += u64::from(now);
    }
    println!("{target}: {played} inputs in {:?}", begun.elapsed());
}

/// Numbers at which something may begin to go wrong.
pub(crate) const EDGES: [&str; 26] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "1000000000",
    "86400000",
    "864000",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "-1e308",
    "1e-308",
    "0.5",
    "nan",
    "inf",
    "1e999",
    "99999999999999999999999999999999999999999",
];

/// An edit of a text. Places are shares of it.
#[derive(Debug, Clone)]
enum Edit {
    Delete(Index, Index),
    Double(Index, Index, u8),
    Splice(Index, Index, Index, Index),
    Word(Index, Index),
    Number(Index, Index),
    Letter(Index, char),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), at()).prop_map(|(a, b)| Edit::Delete(a, b)),
        2 => (at(), at(), 1..6_u8).prop_map(|(a, b, n)| Edit::Double(a, b, n)),
        2 => (at(), at(), at(), at()).prop_map(|(o, a, b, c)| Edit::Splice(o, a, b, c)),
        4 => (at(), at()).prop_map(|(a, b)| Edit::Word(a, b)),
        6 => (at(), at()).prop_map(|(a, b)| Edit::Number(a, b)),
        1 => (at(), any::<char>()).prop_map(|(a, c)| Edit::Letter(a, c)),
    ]
}

/// Where a letter begins, at about this place.
fn place(text: &str, at: Index) -> usize {
    let mut place = at.index(text.len() + 1);
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

fn range(text: &str, from: Index, to: Index) -> std::ops::Range<usize> {
    // Short stretches are more often of interest than long ones.
    let from = place(text, from);
    let mut until = (from + to.index(64)).min(text.len());
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    from..until.max(from)
}

/// The stretches of a text that are numbers.
fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        if byte.is_ascii_digit() {
            match found.last_mut().filter(|last| last.end == at) {
                Some(last) => last.end += 1,
                None => found.push(at..at + 1),
            }
        }
    }
    found
}

fn apply(text: &mut String, edit: &Edit, examples: &[String], words: &[&str]) {
    match *edit {
        Edit::Delete(from, to) => drop(text.drain(range(text, from, to))),
        Edit::Double(from, to, times) => {
            let range = range(text, from, to);
            let again = text[range.clone()].repeat(usize::from(times));
            text.insert_str(range.end, &again);
        }
        Edit::Splice(other, from, to, at) => {
            let other = &examples[other.index(examples.len())];
            let piece = other[range(other, from, to)].to_owned();
            let at = place(text, at);
            text.insert_str(at, &piece);
        }
        Edit::Word(at, word) if !words.is_empty() => {
            let at = place(text, at);
            text.insert_str(at, words[word.index(words.len())]);
        }
        Edit::Word(at, _) => {
            let at = place(text, at);
            text.insert(at, '\0');
        }
        Edit::Number(which, edge) => {
            let numbers = numbers(text);
            if !numbers.is_empty() {
                let number = numbers[which.index(numbers.len())].clone();
                text.replace_range(number, EDGES[edge.index(EDGES.len())]);
            }
        }
        Edit::Letter(at, letter) => {
            let at = place(text, at);
            text.insert(at, letter);
        }
    }
}

/// One of these examples, or of what is kept, with up to six edits; `words` are put in here and
/// there.
pub(crate) fn edited(
    target: &str,
    examples: Vec<String>,
    words: &'static [&'static str],
) -> impl Strategy<Value = String> + use<> {
    let mut all = examples;
    all.extend(kept(target));
    let chosen = (any::<Index>(), proptest::collection::vec(edit(), 0..6));
    chosen.prop_map(move |(example, edits)| {
        let mut text = all[example.index(all.len())].clone();
        for edit in &edits {
            apply(&mut text, edit, &all, words);
        }
        text
    })
}
