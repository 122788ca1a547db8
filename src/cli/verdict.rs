//! How a live run ended: its exit code, and for what failed the cause, as the services told it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ExitStatus, note};
use crate::pipeline::complaint::{CONFLUENCE, Listening};
use crate::pipeline::error::{ErrorClass, PipelineError};
use crate::pipeline::event::{Event, RunEnd};
use crate::pipeline::live::LiveTransport;
use crate::sim::recorder::Log;

/// A run that has ended.
pub(super) struct Ended {
    pub(super) result: Result<RunEnd, PipelineError>,
    pub(super) log: Log,
    /// Whether a signal asked for the end.
    pub(super) is_stopped: bool,
    pub(super) transport: Arc<Listening<LiveTransport>>,
    /// The address of the site.
    pub(super) site: String,
    /// The addresses of the providers, by their names.
    pub(super) origins: BTreeMap<String, String>,
}

/// Tells what failed and why, and gives the exit code.
pub(super) fn status(ended: &Ended) -> ExitStatus {
    let count = |is: fn(&Event) -> bool| ended.log.events().filter(is).count();
    let listed = count(|event| matches!(event, Event::PageListed { .. }));
    let done = count(|event| matches!(event, Event::PageTagged { .. }));
    let failed = count(|event| matches!(event, Event::PageFailed { .. }));
    if failed > 0 {
        note(&format!("error: {failed} of {listed} pages failed"));
        ended.causes().iter().for_each(|(service, class)| note(&ended.cause(service, *class)));
    }
    if let Err(error) = &ended.result {
        note(&ended.transport.hide(&ended.failure(error)));
    }
    match &ended.result {
        Err(PipelineError::Panicked(_)) => ExitStatus::Internal,
        _ if ended.is_stopped => ExitStatus::Interrupted,
        Ok(_) if done == listed => ExitStatus::Met,
        _ if done == 0 => ExitStatus::NothingDone,
        _ => ExitStatus::PagesFailed,
    }
}

impl Ended {
    /// Which services failed in a way that pages failed of, or that made a batch leave a provider.
    fn causes(&self) -> BTreeSet<(String, ErrorClass)> {
        let mut failed = BTreeSet::new();
        let mut met = BTreeSet::new();
        let mut causes = BTreeSet::new();
        for event in self.log.events() {
            match event {
                Event::PageFailed { class, .. } => drop(failed.insert(class)),
                Event::AttemptFinished { provider, class: Some(class), .. } => {
                    met.insert((provider, class));
                }
                Event::ConfluenceCall { status: Some(200..=299), .. } => {}
                Event::ConfluenceCall { status, .. } => {
                    let class = status.map_or(ErrorClass::Connection, ErrorClass::of_status);
                    met.insert((CONFLUENCE.to_owned(), class));
                }
                Event::Fallback { from, class, .. } => {
                    causes.insert((from, class));
                }
                _ => {}
            }
        }
        for class in failed {
            let of_class = met.iter().filter(|(_, met)| *met == class).cloned();
            let before = causes.len();
            causes.extend(of_class);
            if causes.len() == before && !causes.iter().any(|(_, known)| *known == class) {
                // No call failed like this: Confluence has no such page, or lists what is none.
                causes.insert((CONFLUENCE.to_owned(), class));
            }
        }
        causes
    }

    fn cause(&self, service: &str, class: ErrorClass) -> String {
        format!("error: {service}: {class}{}", self.details(service, class))
    }

    /// What the service said, and where to look.
    fn details(&self, service: &str, class: ErrorClass) -> String {
        let address =
            if service == CONFLUENCE { Some(&self.site) } else { self.origins.get(service) };
        let said = match class {
            ErrorClass::Connection => {
                address.and_then(|address| self.transport.carrier().why_broken(address))
            }
            _ => self.transport.said(service, class),
        };
        let said = said.map_or(String::new(), |said| format!("; it said `{said}`"));
        let look = look_at(service, class);
        let look = look.map_or(String::new(), |look| format!("; look at {look}"));
        said + &look
    }

    /// Why the run as a whole could not be done.
    fn failure(&self, error: &PipelineError) -> String {
        let details = match error {
            PipelineError::Listing { class, .. } => self.details(CONFLUENCE, *class),
            PipelineError::NoSuchSpace { .. } => {
                "; look at the key of the space, and at what CONFLUENCE_USER may see".to_owned()
            }
            PipelineError::BadListing { .. } => "; look at CONFLUENCE_URL".to_owned(),
            PipelineError::Panicked(_) => String::new(),
        };
        format!("error: {error}{details}")
    }
}

/// The variable or option that a failure points to.
fn look_at(service: &str, class: ErrorClass) -> Option<&'static str> {
    use ErrorClass::{
        Auth, BadRequest, Connection, Malformed, NotFound, Oversized, QuotaExhausted, RateLimited,
        Timeout,
    };
    Some(match (service, class) {
        (CONFLUENCE, Auth) => "CONFLUENCE_USER and CONFLUENCE_API_TOKEN",
        (CONFLUENCE, BadRequest | Connection | Malformed | NotFound | Oversized | Timeout) => {
            "CONFLUENCE_URL"
        }
        ("gemini", Auth) => "GEMINI_API_KEY",
        ("gemini", RateLimited | QuotaExhausted) => "the quota and the budget of GEMINI_API_KEY",
        ("gemini", BadRequest | NotFound) => "--model and GOOGLE_GEMINI_BASE_URL",
        ("gemini", Connection | Malformed | Oversized | Timeout) => "GOOGLE_GEMINI_BASE_URL",
        ("openai", Auth) => "OPENAI_API_KEY",
        ("openai", RateLimited | QuotaExhausted) => "the quota and the budget of OPENAI_API_KEY",
        ("openai", BadRequest | NotFound) => "--fallback-model and OPENAI_BASE_URL",
        ("openai", Connection | Malformed | Oversized | Timeout) => "OPENAI_BASE_URL",
        _ => return None,
    })
}
