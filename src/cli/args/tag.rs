//! Arguments of `tag`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, value_parser};
use regex::Regex;

use super::values::{PagesFormat, cql, profile, sample, since, usd};
use crate::pipeline::config::Profile;

/// What chooses pages, asks models or tells of answers.
const ASKING: [&str; 18] = [
    "pages",
    "cql",
    "changed_since",
    "failed",
    "limit",
    "sample",
    "include",
    "exclude",
    "max_calls",
    "max_cost",
    "model",
    "fallback_model",
    "fresh",
    "probe",
    "prune",
    "shared_answers",
    "metrics",
    "out",
];

/// Arguments of `tag`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each switch of the command line")]
pub(crate) struct TagArgs {
    /// The key of the space, or of several.
    #[arg(value_name = "SPACE", required_unless_present_any = ["pages", "cql", "failed", "apply"])]
    pub(crate) spaces: Vec<String>,
    /// Tag these pages instead of a space.
    #[arg(long, value_name = "ID", value_delimiter = ',', conflicts_with_all = ["spaces", "cql"])]
    pub(crate) pages: Vec<u64>,
    /// Only pages that this query in CQL finds, such as 'label = runbook and creator = currentUser()';
    /// without a space, of the whole site. It names no order.
    #[arg(long, value_name = "QUERY", value_parser = cql)]
    pub(crate) cql: Option<String>,
    /// Only pages that were changed since then, a date such as 2026-11-01 or a time ago such as 7d, of the
    /// spaces or of what --cql finds.
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["pages", "failed"], value_parser = since)]
    pub(crate) changed_since: Option<String>,
    /// Only the pages that failed in this job, which wrote labels.
    #[arg(long, value_name = "JOB", conflicts_with_all = ["spaces", "pages", "cql"])]
    pub(crate) failed: Option<String>,
    /// Only this many pages, in the order in which the space lists them.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Only a sample of the pages, such as 2%: always the same ones, and those of a smaller sample too.
    #[arg(long, value_name = "PERCENT", value_parser = sample)]
    pub(crate) sample: Option<u64>,
    /// Only pages whose title matches this regular expression (repeatable: one of them).
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<Regex>,
    /// No page whose title matches this regular expression (repeatable).
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<Regex>,
    /// Write labels; without it nothing in Confluence changes.
    #[arg(long)]
    pub(crate) write: bool,
    /// Also remove labels of the taxonomy that earlier jobs of `tag` gave to a page and that its tags are not
    /// any more; what people added stays.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Begin at once: at a terminal the plan is shown otherwise, and a question asked.
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How pages are printed; whatever else there is to say goes to standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: PagesFormat,
    /// Ask no model, and give each page the labels of this CSV, which a dry run with --format csv has
    /// printed and you have edited. With --write the labels are written; without it, as always, they are
    /// only shown.
    #[arg(long, value_name = "CSV", conflicts_with_all = ASKING)]
    pub(crate) apply: Option<PathBuf>,
    /// With --apply: also write labels that neither the taxonomy nor the dry run has.
    #[arg(long, requires = "apply")]
    pub(crate) new_labels: bool,
    /// Make at most this many AI calls; what is left is tagged by the next run.
    #[arg(long, value_name = "N")]
    pub(crate) max_calls: Option<u64>,
    /// Spend at most so much on AI calls, such as 5.00; a call on its way counts with the most that it can
    /// cost.
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max_cost: Option<u64>,
    /// After the run, ask about this share of the pages that were asked about together once more, alone and
    /// twice, and say what batches cost in quality. These calls count for --max-calls and --max-cost.
    #[arg(long, value_name = "PERCENT", value_parser = sample)]
    pub(crate) probe: Option<u64>,
    /// Task id written into each event.
    #[arg(long, default_value = "tag")]
    pub(crate) task: String,
    /// A TOML file with a table `taxonomy`: tags by category.
    #[arg(long, value_name = "FILE")]
    pub(crate) taxonomy: Option<PathBuf>,
    /// Gemini's model.
    #[arg(long, default_value = "gemini-3.5-flash-lite")]
    pub(crate) model: String,
    /// OpenAI's model, asked when Gemini gives up.
    #[arg(long, default_value = "gpt-6-luna")]
    pub(crate) fallback_model: String,
    /// The profile, over one that a variable or --env-file names (default: recommended).
    #[arg(long, value_name = "NAME", value_parser = profile)]
    pub(crate) profile: Option<Profile>,
    /// Set a key of a scenario's `[pipeline]`, such as batch_size=10, over all others (repeatable).
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// A file of TAG_SPACE_ variables, such as the tune.env of `tune`, over those of the environment.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Keep what is learned of quotas in this file, and start from what it holds
    /// (default: tagspace/quotas.json in $XDG_STATE_HOME or ~/.local/state).
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Keep answers in this file, and ask about no page that it holds an answer for
    /// (default: tagspace/answers.db in $XDG_STATE_HOME or ~/.local/state).
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Share answers with other machines in this Redis, behind the own store, such as
    /// redis://cache.example:6379/0. Its password stands in REDIS_PASSWORD.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) shared_answers: Option<String>,
    /// Ask about every page, whatever answers are kept, and begin a new job; the new answers take the
    /// place of the old ones.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Neither read nor keep anything between runs: what is learned of quotas, answers, reports.
    #[arg(long, conflicts_with_all = ["state", "store"])]
    pub(crate) no_state: bool,
    /// Where the event log is written; a file that is something else is not replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// Let Prometheus read how the run stands at this address, such as 127.0.0.1:9464, as long as it goes
    /// on.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Log every event for humans into a file; one that is something else is not replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Where the report's folder is written (default: tagspace/reports in $XDG_STATE_HOME or
    /// ~/.local/state; none with --no-state).
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Send credentials to other machines over plain http as well.
    #[arg(long)]
    pub(crate) allow_http: bool,
}
