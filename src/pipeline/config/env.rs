//! The plan's environment variables, over the keys that are set already.

use super::settings::{SettingsError, SettingsPatch};
use crate::pipeline::batch::size;
use crate::units::Whole;

/// The variables of the plan that configure live use, with the keys that they set.
pub const VARIABLES: [(&str, &str); 5] = [
    ("TAG_SPACE_AI_CONCURRENCY", "concurrency"),
    ("TAG_SPACE_MAX_AI_CONCURRENCY", "max_concurrency"),
    ("TAG_SPACE_BATCH_SIZE", "batch_size"),
    ("TAG_SPACE_CACHE_SIZE", "cache_size"),
    ("TAG_SPACE_CACHE_ENABLED", "cache"),
];

impl SettingsPatch {
    /// Reads the plan's environment variables through `variable`, over what is set already.
    pub fn read_env(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), SettingsError> {
        fn number<const MIN: u64, const MAX: u64>(
            name: &'static str,
            wanted: &'static str,
            got: Option<String>,
        ) -> Result<Option<Whole<MIN, MAX>>, SettingsError> {
            let Some(got) = got else { return Ok(None) };
            match got.trim().parse().ok().and_then(Whole::new) {
                Some(value) => Ok(Some(value)),
                None => Err(SettingsError::Variable { name, got, wanted }),
            }
        }
        let set = |name: &'static str| (name, variable(name));
        let (name, got) = set("TAG_SPACE_AI_CONCURRENCY");
        self.concurrency = number(name, "a whole number from 1 to 1024", got)?.or(self.concurrency);
        let (name, got) = set("TAG_SPACE_MAX_AI_CONCURRENCY");
        self.max_concurrency =
            number(name, "a whole number from 1 to 1024", got)?.or(self.max_concurrency);
        let (name, got) = set("TAG_SPACE_BATCH_SIZE");
        if let Some(got) = got {
            let wanted = size::WANTED;
            let wrong = |()| SettingsError::Variable { name, got: got.clone(), wanted };
            self.batch_size = Some(got.parse().map_err(wrong)?);
        }
        let (name, got) = set("TAG_SPACE_CACHE_SIZE");
        self.cache_size =
            number(name, "a whole number from 1 to 10000000", got)?.or(self.cache_size);
        let (name, got) = set("TAG_SPACE_CACHE_ENABLED");
        if let Some(got) = got {
            self.cache = match got.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => {
                    let wanted = "true or false";
                    return Err(SettingsError::Variable { name, got, wanted });
                }
            };
        }
        Ok(())
    }
}
