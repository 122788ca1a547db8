//! How often each thing was asked for before.

use lru::LruCache;

/// What was asked for least recently is forgotten beyond this many things, so that a server's
/// memory has an end.
const MAX_IDENTITIES: usize = 16_384;

/// Counts attempts by the identity of what is asked for.
#[derive(Debug)]
pub(super) struct Attempts(LruCache<u64, u64>);

impl Attempts {
    pub(super) fn new() -> Self {
        Self(LruCache::unbounded())
    }

    /// Counts one more attempt; gives how many there were before.
    pub(super) fn count(&mut self, identity: u64) -> u64 {
        let attempts = self.0.get_or_insert_mut(identity, || 0);
        let before = *attempts;
        *attempts += 1;
        if self.0.len() > MAX_IDENTITIES {
            self.0.pop_lru();
        }
        before
    }
}
