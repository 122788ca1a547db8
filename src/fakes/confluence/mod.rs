//! Confluence: the site's state, its users and their limits, and which interface answers.
//!
//! Pages are read through v2, or through v1 by older clients; labels are written through v1, which
//! is the only interface that can.

mod body;
mod content;
mod cql;
mod edit;
mod label;
mod limit;
mod nulls;
mod rate_limit;
mod route;
mod search;
mod service;
mod tree;
mod v1;
mod v2;

pub use self::nulls::NullsConfig;
pub use self::rate_limit::{LimitHint, RateLimit};
pub(crate) use self::service::{BODY_LIMIT, too_large};
pub use self::service::{Confluence, ConfluenceConfig};
