//! Confluence: pages are read with v2, labels are written with v1, the only API that can; a site
//! without v2 is read with v1 as well.
//!
//! Listing follows the `next` links, which must stay below the site's base ([`link`]). All calls
//! wait at one gate ([`gate`]), so that one refusal is enough and an outage meets one call at
//! a time. Every call here may be repeated: adding a label that is there and removing one that is
//! not change nothing.

mod client;
mod confluence;
mod gate;
mod labels;
mod link;
mod listing;
mod right;
mod site;

pub(crate) use self::client::{Client, NoResponse};
pub(crate) use self::confluence::{Confluence, MOST_PAGES};
pub(crate) use self::labels::Label;
pub(crate) use self::listing::{Cursor, FoundSpace, Listed, ListedPage, PageForm};
pub use self::site::Site;
