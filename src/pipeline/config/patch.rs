//! A setting is written once: its name, the type that the pipeline reads, and the type that a
//! scenario writes.

/// Makes [`Settings`](super::Settings) and [`SettingsPatch`](super::SettingsPatch) of one list. A
/// line is `key: type in the pipeline = type in a file`, and the second turns into the first. The
/// keys of a backoff are one value in the pipeline.
macro_rules! settings {
    (
        before { $($(#[doc = $before_doc:literal])* $(#[serde($before_serde:meta)])?
            $before:ident: $before_ready:ty = $before_written:ty;)* }
        backoff { $($(#[doc = $backoff_doc:literal])*
            $key:ident: backoff.$field:ident = $key_written:ty;)* }
        after { $($(#[doc = $after_doc:literal])*
            $after:ident: $after_ready:ty = $after_written:ty;)* }
    ) => {
        /// Every setting of the pipeline, ready to use.
        ///
        /// ```
        /// use tagspace::{Profile, Settings};
        ///
        /// let settings = Settings { dry_run: true, ..Profile::Recommended.settings() };
        /// assert!(settings.dry_run && settings.fallback);
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub struct Settings {
            $($(#[doc = $before_doc])* $(#[serde($before_serde)])? pub $before: $before_ready,)*
            /// The delays between attempts.
            pub backoff: Schedule,
            $($(#[doc = $after_doc])* pub $after: $after_ready,)*
        }

        /// The `[pipeline]` table: a profile, and keys that override it.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "Overrides")]
        #[serde(deny_unknown_fields, default)]
        pub struct SettingsPatch {
            /// The profile that sets every key (default: documented).
            #[serde(skip_serializing_if = "Option::is_none")]
            pub profile: Option<Profile>,
            $($(#[doc = $before_doc])* #[serde(skip_serializing_if = "Option::is_none")]
            pub $before: Option<$before_written>,)*
            $($(#[doc = $backoff_doc])* #[serde(skip_serializing_if = "Option::is_none")]
            pub $key: Option<$key_written>,)*
            $($(#[doc = $after_doc])* #[serde(skip_serializing_if = "Option::is_none")]
            pub $after: Option<$after_written>,)*
        }

        impl SettingsPatch {
            /// The keys, in their order.
            pub const KEYS: &[&str] = &[
                "profile",
                $(stringify!($before),)*
                $(stringify!($key),)*
                $(stringify!($after),)*
            ];

            /// Puts every key that is set into `settings`.
            fn apply(&self, settings: &mut Settings) {
                $(if let Some(value) = self.$before { settings.$before = value.into(); })*
                $(if let Some(value) = self.$key { settings.backoff.$field = value.into(); })*
                $(if let Some(value) = self.$after { settings.$after = value.into(); })*
            }

            /// Takes every key that `later` sets, the profile as well.
            pub fn take(&mut self, later: Self) {
                self.profile = later.profile.or(self.profile);
                $(self.$before = later.$before.or(self.$before);)*
                $(self.$key = later.$key.or(self.$key);)*
                $(self.$after = later.$after.or(self.$after);)*
            }

            /// These keys over `base`: every key that is set here wins, and a profile wins over all
            /// of them.
            #[must_use]
            pub fn over(&self, base: &Self) -> Self {
                if self.profile.is_some() {
                    return self.clone();
                }
                Self {
                    profile: base.profile,
                    $($before: self.$before.or(base.$before),)*
                    $($key: self.$key.or(base.$key),)*
                    $($after: self.$after.or(base.$after),)*
                }
            }
        }
    };
}

pub(super) use settings;
