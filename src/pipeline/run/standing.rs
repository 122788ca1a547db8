//! How a provider fares in a run: whether it answers others, and whether going on is pointless.
//!
//! A key that is refused, a model that is unknown, money that is gone or a host that cannot be
//! reached will not be better for the next prompt, so the provider is left at once; after it has
//! answered before, only if that keeps happening. Prompts in a row that bring no usable tag are
//! a brake: something is wrong with the question, and each costs money. Rate limits and failures of
//! the service are waited out and count for neither.

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::pipeline::error::{Cause, ErrorClass};
use crate::pipeline::provider::{Extra, RefusedExtras};

/// Prompts in a row that may bring no usable tag.
const IN_VAIN: u32 = 5;

/// What is known of a provider.
#[derive(Debug)]
pub(crate) struct Standing(Mutex<StandingState>);

#[derive(Debug, Default)]
struct StandingState {
    /// Prompts that were answered, at least in part.
    answers: u64,
    /// When the last one was.
    answered_at: Option<Instant>,
    /// Failures after which the same prompt was answered.
    passed: u64,
    /// Prompts in a row that brought nothing.
    in_vain: u32,
    /// Why it is asked no more.
    lost: Option<Cause>,
    /// Its last failure.
    last: Option<Cause>,
    refused: RefusedExtras,
}

impl Standing {
    /// Of a provider that refuses these extras.
    pub(crate) fn new(refused: RefusedExtras) -> Self {
        Self(Mutex::new(StandingState { refused, ..StandingState::default() }))
    }

    /// The number of prompts that were answered, at least in part.
    pub(crate) fn answers(&self) -> u64 {
        self.0.lock().answers
    }

    /// When a prompt was answered last, at least in part.
    pub(crate) fn answered_at(&self) -> Option<Instant> {
        self.0.lock().answered_at
    }

    /// The number of failures after which the same prompt was answered.
    pub(crate) fn passed(&self) -> u64 {
        self.0.lock().passed
    }

    /// A prompt was answered after `failures` failures.
    pub(crate) fn has_passed(&self, failures: u32) {
        self.0.lock().passed += u64::from(failures);
    }

    /// Why the provider is asked no more, if so.
    pub(crate) fn lost(&self) -> Option<Cause> {
        self.0.lock().lost.clone()
    }

    /// Its last failure, if there was one.
    pub(crate) fn last_failure(&self) -> Option<Cause> {
        self.0.lock().last.clone()
    }

    /// The extras that it refuses.
    pub(crate) fn refused(&self) -> RefusedExtras {
        self.0.lock().refused
    }

    /// It does not take this part of a request.
    pub(crate) fn refuses(&self, extra: Extra) {
        let mut state = self.0.lock();
        state.refused = state.refused.with(extra);
    }

    /// A prompt was answered, at least in part.
    pub(crate) fn answered(&self) {
        let mut state = self.0.lock();
        state.answers += 1;
        state.answered_at = Some(Instant::now());
        state.in_vain = 0;
    }

    /// A prompt brought nothing. One that only repeats another says no more than that did.
    pub(crate) fn failed(&self, cause: &Cause, is_repeat: bool) {
        let mut state = self.0.lock();
        state.last = Some(cause.clone());
        let is_first = state.answers == 0;
        let adds = u32::from(!is_repeat);
        let is_pointless = match cause.class {
            ErrorClass::Billing => true,
            ErrorClass::Auth | ErrorClass::NotFound => is_first || state.is_in_vain(adds),
            ErrorClass::Unreachable => is_first,
            ErrorClass::Malformed
            | ErrorClass::Incomplete
            | ErrorClass::Truncated
            | ErrorClass::Oversized => state.is_in_vain(adds),
            // A service that has answered others has nothing against all.
            ErrorClass::BadRequest | ErrorClass::Blocked => state.is_in_vain(adds) && is_first,
            // The service is to be waited for, or one page is odd.
            ErrorClass::RateLimited
            | ErrorClass::QuotaExhausted
            | ErrorClass::Server
            | ErrorClass::Timeout
            | ErrorClass::Connection
            | ErrorClass::Conflict
            | ErrorClass::NoText
            | ErrorClass::TooLarge => false,
        };
        if is_pointless {
            state.lost.get_or_insert_with(|| cause.clone());
        }
    }
}

impl StandingState {
    /// Counts prompts in vain, and says whether that makes too many.
    fn is_in_vain(&mut self, adds: u32) -> bool {
        self.in_vain += adds;
        self.in_vain >= IN_VAIN
    }
}
