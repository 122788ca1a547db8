//! Settings that are a choice among names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For how long one permit is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermitScope {
    /// For one attempt: a batch that backs off holds none.
    Attempt,
    /// For a batch with all its attempts and waits, as the original code did.
    Batch,
}

/// How many calls Confluence is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConfluencePace {
    /// As many as `confluence_concurrency` says.
    Fixed,
    /// As many as the site answers without a refusal, and no more than `confluence_concurrency`.
    Found,
}

/// How the labels are read that pages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LabelReads {
    /// Of one page after the other, before its labels are written.
    ByPage,
    /// Of a space once: for each label of the taxonomy the pages that have it.
    ByLabel,
}

/// What makes two pages the same to the cache, besides taxonomy, prompt and model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKey {
    /// The plan's: id, version, title and text.
    PageVersion,
    /// Title and text: a new version, or another page, that says the same is a hit.
    Content,
    /// The text: a copy under another title is a hit, though a title may say more than the text.
    Text,
}
