//! Fields that a list leaves out: public bug reports tell of listed pages whose title, body or
//! version is null or missing. A page that is read alone is whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::content::space::SpacePage;
use crate::rng::Seed;
use crate::units::Ratio;

/// Shares of the pages whose entries in lists of the second interface lack something. The seed draws
/// each page once, so that the same pages lack the same in every list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NullsConfig {
    /// The title is null or empty.
    pub title_ratio: Ratio,
    /// The body is null, has no storage format, or has none with a value.
    pub body_ratio: Ratio,
    /// The version is null or missing.
    pub version_ratio: Ratio,
}

impl Default for NullsConfig {
    fn default() -> Self {
        Self { title_ratio: Ratio::ZERO, body_ratio: Ratio::ZERO, version_ratio: Ratio::ZERO }
    }
}

/// What the entry of a page lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Nulls {
    pub(super) title: Option<NoTitle>,
    pub(super) body: Option<NoBody>,
    pub(super) version: Option<NoVersion>,
}

/// How a title is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTitle {
    Null,
    Empty,
}

/// How a body is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    Null,
    NoStorage,
    NoValue,
}

/// How a version is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoVersion {
    Null,
    Missing,
}

impl NullsConfig {
    /// What the entry of this page lacks.
    pub(super) fn of(&self, page: u64, seed: Seed) -> Nulls {
        let draw = |what: &str, share: Ratio, ways: u64| {
            let draw = seed.draw(&format!("confluence null {what}"), page, 0);
            draw.happens(share).then(|| draw.sequence().below(ways))
        };
        Nulls {
            title: draw("title", self.title_ratio, 2).map(|way| match way {
                0 => NoTitle::Null,
                _ => NoTitle::Empty,
            }),
            body: draw("body", self.body_ratio, 3).map(|way| match way {
                0 => NoBody::Null,
                1 => NoBody::NoStorage,
                _ => NoBody::NoValue,
            }),
            version: draw("version", self.version_ratio, 2).map(|way| match way {
                0 => NoVersion::Null,
                _ => NoVersion::Missing,
            }),
        }
    }
}

impl Nulls {
    /// The page as far as its entry tells of it.
    pub(super) fn of_page(self, mut page: SpacePage) -> SpacePage {
        if self.title.is_some() {
            page.title.clear();
        }
        if self.body.is_some() {
            page.storage.clear();
            page.text.clear();
        }
        page
    }
}
