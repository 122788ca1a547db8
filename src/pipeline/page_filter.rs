//! Which of the listed pages a job takes.

use regex::Regex;
use sha2::{Digest, Sha256};

use super::page::PageId;

/// Which of the listed pages a job takes: all of them, unless it is said.
///
/// ```
/// use regex::Regex;
/// use tagspace::PageFilter;
/// use tagspace::event::PageId;
///
/// let runbooks = PageFilter { include: vec![Regex::new("(?i)runbook")?], ..PageFilter::default() };
/// assert!(runbooks.takes(PageId(1), Some("Runbook: restore a backup"), 0));
/// assert!(!runbooks.takes(PageId(2), Some("Minutes of a meeting"), 1));
/// # Ok::<(), regex::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PageFilter {
    /// The most pages, in the order of the listing.
    pub limit: Option<u64>,
    /// A sample of this share of the pages, in millionths. Whether a page belongs to it follows from its id,
    /// so that a larger sample has all pages of a smaller one.
    pub sample_ppm: Option<u64>,
    /// Patterns of which a title must match one, if there are any.
    pub include: Vec<Regex>,
    /// Patterns of which a title may match none.
    pub exclude: Vec<Regex>,
}

impl PageFilter {
    /// Whether it takes the page of this id and title, if it has taken `taken` pages before it. A page whose
    /// title is not known matches as it should.
    pub fn takes(&self, page: PageId, title: Option<&str>, taken: u64) -> bool {
        let is_wanted = title.is_none_or(|title| {
            let has = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(title));
            (self.include.is_empty() || has(&self.include)) && !has(&self.exclude)
        });
        is_wanted
            && !self.is_full(taken)
            && self.sample_ppm.is_none_or(|share| place_in_sample(page) < share)
    }

    /// Whether it takes no more after this many pages.
    pub fn is_full(&self, taken: u64) -> bool {
        self.limit.is_some_and(|limit| taken >= limit)
    }
}

/// A number below a million that follows from a page's id.
fn place_in_sample(page: PageId) -> u64 {
    let digest: [u8; 32] = Sha256::digest(page.0.to_le_bytes()).into();
    digest.iter().take(6).fold(0, |place, byte| (place << 8) + u64::from(*byte)) % 1_000_000
}
