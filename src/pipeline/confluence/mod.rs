//! Confluence: pages are read with v2, labels are written with v1, the only API that can; a site
//! without v2 is read with v1 as well.
//!
//! Listing follows the `next` links, which must stay below the site's base ([`link`]). All calls
//! wait at one gate ([`gate`]), so that one refusal is enough and an outage meets one call at
//! a time. Every call here may be repeated: adding a label that is there and removing one that is
//! not change nothing.

mod client;
mod gate;
mod labels;
mod link;
mod listing;
mod right;

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

pub(crate) use self::client::{Client, Ended};
pub(crate) use self::listing::{Cursor, Listed, ListedPage};
use crate::pipeline::provider::Secret;

/// Pages per listing call; the most that v2 gives.
const LIST_LIMIT: usize = 250;

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

/// Which of its interfaces a site is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    V2,
    V1,
}

/// Where a list goes on.
#[derive(Deserialize, Default)]
struct Links {
    next: Option<String>,
}

/// One site.
pub(crate) struct Confluence {
    client: Client,
    has_v1_only: AtomicBool,
}

impl Confluence {
    /// The site that this client asks.
    pub(crate) fn new(client: Client) -> Self {
        Self { client, has_v1_only: AtomicBool::new(false) }
    }

    fn base(&self) -> &str {
        &self.client.site.base
    }

    fn api(&self) -> Api {
        if self.has_v1_only.load(Ordering::Relaxed) { Api::V1 } else { Api::V2 }
    }

    fn has_v1_only(&self) {
        self.has_v1_only.store(true, Ordering::Relaxed);
    }

    /// Where a list goes on after `path`, if there is more.
    fn follow(&self, path: &str, links: Links) -> Result<Option<String>, String> {
        let link = links.next.filter(|link| !link.is_empty());
        link.map(|link| link::follow(self.base(), path, &link)).transpose()
    }
}

/// One pair of a query string.
fn query(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}
