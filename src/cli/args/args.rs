//! The arguments of every command.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};

use super::best_known::BestKnownArgs;
use super::cache::CacheArgs;
use super::explain::ExplainArgs;
use super::limits::LimitsArgs;
use super::play::Play;
use super::report::ReportArgs;
use super::tag::TagArgs;
use super::undo::UndoArgs;
use super::values::{
    ClockArg, ColorArg, CompareFormat, Format, FromArg, MOST_SHARDS, ModeArg, ObjectiveArg,
    TransportArg, address, baseline, chance, duration, output, percent, shard, speed,
};
use crate::cli::ExitStatus;
use crate::sim::scenario::file::MAX_SEED;
use crate::study::tune::grid::{Axis, seeds};
use crate::study::tune::shard::Shard;

/// Rehearses the tagging of a Confluence space, and does it.
#[derive(Debug, Parser)]
#[command(name = "tagspace", version, max_term_width = 100, arg_required_else_help = true, after_help = ExitStatus::table())]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Replay scenarios in virtual time and judge their targets.
    #[command(
        after_help = "Examples:\n  tagspace run\n  tagspace run scenarios/medium.toml --seeds 1..=64\n  tagspace run --set pipeline.batch_size=10 -o junit=junit.xml -o markdown=summary.md\n  tagspace run scenarios/medium.toml --seeds 1..=32 --baseline main"
    )]
    Run(RunArgs),
    /// Check scenarios without running them.
    #[command(
        after_help = "Examples:\n  tagspace validate\n  tagspace validate scenarios/medium.toml --set gemini.quota.requests=15"
    )]
    Validate(Scenarios),
    /// List scenarios with the question that each asks.
    #[command(after_help = "Examples:\n  tagspace list\n  tagspace list scenarios")]
    List(Scenarios),
    /// Print the JSON Schema of scenario files.
    #[command(after_help = "Examples:\n  tagspace schema > scenarios/scenario.schema.json")]
    Schema,
    /// Write a scenario to start from.
    #[command(
        after_help = "Examples:\n  tagspace new first\n  tagspace new --from taxonomy > tags.toml"
    )]
    New(NewArgs),
    /// Play scenarios that come with the program: it needs no other file.
    #[command(after_help = "Examples:\n  tagspace demo\n  tagspace demo try")]
    Demo(DemoArgs),
    /// Show a page of the guide, or the list of all pages.
    #[command(after_help = "Examples:\n  tagspace guide\n  tagspace guide targets")]
    Guide(GuideArgs),
    /// List the metrics that targets may judge.
    #[command(after_help = "Examples:\n  tagspace metrics\n  tagspace metrics page_latency")]
    Metrics(MetricsArgs),
    /// Tag a real space (a dry run unless told otherwise).
    #[command(
        after_help = "Examples:\n  tagspace tag DOCS\n  tagspace tag DOCS --write --log tag.log --events tag.jsonl\n  tagspace tag DOCS --env-file reports/out/tune/tune.env --set batch_size=10\n  tagspace tag --pages 123,456 --taxonomy tags.toml\n  tagspace tag DOCS OPS --cql 'label = runbook' --changed-since 7d\n  tagspace tag --failed DOCS-1 --write\n  tagspace tag DOCS --format csv > changes.csv\n  tagspace tag DOCS --apply changes.csv --write"
    )]
    Tag(TagArgs),
    /// Say what `tag` would take with the same arguments: calls, tokens, cost, labels. No AI call is made.
    #[command(
        after_help = "Examples:\n  tagspace plan DOCS\n  tagspace plan DOCS --taxonomy tags.toml --model gemini-3.8-flash"
    )]
    Plan(TagArgs),
    /// Take back what a job of `tag --write` did to labels, or list the jobs.
    #[command(after_help = "Examples:\n  tagspace undo\n  tagspace undo DOCS-1")]
    Undo(UndoArgs),
    /// Look at the answers that `tag` has kept, or forget them.
    #[command(
        after_help = "Examples:\n  tagspace cache stats\n  tagspace cache clear --model gpt-6-luna\n  tagspace cache clear --unused-for 90\n  tagspace cache export > answers.csv"
    )]
    Cache(CacheArgs),
    /// Serve a scenario's fakes on loopback ports, in real time, and judge whoever uses them.
    #[command(
        after_help = "Examples:\n  tagspace serve scenarios/free-tier.toml\n  tagspace serve scenarios/free-tier.toml --for 60s --speed 10 --json"
    )]
    Serve(ServeArgs),
    /// Say what limits a run, and what to change first.
    #[command(
        after_help = "Examples:\n  tagspace limits scenarios/medium.toml\n  tagspace limits scenarios/free-tier-profiles.toml --run recommended\n  tagspace limits scenarios/small.toml --tolerance"
    )]
    Limits(LimitsArgs),
    /// Say how close the best known settings of scenarios come to what no settings can beat.
    #[command(
        after_help = "Examples:\n  tagspace best-known scenarios/medium.toml --search --out found\n  tagspace best-known --check"
    )]
    BestKnown(BestKnownArgs),
    /// Let all kinds of limiters compete in a family of worlds, on the same weather.
    #[command(
        after_help = "Examples:\n  tagspace league\n  tagspace league --only free --seeds 8\n  tagspace league --random 1000\n  tagspace league --show 17 > world-17.toml"
    )]
    League(LeagueArgs),
    /// Play every promise of the plan, and say which hold, which do not, and from where on.
    #[command(after_help = "Examples:\n  tagspace claims --only C4\n  tagspace claims --check")]
    Claims(ClaimsArgs),
    /// Play a grid of settings with many seeds, and say which are best.
    #[command(
        after_help = "Examples:\n  tagspace tune scenarios/medium.toml --auto\n  tagspace tune scenarios/medium.toml --set pipeline.concurrency=1..=8 --objective cheapest\n  tagspace tune scenarios/free-tier.toml scenarios/medium.toml --set pipeline.batch_size=5,10,20\n  tagspace tune scenarios/medium.toml --set pipeline.concurrency=1..=16 --shard 1/4 --out tuned"
    )]
    Tune(TuneArgs),
    /// Compare two outputs, two programs, or an output and a baseline: what moved, and is it worse?
    #[command(
        after_help = "Examples:\n  tagspace compare before after\n  tagspace compare --bin ./old ./new scenarios/medium.toml --seeds 1..=32\n  tagspace compare reports/out --baseline main"
    )]
    Compare(CompareArgs),
    /// Make the page of a report anew from its events, or one page of several reports.
    #[command(
        after_help = "Examples:\n  tagspace report reports/out/before-after --open\n  tagspace report reports/out/small reports/out/medium --out both.html"
    )]
    Report(ReportArgs),
    /// Print the events behind a metric's worst value, or what is odd about a run.
    #[command(
        after_help = "Examples:\n  tagspace explain reports/out/before-after\n  tagspace explain reports/out/before-after page_latency --run documented"
    )]
    Explain(ExplainArgs),
}

impl Command {
    /// Whether it listens to signals itself, because it has something to finish.
    pub(crate) fn ends_in_order(&self) -> bool {
        match self {
            Self::Run(args) => !args.mutate,
            Self::Demo(_)
            | Self::Tag(_)
            | Self::Plan(_)
            | Self::Undo(_)
            | Self::Serve(_)
            | Self::Compare(_) => true,
            _ => false,
        }
    }

    /// The same, where its scenarios know whether anything but errors is printed.
    pub(crate) fn quietly(mut self) -> Self {
        if let Self::Run(args) = &mut self {
            args.scenarios.is_quiet = args.quiet;
        }
        self
    }
}

/// Which scenarios, and what is set on top of them.
#[derive(Debug, Args, Clone)]
pub(crate) struct Scenarios {
    /// Scenario files, or folders that are searched for them.
    #[arg(value_name = "SCENARIO|DIR", default_value = "scenarios")]
    pub(crate) paths: Vec<PathBuf>,
    /// Set a key of every scenario, such as pipeline.batch_size=10 (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Use this seed instead of the scenarios' own.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=MAX_SEED))]
    pub(crate) seed: Option<u64>,
    /// Take settings of the pipeline from a file with the plan's TAG_SPACE_ variables; runs whose own
    /// `[run.pipeline]` names a profile stay as they are.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// With --env-file: also set the runs whose own `[run.pipeline]` names a profile.
    #[arg(long, requires = "env_file")]
    pub(crate) env_file_all_runs: bool,
    /// Whether nothing but errors is printed.
    #[arg(skip)]
    pub(crate) is_quiet: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("accepted").args(["baseline", "save_baseline"]).multiple(true)))]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of the command line")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) scenarios: Scenarios,
    /// Where a folder for each scenario is written.
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    pub(crate) out: PathBuf,
    /// Run every scenario with each of these seeds; a target must be met in all of them, unless it
    /// says `in >= 95% of seeds`.
    #[arg(long, value_name = "A..=B", value_parser = seeds, conflicts_with_all = ["seed", "clock", "mutate", "log"])]
    pub(crate) seeds: Option<RangeInclusive<u64>>,
    /// How requests reach the fakes: real HTTP, or a call in memory. The history is the same.
    #[arg(long, value_enum, default_value = "wire")]
    pub(crate) transport: TransportArg,
    /// Whose time passes. In real time the same run is played again after its rehearsal, and both
    /// are compared.
    #[arg(long, value_enum, default_value = "virtual")]
    pub(crate) clock: ClockArg,
    /// With --clock real: how often it is played; medians are compared.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=99))]
    pub(crate) repeat: Option<u16>,
    /// Stop at the first scenario that misses a target.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Compare with this baseline after the run; exit 3 if something became worse.
    #[arg(long, value_name = "NAME", value_parser = baseline, conflicts_with_all = ["mutate", "clock"])]
    pub(crate) baseline: Option<String>,
    /// Like --baseline, but silent if the baseline is missing.
    #[arg(long, value_name = "NAME", value_parser = baseline, conflicts_with_all = ["baseline", "mutate", "clock"])]
    pub(crate) baseline_lenient: Option<String>,
    /// A baseline that is not there is an error.
    #[arg(long, requires = "baseline")]
    pub(crate) require_baseline: bool,
    /// A scenario without targets is an error: nothing would be judged.
    #[arg(long)]
    pub(crate) require_targets: bool,
    /// Save the figures as reports/baselines/NAME.toml.
    #[arg(long, value_name = "NAME", value_parser = baseline, conflicts_with_all = ["mutate", "clock"])]
    pub(crate) save_baseline: Option<String>,
    /// Overwrite the baseline although the figures differ.
    #[arg(long, requires = "accepted")]
    pub(crate) bless: bool,
    /// Scenarios to run at once (default: one for each core).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Run everything twice and name the first event that differs.
    #[arg(long)]
    pub(crate) check_determinism: bool,
    /// Weaken the pipeline on purpose and list which targets notice.
    #[arg(long, conflicts_with_all = ["check_determinism", "fail_fast", "format", "output", "out", "repeat"])]
    pub(crate) mutate: bool,
    /// What goes to standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Also write this format to a file (repeatable), such as -o json=report.json.
    #[arg(short = 'o', value_name = "FORMAT=PATH", value_parser = output::<Format>)]
    pub(crate) output: Vec<(Format, PathBuf)>,
    /// Print nothing but errors and warnings.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) color: ColorArg,
    /// Log every event for humans into a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

/// Arguments of `new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The file to write, or a name for one in scenarios/.
    #[arg(value_name = "NAME", required_unless_present = "from")]
    pub(crate) name: Option<String>,
    /// Print this instead of writing a scenario: the default taxonomy, for `tag --taxonomy`.
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "name")]
    pub(crate) from: Option<FromArg>,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder for the scenarios and their reports.
    #[arg(value_name = "DIR", default_value = "tagspace-demo")]
    pub(crate) folder: PathBuf,
    /// When to use colours.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) color: ColorArg,
}

/// Arguments of `guide`.
#[derive(Debug, Args)]
pub(crate) struct GuideArgs {
    /// The topic (default: the list of topics).
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

/// Arguments of `metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// Show this metric alone, with an example of a target.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// How many seeds `league` and `claims` play for the reports that are kept.
pub(crate) const LEAGUE_SEEDS: u64 = 3;
pub(crate) const CLAIMS_SEEDS: u64 = 32;

/// Arguments of `league`.
#[derive(Debug, Args)]
pub(crate) struct LeagueArgs {
    /// Where the report is written, or read with --check (default: reports/league; with --only or
    /// other --seeds reports/out/league).
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with the report that is there instead of writing one; exit 3 if it differs.
    #[arg(long)]
    pub(crate) check: bool,
    /// Only fields whose name contains this text.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) only: String,
    /// Play this many worlds that are drawn from their numbers instead of the fields.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=100_000), conflicts_with_all = ["only", "check"])]
    pub(crate) random: Option<u64>,
    /// The number of the first of these worlds (default: 1); numbers that were not used before give worlds
    /// in which no limiter was tuned.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=900_000), requires = "random")]
    pub(crate) from: Option<u64>,
    /// Print the world of this number as a scenario, and play nothing.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=999_999), conflicts_with_all = ["only", "check", "random", "from", "seeds", "out", "jobs", "quiet"])]
    pub(crate) show: Option<u64>,
    /// Seeds for each trial (default: 2; with --random 1).
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=32))]
    pub(crate) seeds: Option<u64>,
    #[command(flatten)]
    pub(crate) play: Play,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
pub(crate) struct ClaimsArgs {
    /// Where the report is written, or read with --check (default: reports/claims; with other
    /// --seeds reports/out/claims).
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with the report that is there instead of writing one; exit 3 if it differs.
    #[arg(long)]
    pub(crate) check: bool,
    /// Play only the claim with this number, and print what was found of it: no report is written.
    #[arg(long, value_name = "C1", conflicts_with_all = ["check", "out", "quiet"])]
    pub(crate) only: Option<String>,
    /// Seeds for each statement in each world.
    #[arg(long, value_name = "N", default_value_t = CLAIMS_SEEDS, value_parser = value_parser!(u64).range(1..=1000))]
    pub(crate) seeds: u64,
    #[command(flatten)]
    pub(crate) play: Play,
}

/// Arguments of `tune`.
#[derive(Debug, Args)]
pub(crate) struct TuneArgs {
    /// Scenario files; with several, find the setting with the smallest worst-case loss.
    #[arg(value_name = "SCENARIO", required_unless_present = "merge")]
    pub(crate) scenarios: Vec<PathBuf>,
    /// Vary a key over values or a range, such as pipeline.batch_size=5,10,20 or
    /// pipeline.concurrency=1..=16, or set it to one (repeatable; default: the scenario's `[tune]`).
    #[arg(long = "set", value_name = "KEY=VALUES", value_parser = Axis::parse)]
    pub(crate) set: Vec<Axis>,
    /// The seeds of each setting (default: those of `[tune]`, or 1..=16).
    #[arg(long, value_name = "A..=B", value_parser = seeds)]
    pub(crate) seeds: Option<RangeInclusive<u64>>,
    /// What is to be as small as possible (default: as `[tune]` says, or fastest).
    #[arg(long, value_enum)]
    pub(crate) objective: Option<ObjectiveArg>,
    /// What a setting must meet in at least 95 % of the seeds (repeatable; default: those of `[tune]`,
    /// or that all pages are done and labelled, and `rate_limited_ratio <= 1%`).
    #[arg(long, value_name = "METRIC LIMIT")]
    pub(crate) require: Vec<String>,
    /// Look at this run (default: as `[tune]` says, or the first).
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// Find the keys and values to try: of pace, order and size, unless --set names others. What the
    /// scenario's own targets say is required, unless --require says something else.
    #[arg(long, conflicts_with_all = ["race", "shard", "shards", "merge"])]
    pub(crate) auto: bool,
    /// Stop bad settings early: after a few seeds the better half goes on with twice as many.
    #[arg(long, conflicts_with_all = ["shard", "shards", "merge"])]
    pub(crate) race: bool,
    /// Play only this part, such as 3/16, into a file in --out that all parts share.
    #[arg(long, value_name = "K/N", value_parser = shard, conflicts_with = "merge")]
    pub(crate) shard: Option<Shard>,
    /// Play the part of N whose number, counted from 0, is in JOB_COMPLETION_INDEX.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=MOST_SHARDS), conflicts_with_all = ["shard", "merge"])]
    pub(crate) shards: Option<u64>,
    /// Join the parts that lie in this folder, and write the report as if one had played them all.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenarios", "set", "seeds", "objective", "require", "run"])]
    pub(crate) merge: Option<PathBuf>,
    /// Where the report is written.
    #[arg(long, value_name = "DIR", default_value = "reports/out/tune")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) play: Play,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Two folders that `run --out` wrote; with --baseline the new one only.
    #[arg(value_name = "BASE NEW", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// BASE and NEW are programs: both play the scenarios that follow (default: scenarios/).
    #[arg(long, conflicts_with = "baseline")]
    pub(crate) bin: bool,
    /// With --bin: the seeds.
    #[arg(long, value_name = "A..=B", requires = "bin", value_parser = seeds)]
    pub(crate) seeds: Option<RangeInclusive<u64>>,
    /// With --bin: where both write.
    #[arg(long, value_name = "DIR", default_value = "reports/out/compare")]
    pub(crate) out: PathBuf,
    /// Compare with reports/baselines/NAME.toml.
    #[arg(long, value_name = "NAME", value_parser = baseline)]
    pub(crate) baseline: Option<String>,
    /// A baseline that is not there is an error.
    #[arg(long, requires = "baseline")]
    pub(crate) require_baseline: bool,
    /// Whether the logs must be the same, or figures may not be worse over many seeds (default:
    /// exact with fewer seeds than pairs take, 12 for one run).
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) mode: ModeArg,
    /// Ignore changes of a mean smaller than this.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    pub(crate) noise_threshold: u64,
    /// How likely a false alarm may be in the whole comparison.
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = chance)]
    pub(crate) significance_level: u64,
    /// What goes to standard output.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: CompareFormat,
    /// Also write this format to a file (repeatable), such as -o markdown=compare.md.
    #[arg(short = 'o', value_name = "FORMAT=PATH", value_parser = output::<CompareFormat>)]
    pub(crate) output: Vec<(CompareFormat, PathBuf)>,
    /// Print nothing but errors and warnings.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenario: PathBuf,
    /// Set a key of the scenario, such as gemini.quota.requests=10 (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Use this seed instead of the scenario's own.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=MAX_SEED))]
    pub(crate) seed: Option<u64>,
    /// Serve the space of this run, and judge by its targets (default: the first).
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,
    /// Run the world N times as fast; waits that it names become shorter, too.
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub(crate) speed: u64,
    /// Stop after this time (default: at Ctrl-C).
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) for_time: Option<Duration>,
    /// Print one line of JSON with the origins, and nothing else on standard output.
    #[arg(long)]
    pub(crate) json: bool,
    /// The address to listen at.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", value_parser = address)]
    pub(crate) bind: IpAddr,
    /// Confluence's port; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(crate) confluence_port: u16,
    /// Gemini's port.
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(crate) gemini_port: u16,
    /// OpenAI's port.
    #[arg(long, value_name = "PORT", default_value = "0")]
    pub(crate) openai_port: u16,
    /// Where a folder for the scenario is written.
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    pub(crate) out: PathBuf,
    /// Print nothing but the origins and errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) color: ColorArg,
    /// Log every event for humans into a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}
