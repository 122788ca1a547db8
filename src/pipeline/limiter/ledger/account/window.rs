//! How a quota's window gives back what was taken.

use crate::pipeline::provider::stated_quota::WindowKind;

/// A window of one kind, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// Each amount so long after it was taken. A counter that starts anew at fixed times gives
    /// back no later than this.
    Sliding { ms: u64 },
    /// All at once, at `begins` and every `ms` milliseconds before and after it.
    Fixed { ms: u64, begins: u64 },
    /// Evenly, one unit in `unit_us` microseconds, and nothing is saved up.
    Bucket { unit_us: u64, free_us: u64 },
}

impl Window {
    pub(super) fn kind(self) -> WindowKind {
        match self {
            Self::Sliding { .. } => WindowKind::Sliding,
            Self::Fixed { .. } => WindowKind::Fixed,
            Self::Bucket { .. } => WindowKind::Bucket,
        }
    }

    /// For how long before a time, it included, what was taken is held, where that is not always
    /// the same.
    pub(super) fn held_ms(self, at: u64) -> Option<u64> {
        match self {
            Self::Fixed { ms, begins } => Some(at - begun(ms, begins, at) + 1),
            Self::Sliding { .. } | Self::Bucket { .. } => None,
        }
    }
}

/// When the window began that holds this time, if one of this length begins at `begins`.
pub(super) fn begun(ms: u64, begins: u64, at: u64) -> u64 {
    if at >= begins { at - (at - begins) % ms } else { at - (ms - (begins - at) % ms) % ms }
}
