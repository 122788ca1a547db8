//! What is known of a quota, for the next run and for whoever asks.

use super::{Account, LATEST_US, LONGEST_MS, MOST, Window, window};
use crate::pipeline::learned_quotas::LearnedQuota;
use crate::pipeline::limiter::algorithm::InferredQuota;

impl Account {
    /// What is known, with what was taken within the last window.
    pub(crate) fn remember(&self, now: u64) -> Option<LearnedQuota> {
        let allowed = self.allowed?;
        let (proved, window_ms) = self.proved()?;
        // Another client that takes a part now may be gone by then.
        let limit = self.shared.unwrap_or(proved);
        let inferred = allowed.is_inferred && self.shared.is_none();
        let held_ms = self.window.held_ms(now).unwrap_or(window_ms);
        let recent = self.taken.iter().filter(|(at, _)| at + held_ms > now);
        Some(LearnedQuota {
            dimension: self.dimension,
            limit,
            window_ms,
            unit_us: match self.window {
                Window::Bucket { unit_us, .. } => {
                    Some(unit_us.saturating_mul(allowed.amount) / proved)
                }
                Window::Sliding { .. } | Window::Fixed { .. } => None,
            },
            begun_ms_ago: match self.window {
                Window::Fixed { ms, begins } => Some(now - window::begun(ms, begins, now)),
                Window::Sliding { .. } | Window::Bucket { .. } => None,
            },
            inferred,
            refused_count: self.refused_count,
            stated_ms_ago: if inferred { 0 } else { now.saturating_sub(self.stated_at) },
            taken: recent.map(|(at, amount)| (now.saturating_sub(*at), *amount)).collect(),
        })
    }

    /// Starts from what was known.
    pub(crate) fn recall(&mut self, now: u64, known: &LearnedQuota) {
        let ms = known.window_ms.clamp(1, LONGEST_MS);
        self.window = match (known.unit_us, known.begun_ms_ago) {
            (Some(unit_us), _) => {
                let unit_us = unit_us.clamp(1, LONGEST_MS * 1000);
                // As if it had been given out unit by unit.
                let free_us = known.taken.iter().fold(0, |free: u64, (ago, amount)| {
                    let at = now.saturating_sub(*ago) * 1000;
                    let taken_us = unit_us.saturating_mul((*amount).min(known.limit));
                    free.max(at).saturating_add(taken_us).min(LATEST_US)
                });
                Window::Bucket { unit_us, free_us }
            }
            (None, Some(ago)) => Window::Fixed { ms, begins: now.saturating_sub(ago) },
            (None, None) => Window::Sliding { ms },
        };
        self.refused_count = known.refused_count;
        self.taken =
            known.taken.iter().map(|(ago, n)| (now.saturating_sub(*ago), (*n).min(MOST))).collect();
        self.taken.make_contiguous().sort_unstable();
        self.sum_up();
        if known.inferred {
            self.infer(now, known.limit);
        } else {
            self.state(now.saturating_sub(known.stated_ms_ago), known.limit);
        }
    }

    pub(crate) fn learned(&self) -> Option<InferredQuota> {
        let allowed = self.allowed?;
        Some(InferredQuota {
            dimension: self.dimension,
            limit: allowed.amount,
            window: std::time::Duration::from_millis(self.window_ms()),
            kind: self.window.kind(),
            is_inferred: allowed.is_inferred,
            refused_count: self.refused_count,
        })
    }
}
