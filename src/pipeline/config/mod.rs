//! What can be set about the pipeline: a profile, and keys that override it.
//!
//! A profile pins every key, so that a scenario means the same after a default has changed.

mod choices;
mod env;
mod patch;
mod presets;
mod profile;
mod settings;

pub use self::choices::{CacheKey, ConfluencePace, LabelReads, PermitScope};
pub use self::env::{PREFIX, key_of, variable_of};
pub use self::profile::Profile;
pub use self::settings::{ConfiguredQuota, Settings, SettingsError, SettingsPatch};
pub use crate::pipeline::batch::size::BatchSize;
pub use crate::pipeline::limiter::kind::LimiterKind;
