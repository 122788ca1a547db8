//! How a live run ended: its exit code, and for what failed the cause, as the services told it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cli::ExitStatus;
use crate::cli::terminal::note;
use crate::pipeline::complaint::Listening;
use crate::pipeline::error::{CONFLUENCE, ErrorClass, PipelineError};
use crate::pipeline::event::{Event, RunEnd};
use crate::pipeline::http::HttpTransport;
use crate::sim::recorder::Log;

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<RunEnd, PipelineError>,
    pub(crate) log: Log,
    /// Whether a signal asked for the end.
    pub(crate) is_stopped: bool,
    pub(crate) transport: Arc<Listening<HttpTransport>>,
    /// The address of the site.
    pub(crate) site: String,
    /// The addresses of the providers, by their names.
    pub(crate) origins: BTreeMap<String, String>,
}

/// Tells what failed and why, and gives the exit code.
pub(crate) fn status(ended: &Ended) -> ExitStatus {
    let count = |is: fn(&Event) -> bool| ended.log.events().filter(is).count();
    let listed = count(|event| matches!(event, Event::PageListed { .. }));
    let done = count(|event| matches!(event, Event::PageTagged { .. }));
    let failed = count(|event| matches!(event, Event::PageFailed { .. }));
    if failed > 0 {
        let left = listed.saturating_sub(done + failed);
        let left = if left > 0 { format!(", and {left} were left") } else { String::new() };
        note(&format!("error: {failed} of {listed} pages failed{left}"));
        for (service, class) in ended.causes().iter().filter(|cause| !ended.is_told(cause)) {
            note(&ended.cause(service, *class));
        }
    }
    if let Err(error) = &ended.result {
        note(&ended.transport.hide(&ended.failure(error)));
    }
    match &ended.result {
        Err(PipelineError::Panicked(_)) => ExitStatus::Internal,
        Err(PipelineError::Spent(_)) => ExitStatus::Spent,
        _ if ended.is_stopped => ExitStatus::Interrupted,
        Ok(_) if done == listed => ExitStatus::Met,
        _ if done == 0 => ExitStatus::NothingDone,
        _ => ExitStatus::PagesFailed,
    }
}

impl Ended {
    /// The failures that pages failed of, or that made a batch leave a provider, by service.
    fn causes(&self) -> BTreeSet<(String, ErrorClass)> {
        let cause = |event| match event {
            Event::PageFailed { service, class, .. } => Some((service, class)),
            Event::Fallback { from, class, .. } => Some((from, class)),
            _ => None,
        };
        self.log.events().filter_map(cause).collect()
    }

    /// Whether the error of the whole run tells of this failure.
    fn is_told(&self, (service, class): &(String, ErrorClass)) -> bool {
        matches!(&self.result, Err(PipelineError::Pointless { cause })
            if cause.service == *service && cause.class == *class)
    }

    fn cause(&self, service: &str, class: ErrorClass) -> String {
        format!("error: {service}: {class}{}", self.details(service, class))
    }

    /// What the service said, and where to look.
    fn details(&self, service: &str, class: ErrorClass) -> String {
        let address =
            if service == CONFLUENCE { Some(&self.site) } else { self.origins.get(service) };
        let said = match class {
            ErrorClass::Connection | ErrorClass::Unreachable => {
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
            PipelineError::Listing { cause, .. } => self.details(CONFLUENCE, cause.class),
            PipelineError::Pointless { cause } => self.details(&cause.service, cause.class),
            PipelineError::NoSuchSpace { .. } => {
                "; look at the key of the space, and at what CONFLUENCE_USER may see".to_owned()
            }
            PipelineError::NoRight { .. } => {
                "; look at what CONFLUENCE_USER may change and at the scopes of \
                 CONFLUENCE_API_TOKEN, or leave out --write"
                    .to_owned()
            }
            PipelineError::BadListing { .. } => "; look at CONFLUENCE_URL".to_owned(),
            PipelineError::Spent(_) => {
                "; without --fresh the same command goes on where it was".to_owned()
            }
            PipelineError::Panicked(_) => String::new(),
        };
        format!("error: {error}{details}")
    }
}

/// The variable or option that a failure points to.
fn look_at(service: &str, class: ErrorClass) -> Option<&'static str> {
    use ErrorClass::{
        Auth, BadRequest, Billing, Connection, Malformed, NotFound, Oversized, QuotaExhausted,
        RateLimited, Timeout, Truncated, Unreachable,
    };
    Some(match (service, class) {
        (CONFLUENCE, Auth) => "CONFLUENCE_USER and CONFLUENCE_API_TOKEN",
        (
            CONFLUENCE,
            BadRequest | Connection | Unreachable | Malformed | NotFound | Oversized | Timeout,
        ) => "CONFLUENCE_URL",
        ("gemini", Auth) => "GEMINI_API_KEY",
        ("gemini", RateLimited | QuotaExhausted | Billing) => {
            "the quota and the budget of GEMINI_API_KEY"
        }
        ("gemini", BadRequest | NotFound) => "--model and GOOGLE_GEMINI_BASE_URL",
        ("gemini", Truncated) => "--model: the model may think or say too much",
        ("gemini", Connection | Unreachable | Malformed | Oversized | Timeout) => {
            "GOOGLE_GEMINI_BASE_URL"
        }
        ("openai", Auth) => "OPENAI_API_KEY",
        ("openai", RateLimited | QuotaExhausted | Billing) => {
            "the quota and the budget of OPENAI_API_KEY"
        }
        ("openai", BadRequest | NotFound) => "--fallback-model and OPENAI_BASE_URL",
        ("openai", Truncated) => "--fallback-model: the model may think or say too much",
        ("openai", Connection | Unreachable | Malformed | Oversized | Timeout) => "OPENAI_BASE_URL",
        _ => return None,
    })
}
