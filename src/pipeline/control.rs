//! How a run is watched and stopped from outside.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::allowance::Allowance;

/// How far a run is.
///
/// ```
/// use tagspace::Progress;
///
/// let progress = Progress { done: 40, listed: 60, total: Some(100) };
/// assert!(progress.done <= progress.listed);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages that are tagged or given up.
    pub done: u64,
    /// Pages that were listed so far.
    pub listed: u64,
    /// All pages, once that is known: beforehand, or when the list is at its end.
    pub total: Option<u64>,
}

/// The handles on a run: what is told of its progress, what stops it, and what it may spend.
///
/// ```
/// use std::sync::Arc;
/// use tagspace::Control;
///
/// let progress = |at: tagspace::Progress| println!("{} of {} pages", at.done, at.listed);
/// let control = Control { progress: Some(Arc::new(progress)), ..Control::default() };
/// let handle = control.cancel.clone();
/// handle.cancel(); // the run finishes what is in flight, and leaves the rest
/// assert!(control.cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Control {
    /// Called after every page.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// Cancelled, it makes the run finish what is in flight and leave the rest.
    pub cancel: CancellationToken,
    /// The most that the run may spend. Before it is passed no more is asked, and the run ends with an
    /// error that says so; what is answered already is written.
    pub allowance: Allowance,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}
