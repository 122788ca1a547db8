//! What is known before a live run of how it will go: quotas, latencies, pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::inputs::TagInputs;
use super::watcher::Unwatched;
use crate::cli::outputs::Failures;
use crate::cli::terminal::note;
use crate::pipeline::event::{Event, Observer};
use crate::pipeline::learned_quotas::LearnedQuotas;
use crate::pipeline::provider::Provider;
use crate::pipeline::store::{SqliteStore, StoreError};
use crate::sim::recorder::Log;
use crate::study::forecast::{CallLatency, PageSample, Prospect, ProviderProspect, answered_calls};

/// The observer of a survey: it notes how long Confluence takes.
pub(super) struct Surveyor {
    rest: Unwatched,
    site_ms: Mutex<Vec<u64>>,
}

impl Surveyor {
    pub(super) fn new(failures: Failures) -> Self {
        Self { rest: Unwatched(failures), site_ms: Mutex::default() }
    }
}

impl Observer for Surveyor {
    fn observe(&self, event: Event) {
        if let Event::ConfluenceCall { status: Some(200), latency_ms, .. } = event {
            self.site_ms.lock().push(latency_ms);
        }
    }

    fn store_failed(&self, error: &StoreError) {
        self.rest.store_failed(error);
    }
}

/// The job with these pages.
pub(super) fn of(
    inputs: &TagInputs,
    pages: PageSample,
    known: &LearnedQuotas,
    store: Option<&Arc<SqliteStore>>,
    surveyor: &Surveyor,
) -> Prospect {
    let asked = if inputs.config.fallback { inputs.providers.len() } else { 1 };
    let of_provider = |provider: &Provider| {
        let account = provider.account();
        ProviderProspect {
            name: provider.name.clone(),
            model: provider.model.clone(),
            latency: store.and_then(|store| latency(store, &lane_name(provider))),
            quotas: known.providers.get(&account).cloned().unwrap_or_default(),
            closed_ms: known.closed_ms.get(&account).copied().unwrap_or(0),
        }
    };
    Prospect {
        pages,
        settings: inputs.config.clone(),
        taxonomy: inputs.taxonomy.categories().to_vec(),
        providers: inputs.providers.iter().take(asked).map(of_provider).collect(),
        site_ms: surveyor.site_ms.lock().clone(),
        start: Timestamp::now(),
    }
}

/// What the calls to a provider are kept under: a model may be had at several places.
pub(super) fn lane_name(provider: &Provider) -> String {
    format!("{} at {}", provider.model, provider.origin)
}

/// What earlier calls say; what cannot be read says nothing.
fn latency(store: &SqliteStore, lane: &str) -> Option<CallLatency> {
    CallLatency::of(&store.calls(lane).ok()?)
}

/// Keeps the calls of a run for the plan of the next; `lanes` has what each provider's are kept under.
pub(super) fn keep(store: &SqliteStore, lanes: &BTreeMap<String, String>, log: &Log) {
    let calls = answered_calls(log);
    for (provider, lane) in lanes {
        let Some(calls) = calls.get(provider) else { continue };
        if let Err(error) = store.keep_calls(lane, calls) {
            note(&format!(
                "warning: {}: {error}; the latencies of this run are not kept",
                store.path().display()
            ));
        }
    }
}
