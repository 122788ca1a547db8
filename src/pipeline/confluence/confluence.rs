//! A site, as the stages of a run use it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use url::Url;

use super::client::Client;
use crate::pipeline::config::LabelReads;
use crate::pipeline::limiter::line_time::LineTime;

/// Pages per listing call; the most that v2 gives.
pub(super) const LIST_LIMIT: usize = 250;

/// Pages of a space. The largest that administrators report of have some 100,000.
pub(crate) const MOST_PAGES: usize = 5_000_000;

/// Which of its interfaces a site is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    V2,
    V1,
}

/// Where a list goes on.
#[derive(Deserialize, Default)]
pub(super) struct Links {
    next: Option<String>,
    /// The address of the site, as people see it.
    base: Option<String>,
}

impl Links {
    /// The address at which people see the site, where it is one.
    pub(super) fn site(&self) -> Option<String> {
        let url = Url::parse(self.base.as_deref()?).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        let is_site = matches!(url.scheme(), "http" | "https") && url.query().is_none() && is_plain;
        is_site.then(|| url.as_str().trim_end_matches('/').to_owned())
    }
}

/// One site.
pub(crate) struct Confluence {
    pub(super) client: Client,
    has_v1_only: AtomicBool,
    /// Whether pages are listed with their labels, where that is possible.
    pub(super) lists_labels: bool,
}

impl Confluence {
    /// The site that this client asks.
    pub(crate) fn new(client: Client, label_reads: LabelReads) -> Self {
        let lists_labels = label_reads == LabelReads::ByLabel;
        Self { client, has_v1_only: AtomicBool::new(false), lists_labels }
    }

    /// For how long calls have waited, at the gate and for the pace.
    pub(crate) fn line_time(&self) -> LineTime {
        self.client.line_time()
    }

    /// The address at which the site is asked.
    pub(crate) fn base(&self) -> &str {
        &self.client.site.base
    }

    pub(super) fn api(&self) -> Api {
        if self.has_v1_only.load(Ordering::Relaxed) { Api::V1 } else { Api::V2 }
    }

    pub(crate) fn has_v1_only(&self) {
        self.has_v1_only.store(true, Ordering::Relaxed);
    }

    /// Where a list goes on after `path`, if there is more.
    pub(super) fn follow(&self, path: &str, links: Links) -> Result<Option<String>, String> {
        let link = links.next.filter(|link| !link.is_empty());
        link.map(|link| super::link::follow(self.base(), path, &link)).transpose()
    }
}

/// One pair of a query string.
pub(super) fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
