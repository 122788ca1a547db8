//! What can be set about the pipeline: a profile, and keys that override it.
//!
//! A profile pins every key, so that a scenario means the same after a default has changed.

mod profile;
mod settings;

pub use self::settings::{
    CacheKey, Config, ConfigError, LimiterKind, Overrides, PermitScope, ToldQuota, VARIABLES,
};
pub use crate::pipeline::batch::size::BatchSize;
pub use crate::pipeline::config::profile::Profile;
