//! A site, as the stages of a run use it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::client::Client;
use crate::pipeline::provider::Secret;

/// Pages per listing call; the most that v2 gives.
pub(super) const LIST_LIMIT: usize = 250;

/// A Confluence site and its client.
#[derive(Debug, Clone)]
pub struct Site {
    /// The origin with the context path, such as `https://acme.atlassian.net/wiki`.
    pub base: String,
    /// The account's e-mail address, which goes with an API token as Basic credentials. Without it
    /// the token stands alone, as `Bearer`: a personal access token of Data Center, or one of OAuth.
    pub user: Option<String>,
    /// Its token.
    pub token: Secret,
}

impl Site {
    /// A site, such as `https://acme.atlassian.net/wiki`, whose token is sent as `Bearer`.
    pub fn new(base: impl Into<String>, token: Secret) -> Self {
        Self { base: base.into(), user: None, token }
    }

    /// Sends the token with this account's e-mail address, as Basic credentials.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }
}

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
}

/// One site.
pub(crate) struct Confluence {
    pub(super) client: Client,
    has_v1_only: AtomicBool,
}

impl Confluence {
    /// The site that this client asks.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, has_v1_only: AtomicBool::new(false) }
    }

    pub(super) fn base(&self) -> &str {
        &self.client.site.base
    }

    pub(super) fn api(&self) -> Api {
        if self.has_v1_only.load(Ordering::Relaxed) { Api::V1 } else { Api::V2 }
    }

    pub(super) fn has_v1_only(&self) {
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
