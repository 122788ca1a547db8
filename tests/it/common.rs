//! What tests share: scenarios from text, and what came of them.

use std::path::Path;
use std::process::Command;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::sim::{Options, Transport};
use tagspace::internals::study::verdict::judge::{JudgedRun, JudgedScenario};
use tagspace::internals::study::verdict::seeds::PlayedSeed;
use tagspace::internals::study::verdict::{judge, target_syntax};

/// A program that ignores no signal, though the tests may have been started by one that does
/// (`nohup`, or a shell's background).
pub(crate) fn attentive(program: &str) -> Command {
    if cfg!(not(target_os = "linux")) {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/env");
    command.args(["--default-signal=INT,HUP,TERM", program]);
    command
}

/// A scenario whose world has no luck in it: fixed latencies, no faults, no quota.
pub(crate) const PLAIN: &str = r#"# Plain?
schema = 1
seed = 7
[space]
pages = 20
chars = { median = 400, sigma = 0.2, max = 1000 }
[confluence]
latency = { dist = "fixed", ms = 10 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "fixed", ms = 1000, refusal_ms = 100 }
answer = { miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }
[openai]
model = "gpt-6-luna"
latency = { dist = "fixed", ms = 2000 }
[pipeline]
profile = "documented"
"#;

/// The number of cases, the same in every run: a test that fails now and then helps nobody.
pub(crate) fn same_cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A scenario of this text, with settings on top.
pub(crate) fn scenario(text: &str, settings: &[&str]) -> Scenario {
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let folder = Path::new(".");
    let text =
        tagspace::internals::sim::scenario::overrides::apply(text, &settings, folder).unwrap();
    Scenario::parse("test", "test.toml", &text, folder)
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// In memory.
pub(crate) fn direct() -> Options {
    Options { transport: Transport::Direct, ..Options::default() }
}

/// What these seeds of a scenario come to, numbered from 1.
pub(crate) fn played(scenario: &Scenario, seeds: impl Iterator<Item = u64>) -> Vec<PlayedSeed> {
    let targets = target_syntax::of(scenario).unwrap();
    let one = |(at, seed)| {
        let judged = judge::run(&scenario.seeded(seed), &targets, &direct()).unwrap();
        PlayedSeed::of(at, &judged)
    };
    (1..).zip(seeds).collect::<Vec<_>>().into_par_iter().map(one).collect()
}

/// Runs and judges a scenario in memory. Judging checks that nothing is lost.
pub(crate) fn judged(scenario: &Scenario) -> JudgedScenario {
    let targets = target_syntax::of(scenario).unwrap();
    judge::run(scenario, &targets, &direct()).unwrap()
}

/// The only run of the plain scenario with these settings.
pub(crate) fn plain(settings: &[&str]) -> JudgedRun {
    judged(&scenario(PLAIN, settings)).runs.remove(0)
}
