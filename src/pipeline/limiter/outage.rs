//! For how long a service has failed or refused everything: after longer than the patience it counts
//! as lost, and batches that wait for it go on with the next provider.

/// Since when nothing comes of calls.
#[derive(Debug, Clone)]
pub(super) struct Outage {
    /// For so long it is waited.
    pub(super) patience_ms: u64,
    /// Since when it fails.
    failing_since: Option<u64>,
    /// Since when it has refused every call without saying until when.
    refused_since: Option<u64>,
    /// When it did either last.
    last: u64,
}

impl Outage {
    pub(super) fn new(patience_ms: u64) -> Self {
        Self { patience_ms, failing_since: None, refused_since: None, last: 0 }
    }

    /// A call was answered.
    pub(super) fn end(&mut self) {
        (self.failing_since, self.refused_since) = (None, None);
    }

    /// A call failed.
    pub(super) fn failed(&mut self, now: u64) {
        self.note(now);
        self.failing_since.get_or_insert(now);
    }

    /// Whether the last calls failed, with none answered since.
    pub(super) fn is_of_failures(&self) -> bool {
        self.failing_since.is_some()
    }

    /// A call was refused, and nobody knows until when.
    pub(super) fn refused(&mut self, now: u64) {
        self.note(now);
        self.refused_since.get_or_insert(now);
    }

    /// What goes on from before begins anew where nothing was tried for long.
    fn note(&mut self, now: u64) {
        if self.is_long_ago(now) {
            self.end();
        }
        self.last = now;
    }

    /// Whether it has lasted longer than the patience, as far as is known: what was so long ago says
    /// nothing.
    pub(super) fn is_lost(&self, now: u64) -> bool {
        let since = self.failing_since.or(self.refused_since);
        since.is_some_and(|since| now >= since + self.patience_ms) && !self.is_long_ago(now)
    }

    fn is_long_ago(&self, now: u64) -> bool {
        now > self.last.saturating_add(self.patience_ms)
    }
}
