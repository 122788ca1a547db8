//! `tag --probe`: pages that a run has asked about together are asked about again, alone and twice.

use std::sync::Arc;

use parking_lot::Mutex;

use super::inputs::TagInputs;
use super::watcher::Unwatched;
use crate::cli::args::TagArgs;
use crate::cli::interrupt::Interrupt;
use crate::cli::outputs::Failures;
use crate::cli::terminal::note;
use crate::pipeline::Pipeline;
use crate::pipeline::allowance::Allowance;
use crate::pipeline::complaint::Listening;
use crate::pipeline::config::BatchSize;
use crate::pipeline::control::Control;
use crate::pipeline::error::PipelineError;
use crate::pipeline::event::{Event, Observer, RunEnd};
use crate::pipeline::http::HttpTransport;
use crate::pipeline::job::{Job, PageSelection};
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::pipeline::page::PageId;
use crate::pipeline::store::StoreError;
use crate::price;
use crate::report::format::{amount, counted};
use crate::report::probe::text;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::{Entry, What};
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::probe::{Batched, Probe};

/// How often each page is asked about alone: once more says what chance does.
const TIMES: usize = 2;

/// What a probe needs of the run before it.
pub(super) struct Probing<'a> {
    pub(super) args: &'a TagArgs,
    pub(super) inputs: TagInputs,
    pub(super) transport: &'a Arc<Listening<HttpTransport>>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) failures: Failures,
    /// What is known of quotas.
    pub(super) memory: LearnedQuotas,
}

/// Keeps what a probe is told.
struct Listener {
    rest: Unwatched,
    log: Mutex<Log>,
}

impl Observer for Listener {
    fn observe(&self, event: Event) {
        // No time is measured here.
        self.log.lock().entries.push(&Entry { t_ms: 0, what: What::Event(event) });
    }

    fn store_failed(&self, error: &StoreError) {
        self.rest.store_failed(error);
    }
}

impl Probing<'_> {
    /// Asks again about a sample of what the run has asked in batches, says what came of it, and gives what
    /// is known of quotas then.
    pub(super) async fn play(mut self, log: &Log, share_ppm: u64) -> LearnedQuotas {
        let primary = self.inputs.providers[0].name.clone();
        let batched = Batched::of(log, &primary);
        let sample = batched.sample(share_ppm);
        if sample.is_empty() {
            note("probe: no page of the sample was answered together with others in this run");
            return self.memory;
        }
        let calls = (TIMES * sample.len()) as u64;
        let mut left = self.allowance(log);
        if let Some(left) = left.calls.filter(|left| *left < calls) {
            let (calls, left) = (counted(calls, "call"), counted(left, "call"));
            note(&format!(
                "probe: expected {calls}, found {left} that --max-calls leaves; none is made"
            ));
            return self.memory;
        }
        note(&format!(
            "probe: {} asked about alone, twice: {} more",
            counted(sample.len() as u64, "page"),
            counted(calls, "call")
        ));
        let mut spent = 0;
        let mut logs = Vec::new();
        for _ in 0..TIMES {
            let (result, log) = self.ask(&sample, left).await;
            let figures = self.figures(&log);
            left = remaining(left, &figures);
            spent += figures.number(Metric::Cost);
            match result {
                Ok(RunEnd::Completed) => logs.push(log),
                Ok(RunEnd::Cancelled | RunEnd::Failed) => {
                    note("probe: stopped before its end; it says nothing");
                    return self.memory;
                }
                Err(error) => {
                    note(&self.transport.hide(&format!("probe: {error}; it says nothing")));
                    return self.memory;
                }
            }
        }
        if let [first, again] = &logs[..] {
            note(text(&Probe::of(&batched, &sample, [first, again]), &primary).trim_end());
            note(&format!("probe: it cost {}, beside the run", amount(spent, Unit::UsdMicros)));
        }
        self.memory
    }

    /// Asks about each of these pages alone.
    async fn ask(
        &mut self,
        sample: &[PageId],
        allowance: Allowance,
    ) -> (Result<RunEnd, PipelineError>, Log) {
        let mut inputs = self.inputs.clone();
        inputs.providers.truncate(1);
        inputs.config.batch_size = BatchSize::Pages(1);
        inputs.config.cache = false;
        inputs.config.single_flight = false;
        inputs.config.dry_run = true;
        let listener = Arc::new(Listener {
            rest: Unwatched(self.failures.clone()),
            log: Mutex::new(Log::default()),
        });
        let observer = Arc::clone(&listener) as Arc<dyn Observer>;
        let pipeline = Pipeline::new(inputs.parts(self.transport, observer));
        pipeline.recall(&self.memory);
        let job = Job::of(&self.args.task, PageSelection::Pages(sample.to_vec()));
        let cancel = self.interrupt.stop.clone();
        let control = Control { cancel, allowance, ..Control::default() };
        let result = tokio::select! {
            biased;
            () = self.interrupt.abort.cancelled() => Ok(RunEnd::Cancelled),
            result = pipeline.run(job, control) => result,
        };
        self.memory = pipeline.memory();
        let log = std::mem::take(&mut *listener.log.lock());
        (result, log)
    }

    /// What the run has left of what may be spent.
    fn allowance(&self, log: &Log) -> Allowance {
        let whole = Allowance { calls: self.args.max_calls, usd_micros: self.args.max_cost };
        remaining(whole, &self.figures(log))
    }

    fn figures(&self, log: &Log) -> Figures {
        let providers = self.inputs.providers.iter();
        let models = providers.map(|one| (one.name.clone(), one.model.clone())).collect();
        Figures::of(log, &price::of_models(&models)).of_real_services()
    }
}

/// What is left after a run with these figures.
fn remaining(before: Allowance, figures: &Figures) -> Allowance {
    let less = |before: Option<u64>, metric| {
        before.map(|before| before.saturating_sub(figures.number(metric)))
    };
    Allowance {
        calls: less(before.calls, Metric::AiCalls),
        usd_micros: less(before.usd_micros, Metric::Cost),
    }
}
