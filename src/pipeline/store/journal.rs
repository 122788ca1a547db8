//! What is written down of a job before it is done, so that it can be taken back.

use super::error::StoreError;
use crate::pipeline::error::Cause;
use crate::pipeline::page::PageId;

/// The labels of a page that a job adds and removes.
///
/// ```
/// use tagspace::event::PageId;
/// use tagspace::store::LabelChange;
///
/// let added = vec!["runbook".to_owned()];
/// let change = LabelChange { page: PageId(7), added, removed: Vec::new() };
/// assert!(change.removed.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelChange {
    /// The page.
    pub page: PageId,
    /// Labels that it did not have.
    pub added: Vec<String>,
    /// Labels that it had.
    pub removed: Vec<String>,
}

/// Writes down what a job does to labels, and what becomes of its pages.
pub trait Journal: Send + Sync {
    /// Labels of a page are about to be changed.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn planned(&self, change: &LabelChange) -> Result<(), StoreError>;

    /// Labels of a page were changed, as planned.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn made(&self, change: &LabelChange) -> Result<(), StoreError>;

    /// What was planned and not made will not be: the site has refused it.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn refused(&self, page: PageId) -> Result<(), StoreError>;

    /// A page has come to its end: it is done, or it failed for this reason.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn ended(&self, page: PageId, failure: Option<&Cause>) -> Result<(), StoreError>;

    /// The change of a label is taken back.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn undone(&self, page: PageId, label: &str) -> Result<(), StoreError>;
}
