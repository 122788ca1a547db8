//! `tagspace` tags every page of a Confluence space with an LLM, and rehearses it first: the same
//! pipeline, over real HTTP, against fakes of Confluence, Gemini and OpenAI, in virtual time.
//!
//! The command is explained in the [`guide`]. As a library, [`Pipeline`] tags, and [`run_scenario`]
//! plays a [`Scenario`] from a test ([`guide::library`] has both). The rest of this page is the
//! architecture, for people who change the code.
//!
//! # Map
//!
//! A layer names only layers below it, siblings do not name each other, and no file depends on
//! itself, however far around (`tests/it/tidy.rs` and `tests/it/cycles.rs` hold this).
//!
//! | layer | what it is |
//! |---|---|
//! | `cli` | arguments, commands, exit codes |
//! | `report` | tables, documents and pictures; it prints and computes nothing |
//! | `study` | metrics, targets, comparisons, tuning, the league, the claims: questions asked of runs |
//! | `sim` | scenarios, virtual time, the wire, the event log: one run of one scenario |
//! | `pipeline` and `fakes` | siblings: the product, and the world that it meets |
//! | `units`, `quantity`, `rng`, `price`, `html`, `guide` | numbers with a range and as they are written, keyed randomness, prices, tags, pages |
//!
//! To follow a page through the product, read the stages in `pipeline/run`: `stages.rs`, then
//! `list.rs` (pages become text), `gather.rs` (text becomes batches; how large, says
//! `batch/plan.rs`), `ask.rs` (one batch until it is answered), `attempt.rs` (one call),
//! `suspicion.rs` (is it the pages?), `standing.rs` (is going on pointless?) and `write.rs`. Beside
//! them stand `limiter/gate.rs` (the gate; the algorithms are its neighbours), `backoff.rs`,
//! `prompt.rs` and `answer.rs`. The labels that pages have are read in `read_labels.rs` and kept in
//! `known_labels.rs`; how many calls Confluence is sent says `limiter/site_pace.rs`. The
//! requests to Confluence are in `pipeline/confluence`; what is found out before the first paid call is in
//! `pipeline/preflight.rs`. Answers are looked up in `cache.rs`, in memory, and then in `store`, on disk, where
//! `run/undo.rs` finds what a job changed. Labels that a person has decided on are written by `run/apply.rs`. What a run may spend is counted in `allowance.rs`, and what it would
//! take in `run/survey.rs`, of which `study/forecast` makes a rehearsal with these very pages; what batches
//! cost in quality, measured, is worked out in `study/probe.rs`.
//!
//! To follow an exchange through a rehearsal, read `sim/run.rs`, `sim/transport.rs`, then
//! `sim/wire.rs`, then `fakes/world.rs`. A scenario file is opened in `sim/scenario/open.rs`, read in
//! `recover.rs` (its types, past all errors) and checked in `reader.rs`. The fakes on real ports are
//! `sim/serve`; the log of their clients is written by `sim/serve/server_log.rs`.
//!
//! `study/measure` makes metrics of a log (what held the run up, `critical_path.rs` finds),
//! `study/verdict` judges them, and `study/experiment` plays trials: every study shares the pool of
//! `runner.rs`, which hands results over in order. Which limiter is best is asked in `study/league`, what
//! limits a run, what cures a missed target and what the world may come to in `study/limits`, the makespan that no setting could
//! beat in `study/measure/bound`, which of the plan's promises hold in `study/claims`, which settings are
//! best in `study/tune` (`coordinate_descent.rs` finds them without a grid), how close they come to the
//! bound in `study/best_known`, and whether something became worse in `study/compare` (its causes, key by
//! key, in `study/compare/settings.rs`). What is odd about a run, and which events stand behind a
//! metric's worst value, is found in `study/diagnosis` and said in `report/diagnosis`; a report
//! is read again in `cli/saved_report.rs`. The page of a report is put together in `report/page`, a section
//! a file, and drawn on `report/draw/svg.rs`. What became of each page of a live run is written, and
//! read again, in `report/changes`. The commands, from arguments to exit code, are in `cli/commands`.
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | metric | a number that every run has; `study/measure/metric.rs` lists them |
//! | figure | a metric that is one number, or a statistic of another, as in `page_latency p95` |
//! | target | a limit on a figure |
//! | weather | the random streams of a world: with the same weather two settings meet the same luck |
//! | trial, shard | one setting with one seed; the trials that one of many processes plays |
//! | limiter, limit, permit | the gate; the algorithm behind it; one call in flight |
//! | lane | a provider with its limiter, its estimates and the key of its answers |
//! | coalesced pages | pages with the text of one that is being asked about: they wait for its answer |
//! | mutant | the pipeline, weakened on purpose |
//! | invariant | what must be true of every run (`study/measure/invariants.rs`) |
//!
//! # How virtual time goes with real HTTP
//!
//! tokio advances a paused clock whenever its runtime is idle, and waiting for a socket is idle:
//! a client that awaits a socket under paused time runs into its own time limits at once. So the
//! simulated world never awaits a socket. Its one thread *blocks* until the exchange with wiremock,
//! which has a thread, a runtime and a clock of its own, is done; virtual time stands still and
//! no other task can run, so an exchange is one atomic step. The fake states its latency, which
//! then passes in virtual time, where the latencies of concurrent calls overlap.
//!
//! # Real time
//!
//! A fake is a state machine that is told the time, so it can stand on a real port as well:
//! `sim/serve` mounts the same world on hyper, where wiremock would keep a copy of every request,
//! and lets the latencies pass in real time. Two things use it. `tagspace serve` lets clients of
//! any language in, and the server's log turns their requests into the same events, so that the same
//! metrics and targets judge them; a metric that only the client can know has no value there.
//! `tagspace run --clock real` plays a scenario with our own pipeline over async HTTP, to show what
//! virtual time leaves out. `sim/lateness.rs` measures how late the host was meanwhile, so that
//! `study/experiment/realtime_check.rs` does not call that a difference;
//! `study/experiment/counterpart.rs` finds the first event that only one side has.
//!
//! # Invariants
//!
//! - `pipeline` does not know that simulations exist. Its only ways out are a [`Transport`], an
//!   [`Observer`], and what it keeps: an [`AnswerStore`](store::AnswerStore) and a
//!   [`Journal`](store::Journal), whose file alone knows the time of day.
//! - `fakes` and `pipeline` share no type. The prompt, and about how many tokens it takes, each
//!   implements for itself, so that no bug hides on both sides. The HTML standard's rules for tags
//!   stand once (`html`), and a test holds them against html5ever.
//! - Time is tokio's, randomness is keyed (`rng`), maps are ordered, every `select!` is biased.
//! - What is gated is an integer, or a share with numerator and denominator.
//! - Every page that was listed ends tagged, cached, failed or not done; every bill of a fake is
//!   counted by the pipeline; no permit stays open.
//! - A condition that a caller can meet is an error; a panic is a bug.
//! - The outcome of a scenario is one value (`study/verdict/outcome.rs`): the printed word, every
//!   document of `-o`, `report.json` and the exit code come from it. A target on a metric without a
//!   value is missed, and the metric says why it has none.
//! - A report's folder appears as a whole (`report/swap.rs`), and so does every other file that is
//!   written (`cli/disk.rs`): a kill or a full disk leaves the earlier one.
//! - Nothing that depends on the machine, the clock or the transport is in any file, but for the logs
//!   of runs in real time and what `tag` keeps between runs.
//!
//! # Decisions
//!
//! - Prices are a base layer of their own (`price`), because scenarios are checked against them.
//! - A `fresh` run begins a new session with its own thread, world and clock; that is how two
//!   configurations meet the same weather in one file.
//! - The true tags of a page are recorded when the fake gives the page out. The fakes write text
//!   and storage format in one go, so they know the text without parsing.
//! - The blocking client is ureq, in the simulation's own thread. A separate I/O thread was tried: it
//!   gave the same history and took 1.5 times as long.
//! - In real time the calls and bills of different calls mix, so bills are matched by amount.
//! - The claims, and the runs of the league with a fallback or after a pause, do without the bound, which none
//!   of them reads and which takes a quarter of the time of a short trial.
//! - A page answered by a fallback is cached under the fallback's model, and found there again.

mod cli;
mod fakes;
pub mod guide;
mod html;
mod pipeline;
mod price;
mod quantity;
mod report;
mod rng;
mod sim;
mod study;
mod units;

pub use crate::pipeline::allowance::Allowance;
pub use crate::pipeline::config::{Profile, Settings};
pub use crate::pipeline::control::{Control, Progress};
pub use crate::pipeline::error::PipelineError;
pub use crate::pipeline::event::{Event, Observer, RunEnd};
pub use crate::pipeline::http::HttpTransport;
pub use crate::pipeline::job::{Job, PageQuery, PageSelection};
pub use crate::pipeline::page_filter::PageFilter;
pub use crate::pipeline::provider::{Provider, Secret};
pub use crate::pipeline::taxonomy::Taxonomy;
pub use crate::pipeline::transport::Transport;
pub use crate::pipeline::{BuildError, Pipeline, PipelineBuilder, Site};
pub use crate::sim::Options;
pub use crate::sim::scenario::Scenario;
pub use crate::study::measure::figures::Figures;
pub use crate::study::measure::metric::Metric;
pub use crate::study::verdict::judge::{JudgedScenario, Verdict, run as run_scenario};
pub use crate::study::verdict::target::Target;
pub use crate::study::verdict::target_syntax::of as targets_of;

/// The values that [`Settings`] are made of.
///
/// ```
/// use tagspace::settings::{BatchSize, LimiterKind};
/// use tagspace::{Profile, Settings};
///
/// let settings = Settings {
///     batch_size: BatchSize::Pages(10),
///     limiter: LimiterKind::Fixed,
///     ..Profile::Documented.settings()
/// };
/// assert_eq!(settings.most_pages(), 10);
/// ```
pub mod settings {
    pub use crate::pipeline::backoff::Schedule;
    pub use crate::pipeline::config::{
        BatchSize, CacheKey, ConfiguredQuota, ConfluencePace, LabelReads, LimiterKind, PermitScope,
    };
}

/// What an [`Event`] tells with.
///
/// ```
/// use tagspace::Event;
/// use tagspace::event::PageId;
///
/// let event = Event::PageNotDone { page: PageId(7) };
/// assert!(matches!(event, Event::PageNotDone { page } if page == PageId(7)));
/// ```
pub mod event {
    pub use crate::pipeline::batch::BatchId;
    pub use crate::pipeline::error::{Cause, ErrorClass};
    pub use crate::pipeline::event::{CallId, CallOutcome, FallbackReason, LimitReason, Pause};
    pub use crate::pipeline::page::{PageId, Source, Tags};
    pub use crate::pipeline::page_note::PageNote;
}

/// What a [`Transport`] takes and gives.
///
/// ```
/// use tagspace::Transport;
/// use tagspace::transport::{Exchange, TransportError};
///
/// /// A network that is down.
/// struct Down;
///
/// impl Transport for Down {
///     fn send(&self, _: http::Request<bytes::Bytes>) -> Exchange<'_> {
///         Box::pin(async { Err(TransportError::Connect("the network is down".into())) })
///     }
/// }
/// ```
pub mod transport {
    pub use crate::pipeline::transport::{BodyLimit, Exchange, Reason, TransportError};
}

/// What a [`JudgedScenario`] is made of.
///
/// ```no_run
/// use tagspace::Metric;
///
/// # fn example(judged: tagspace::JudgedScenario) {
/// for run in &judged.runs {
///     let missed = run.targets.iter().filter(|judged| !judged.met).count();
///     println!("{}: {} AI calls, {missed} missed", run.name, run.figures.number(Metric::AiCalls));
/// }
/// # }
/// ```
pub mod verdict {
    pub use crate::study::measure::distribution::Distribution;
    pub use crate::study::measure::figure::Figure;
    pub use crate::study::measure::metric::{Better, Coverage, Shape, Tolerance, Unit};
    pub use crate::study::measure::stat::Stat;
    pub use crate::study::measure::value::Value;
    pub use crate::study::verdict::judge::{JudgeError, JudgedRun};
    pub use crate::study::verdict::target::JudgedTarget;
}

/// The gate that lets calls start, and the algorithms behind it.
///
/// ```
/// use tagspace::limiter::{Limiter, Outcome, QuotaLimiter};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// runtime.block_on(async {
///     // 4 calls in flight at the start, at most 16; a closed gate is waited for up to a minute.
///     let patience = std::time::Duration::from_secs(60);
///     let limiter = Limiter::new(Box::new(QuotaLimiter::new(4, 16, patience, None)));
///     let permit = limiter.acquire().await;
///     // … the call …
///     permit.finish(Outcome::Success);
///     assert_eq!(limiter.load().0, 0);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod limiter {
    pub use crate::pipeline::learned_quotas::{LearnedQuota, LearnedQuotas};
    pub use crate::pipeline::limiter::algorithm::{
        CallReport, EndedCall, InferredQuota, Limit, Outcome, Start,
    };
    pub use crate::pipeline::limiter::paced::KnownQuota;
    pub use crate::pipeline::limiter::quota::QuotaLimiter;
    pub use crate::pipeline::limiter::{Closed, Limiter, LimiterUpdate, Permit, PermitRequest};
}

/// What keeps answers beyond the process.
///
/// ```no_run
/// use std::sync::Arc;
/// use tagspace::store::SqliteStore;
/// use tagspace::{Pipeline, Secret, Site, Taxonomy};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // At most a million answers, about 250 MB; those go first that were not used for longest.
/// let store = SqliteStore::open("answers.db".as_ref(), 1_000_000)?;
/// let site = Site::new("https://acme.atlassian.net/wiki", Secret::new("token"));
/// let builder = Pipeline::builder(site, Taxonomy::new(Vec::new())).store(Arc::new(store));
/// # Ok(())
/// # }
/// ```
pub mod store {
    pub use crate::pipeline::store::{
        AnswerStore, JobJournal, JobRecord, Journal, KeptAnswer, LabelChange, SqliteStore,
        StoreError, StoreStats,
    };
    pub use crate::pipeline::{Stray, Undone};
}

/// What a job would take.
///
/// ```no_run
/// use tagspace::{Control, Job, PageSelection, Pipeline};
///
/// # async fn example(pipeline: Pipeline) -> Result<(), tagspace::PipelineError> {
/// let job = Job::of("nightly", PageSelection::space("DOCS"));
/// let survey = pipeline.survey(job, Control::default()).await?;
/// println!("{} of {} pages are asked about", survey.to_ask(), survey.listed);
/// # Ok(())
/// # }
/// ```
pub mod survey {
    pub use crate::pipeline::survey::{Calls, Survey};
}

/// The answers in memory, by content.
///
/// ```
/// use std::num::NonZeroUsize;
/// use tagspace::cache::Cache;
///
/// let cache = Cache::new(NonZeroUsize::new(1000));
/// assert!(cache.is_enabled() && cache.is_empty());
/// ```
pub mod cache {
    pub use crate::pipeline::cache::{Cache, Content, Fingerprint, Key};
}

/// What tests, benches and fuzzing of this repository reach for. Nothing here is stable.
#[doc(hidden)]
pub mod internals {
    macro_rules! layers {
        ($($layer:ident),*) => {
            $(
                pub mod $layer {
                    pub use crate::$layer::*;
                }
            )*
        };
    }

    layers!(cli, fakes, html, pipeline, price, quantity, report, rng, sim, study, units);
}
