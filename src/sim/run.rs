//! One run of one scenario: sessions one after the other, each in a world and a thread of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc as blocking};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lateness::{Lateness, Watch};
use super::recorder::{Log, Recorder};
use super::scenario::{Run, Scenario};
use super::transport::{Route, SimTransport};
use super::wire::{Wire, WireError};
use crate::fakes::hosts;
use crate::fakes::world::World;
use crate::pipeline::control::{Control, Progress};
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Event, Observer};
use crate::pipeline::job::{Job, PageSelection};
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::pipeline::provider::{Provider, ProviderApi as Format, Secret};
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{Parts, Pipeline, Site};

/// How exchanges reach the fakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Over real HTTP against wiremock.
    #[default]
    Wire,
    /// By a call in memory.
    Direct,
}

/// Whose time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// Virtual time: the same history every time.
    #[default]
    Virtual,
    /// Real time, which is never the same twice.
    Real,
}

/// Told of the progress of a simulation: the run's name, and how far it is.
pub type OnProgress = Arc<dyn Fn(&str, Progress) + Send + Sync>;

/// How a scenario is run; none of it changes what happens.
///
/// ```
/// use tagspace::Options;
///
/// let options = Options::default();
/// options.interrupt.cancel(); // ends a simulation where it is
/// ```
#[derive(Clone, Default)]
pub struct Options {
    /// How exchanges reach the fakes, in virtual time.
    pub transport: Transport,
    /// Whose time passes.
    pub clock: Clock,
    /// Kills the HTTP server after this many exchanges, which only the wire notices.
    pub kill_server_after: Option<u64>,
    /// Told of the progress.
    pub on_progress: Option<OnProgress>,
    /// Where the log for humans goes.
    pub subscriber: Option<tracing::Dispatch>,
    /// Ends the simulation where it is, with [`SimError::Interrupted`].
    pub interrupt: CancellationToken,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Why a scenario could not be run to its end.
#[derive(Debug, Error)]
pub enum SimError {
    /// The wire failed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A run did not end within its virtual time.
    #[error(
        "run `{run}` did not end within {deadline_s} virtual seconds, with {pages} pages listed and \
         not done and {calls} AI calls in flight; the last events were:\n{last}"
    )]
    Deadline {
        /// The run.
        run: String,
        /// The limit.
        deadline_s: u64,
        /// Pages that waited for their end.
        pages: usize,
        /// Calls that waited for their answer.
        calls: usize,
        /// The end of its log.
        last: String,
    },
    /// Nothing happened for a minute of real time.
    #[error("the simulation stood still for {0} real seconds without an exchange or event")]
    Stalled(u64),
    /// The simulation panicked.
    #[error("the simulation panicked; this is a bug of tagspace: {0}")]
    Panicked(String),
    /// The services could not be had in real time.
    #[error("run in real time: {0}")]
    Real(String),
    /// It was told to end.
    #[error("interrupted")]
    Interrupted,
    /// A thread or runtime could not be had.
    #[error("set up the simulation: {0}")]
    SetUp(std::io::Error),
}

/// What came of a scenario: a log for each run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The logs.
    pub logs: Vec<Log>,
    /// Exchanges and events, for speed figures.
    pub steps: u64,
    /// In real time: how late the host was.
    pub lateness: Lateness,
}

/// Real seconds without a step after which a simulation counts as stuck.
const WATCHDOG_S: u64 = 60;
/// How often the watchdog looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// What every line of the log for humans is marked with, so that scenarios can be told apart.
pub fn log_span(scenario: &Scenario) -> tracing::Span {
    tracing::info_span!("rehearsal", scenario = scenario.name)
}

/// Runs a scenario.
pub fn run_scenario(scenario: &Scenario, options: &Options) -> Result<Recording, SimError> {
    let mut recording = Recording::default();
    let watches: [Arc<Watch>; 2] = std::array::from_fn(|_| Arc::default());
    let mut start = 0;
    while start < scenario.runs.len() {
        let rest = scenario.runs[start + 1..].iter();
        let end = start + 1 + rest.take_while(|run| !run.fresh).count();
        let steps = Arc::new(AtomicU64::new(0));
        let session = Session {
            scenario: scenario.clone(),
            first: start,
            last: end,
            options: options.clone(),
            steps: Arc::clone(&steps),
            watches: watches.clone(),
        };
        recording.logs.extend(session.on_own_thread()?);
        recording.steps += steps.load(Ordering::Relaxed);
        start = end;
    }
    let [pipeline, services] = watches;
    recording.lateness = pipeline.seen().or(services.seen());
    Ok(recording)
}

/// Runs that share a world.
pub(super) struct Session {
    scenario: Scenario,
    first: usize,
    last: usize,
    options: Options,
    pub(super) steps: Arc<AtomicU64>,
    /// Look at the threads of a run in real time: the pipeline's and the services'.
    pub(super) watches: [Arc<Watch>; 2],
}

impl Session {
    fn on_own_thread(self) -> Result<Vec<Log>, SimError> {
        let (done, result) = blocking::sync_channel(1);
        let (steps, clock) = (Arc::clone(&self.steps), self.options.clock);
        let simulation = move || {
            let subscriber = self.options.subscriber.clone();
            let logs = match subscriber {
                Some(subscriber) => tracing::dispatcher::with_default(&subscriber, || {
                    let _named = log_span(&self.scenario).entered();
                    self.run()
                }),
                None => self.run(),
            };
            // If the watchdog has given up, nobody waits.
            let _ = done.send(logs);
        };
        let thread = thread::Builder::new().name("tagspace-sim".to_owned()).spawn(simulation);
        let thread = thread.map_err(SimError::SetUp)?;
        let (mut seen, mut still_s) = (0, 0);
        loop {
            match result.recv_timeout(WATCH_EVERY) {
                Ok(logs) => return logs,
                Err(blocking::RecvTimeoutError::Disconnected) => {
                    let panic = thread.join().err();
                    let text = panic.as_ref().and_then(|panic| {
                        panic
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    });
                    return Err(SimError::Panicked(text.unwrap_or_default()));
                }
                Err(blocking::RecvTimeoutError::Timeout) => {
                    let now = steps.load(Ordering::Relaxed);
                    still_s = if now == seen { still_s + 1 } else { 0 };
                    seen = now;
                    // In real time, waiting is no standstill.
                    if still_s >= WATCHDOG_S && clock == Clock::Virtual {
                        return Err(SimError::Stalled(WATCHDOG_S));
                    }
                }
            }
        }
    }

    fn run(self) -> Result<Vec<Log>, SimError> {
        let world = Arc::new(Mutex::new(World::new(self.scenario.world.clone())));
        if self.options.clock == Clock::Real {
            return self.play_in_real_time(world);
        }
        let line = match self.options.transport {
            Transport::Wire => Route::Wire(Box::new(Wire::start(
                Arc::clone(&world),
                self.options.kill_server_after,
            )?)),
            Transport::Direct => Route::Direct,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(SimError::SetUp)?;
        runtime.block_on(async {
            let recorder = Arc::new(Recorder::new(Arc::clone(&self.steps)));
            self.play(world, line, recorder).await
        })
    }

    pub(super) async fn play(
        self,
        world: Arc<Mutex<World>>,
        line: Route,
        recorder: Arc<Recorder>,
    ) -> Result<Vec<Log>, SimError> {
        let carrier = Arc::new(SimTransport {
            line,
            world: Arc::clone(&world),
            recorder: Arc::clone(&recorder),
            failed: Mutex::new(None),
            has_failed: tokio::sync::Notify::new(),
        });
        let mut pipeline: Option<Pipeline> = None;
        let mut logs = Vec::new();
        for index in self.first..self.last {
            let run = &self.scenario.runs[index];
            sleep(Duration::from_secs(run.start_after_s)).await;
            {
                let mut world = world.lock();
                // Runs are counted within their session, so that the same run of two sessions
                // meets the same edits.
                let number = (index - self.first) as u64;
                let chars = run.config.text_limit_chars;
                world.begin_run(number, run.changed_ratio, run.pages, chars);
            }
            let next = match pipeline.take() {
                None => {
                    let parts = self.parts(run, &carrier, &recorder);
                    let known = known(&self.scenario, &parts.providers);
                    let first = Pipeline::new(parts);
                    first.recall(&known);
                    first
                }
                Some(same) if self.scenario.runs[index - 1].config == run.config => same,
                Some(other) => other.reconfigured(run.config.clone(), site()),
            };
            let result = self.one_run(&next, run, &carrier, &recorder).await;
            let mut log = recorder.take();
            log.run.clone_from(&run.name);
            if let Err(error) = result {
                return Err(error.unwrap_or_else(|| self.stuck(&log)));
            }
            logs.push(log);
            pipeline = Some(next);
        }
        Ok(logs)
    }

    /// Plays one run. A failed run is part of the history; `Err(None)` is a missed deadline.
    async fn one_run(
        &self,
        pipeline: &Pipeline,
        run: &Run,
        carrier: &SimTransport,
        recorder: &Arc<Recorder>,
    ) -> Result<(), Option<SimError>> {
        let mut control = Control::default();
        if let Some(on_progress) = self.options.on_progress.clone() {
            let name = run.name.clone();
            control.progress = Some(Arc::new(move |progress| on_progress(&name, progress)));
        }
        let canceller = run.cancel_at_s.map(|cancel_at_s| {
            let (token, recorder) = (control.cancel.clone(), Arc::clone(recorder));
            tokio::spawn(async move {
                sleep(Duration::from_secs(cancel_at_s)).await;
                recorder.observe(Event::CancelRequested);
                token.cancel();
            })
        });
        let key = self.scenario.world.space.key.clone();
        let job = Job::of(&run.name, PageSelection::space(key));
        let deadline = Duration::from_secs(self.scenario.deadline_s);
        let outcome = tokio::select! {
            biased;
            () = carrier.has_failed.notified() => {
                let failed = carrier.failed.lock().take();
                Err(failed.map(SimError::Wire))
            }
            () = self.options.interrupt.cancelled() => Err(Some(SimError::Interrupted)),
            // How the run ended stands in its last event, but a bug is nothing to judge.
            ended = timeout(deadline, pipeline.run(job, control)) => match ended {
                Ok(Err(PipelineError::Panicked(bug))) => Err(Some(SimError::Panicked(bug))),
                Ok(_) => Ok(()),
                Err(_) => Err(None),
            }
        };
        if let Some(canceller) = canceller {
            canceller.abort();
        }
        outcome
    }

    fn stuck(&self, log: &Log) -> SimError {
        let from = log.entries.len().saturating_sub(12);
        let last: Vec<String> = log.entries.skip(from).map(|entry| log.line(&entry)).collect();
        let count = |is_it: fn(&Event) -> bool| log.events().filter(is_it).count();
        let ended = count(|event| {
            matches!(
                event,
                Event::PageTagged { .. } | Event::PageFailed { .. } | Event::PageNotDone { .. }
            )
        });
        let answered = count(|event| matches!(event, Event::AttemptFinished { .. }));
        SimError::Deadline {
            run: log.run.clone(),
            deadline_s: self.scenario.deadline_s,
            pages: count(|event| matches!(event, Event::PageListed { .. })).saturating_sub(ended),
            calls: count(|event| matches!(event, Event::AttemptStarted { .. }))
                .saturating_sub(answered),
            last: last.join("\n"),
        }
    }

    fn parts(&self, run: &Run, carrier: &Arc<SimTransport>, recorder: &Arc<Recorder>) -> Parts {
        let world = &self.scenario.world;
        let provider = |name: &str, wire, model: &str, host| Provider {
            name: name.to_owned(),
            wire,
            model: model.to_owned(),
            origin: format!("https://{host}"),
            key: Secret::new("rehearsal"),
        };
        let mut providers =
            vec![provider("gemini", Format::Gemini, &world.gemini.0.model, hosts::GEMINI)];
        if self.scenario.has_fallback {
            let openai = &world.openai.0.model;
            providers.push(provider("openai", Format::OpenAi, openai, hosts::OPENAI));
        }
        let (transport, observer) = (Arc::clone(carrier), Arc::clone(recorder));
        Parts {
            config: run.config.clone(),
            taxonomy: Taxonomy::new(world.taxonomy.clone()),
            site: site(),
            providers,
            transport,
            observer,
            store: None,
            journal: None,
            seed: world.seed,
        }
    }
}

/// What is known of quotas at first, by the accounts of these providers.
fn known(scenario: &Scenario, providers: &[Provider]) -> LearnedQuotas {
    let mut known = LearnedQuotas::default();
    for provider in providers {
        let account = provider.account();
        if let Some(quotas) = scenario.known.providers.get(&provider.name) {
            known.providers.insert(account.clone(), quotas.clone());
        }
        if let Some(closed_ms) = scenario.known.closed_ms.get(&provider.name) {
            known.closed_ms.insert(account, *closed_ms);
        }
    }
    known
}

fn site() -> Site {
    Site {
        base: format!("https://{}/wiki", hosts::CONFLUENCE),
        user: Some("rehearsal@example.com".to_owned()),
        token: Secret::new("rehearsal"),
    }
}
