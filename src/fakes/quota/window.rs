//! A window: how much of an amount may be taken in a time.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a window moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// What was taken in the last `per_s` seconds counts.
    Sliding,
    /// Counting starts anew every `per_s` seconds.
    Fixed,
    /// A bucket of `burst` that refills evenly.
    Bucket,
}

/// What is left of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// How much the window holds.
    pub limit: u64,
    /// How much of it is free.
    pub left: u64,
    /// When all of it is free again.
    pub reset_ms: u64,
}

/// How exactly a service counts at one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leeway {
    /// To the limit.
    #[default]
    None,
    /// To one more than the limit.
    OneMore,
    /// To one fewer than the limit.
    OneFewer,
}

/// An amount that may be taken per window.
#[derive(Debug)]
pub struct Window {
    limit: u64,
    /// What may be taken beyond the limit, with leeway.
    spare: u64,
    per_ms: u64,
    state: WindowState,
    /// What it will be, the earliest first.
    pub(super) steps: VecDeque<Step>,
}

/// Another amount from some time on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) at_ms: u64,
    pub(super) limit: u64,
    pub(super) burst: u64,
}

/// More than any limit: whoever takes more has taken all there is.
const MORE_THAN_ANY: u64 = 4_000_000_000;

#[derive(Debug)]
enum WindowState {
    Sliding {
        /// When something was taken, and how much had been taken by then, from the beginning.
        taken: VecDeque<(u64, u64)>,
        /// How much was taken in all, and how much of that the window holds no longer.
        total: u64,
        gone: u64,
    },
    Fixed {
        ends_ms: u64,
        used: u64,
    },
    /// Levels in units of one `per_ms`-th, so that refilling is exact.
    Bucket {
        burst: u64,
        level: u64,
        seen_ms: u64,
    },
}

impl Window {
    /// A window of which nothing is used.
    pub fn new(kind: WindowKind, limit: u64, burst: u64, per_ms: u64) -> Self {
        let state = match kind {
            WindowKind::Sliding => {
                WindowState::Sliding { taken: VecDeque::new(), total: 0, gone: 0 }
            }
            WindowKind::Fixed => WindowState::Fixed { ends_ms: per_ms, used: 0 },
            WindowKind::Bucket => {
                WindowState::Bucket { burst, level: burst.saturating_mul(per_ms), seen_ms: 0 }
            }
        };
        Self { limit, spare: 0, per_ms, state, steps: VecDeque::new() }
    }

    /// The same with room for one more than its limit, which only a decision with leeway gives out.
    #[must_use]
    pub(super) fn with_spare(mut self) -> Self {
        self.spare = 1;
        if let WindowState::Bucket { level, .. } = &mut self.state {
            *level = level.saturating_add(self.per_ms);
        }
        self
    }

    /// Takes over the amounts that have come into force.
    fn step(&mut self, now_ms: u64) {
        while let Some(step) = self.steps.front().copied().filter(|step| step.at_ms <= now_ms) {
            self.steps.pop_front();
            // A bucket refills at the old pace until then.
            self.refill(step.at_ms);
            self.limit = step.limit;
            if let WindowState::Bucket { burst, level, .. } = &mut self.state {
                *burst = step.burst;
                let full = step.burst.saturating_add(self.spare).saturating_mul(self.per_ms);
                *level = (*level).min(full);
            }
        }
    }

    fn refill(&mut self, now_ms: u64) {
        if let WindowState::Bucket { burst, level, seen_ms } = &mut self.state
            && now_ms > *seen_ms
        {
            let refilled = (now_ms - *seen_ms).saturating_mul(self.limit);
            let full = burst.saturating_add(self.spare).saturating_mul(self.per_ms);
            *level = level.saturating_add(refilled).min(full);
            *seen_ms = now_ms;
        }
    }

    /// When its amount changes next.
    pub fn next_step(&self) -> Option<u64> {
        self.steps.front().map(|step| step.at_ms)
    }

    /// The limit as it was when time last passed.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How long to wait until this amount fits; nothing if it fits now. What never fits waits a
    /// whole window.
    pub fn wait(&mut self, now_ms: u64, amount: u64) -> Option<u64> {
        self.wait_with(now_ms, amount, Leeway::None)
    }

    /// The same for a decision with leeway.
    pub(super) fn wait_with(&mut self, now_ms: u64, amount: u64, leeway: Leeway) -> Option<u64> {
        self.step(now_ms);
        self.refill(now_ms);
        let (spare, per_ms, pace) = (self.spare, self.per_ms, self.limit);
        let limit = self.limit.saturating_add(spare);
        let amount = amount.saturating_add(match leeway {
            Leeway::OneMore => 0,
            Leeway::None => spare,
            Leeway::OneFewer => spare * 2,
        });
        match &mut self.state {
            WindowState::Sliding { taken, total, gone } => {
                let is_over = |at: u64| at.saturating_add(per_ms) <= now_ms;
                while let Some((_, by_then)) = taken.pop_front_if(|(at, _)| is_over(*at)) {
                    *gone = by_then;
                }
                // The amount that has to be gone from the window.
                let wanted = total.saturating_add(amount).saturating_sub(limit);
                if wanted <= *gone {
                    return None;
                }
                let first = taken.partition_point(|(_, by_then)| *by_then < wanted);
                let at = taken.get(first).filter(|_| amount <= limit).map(|(at, _)| *at);
                Some(at.map_or(per_ms, |at| at.saturating_add(per_ms).saturating_sub(now_ms)))
            }
            WindowState::Fixed { ends_ms, used } => {
                if now_ms >= *ends_ms {
                    *ends_ms = (now_ms / per_ms + 1).saturating_mul(per_ms);
                    *used = 0;
                }
                (used.saturating_add(amount) > limit).then(|| ends_ms.saturating_sub(now_ms))
            }
            WindowState::Bucket { burst, level, .. } => {
                let wanted = amount.saturating_mul(per_ms);
                let missing = wanted.checked_sub(*level).filter(|missing| *missing > 0)?;
                let never = amount > burst.saturating_add(spare);
                Some(if never { per_ms } else { missing.div_ceil(pace) })
            }
        }
    }

    /// Lets the time pass: what a window holds no longer is forgotten.
    pub fn pass(&mut self, now_ms: u64) {
        self.wait(now_ms, 0);
    }

    /// Takes an amount, whether it fits or not.
    pub fn take(&mut self, now_ms: u64, amount: u64) {
        let (per_ms, amount) = (self.per_ms, amount.min(MORE_THAN_ANY));
        match &mut self.state {
            WindowState::Sliding { taken, total, .. } => {
                *total = total.saturating_add(amount);
                match taken.back_mut() {
                    Some((at, by_then)) if *at == now_ms => *by_then = *total,
                    _ => taken.push_back((now_ms, *total)),
                }
            }
            WindowState::Fixed { used, .. } => *used = used.saturating_add(amount),
            WindowState::Bucket { level, .. } => {
                *level = level.saturating_sub(amount.saturating_mul(per_ms));
            }
        }
    }

    /// How much fits now.
    pub fn room(&mut self, now_ms: u64) -> u64 {
        self.pass(now_ms);
        match &self.state {
            WindowState::Bucket { level, .. } => (level / self.per_ms).saturating_sub(self.spare),
            WindowState::Sliding { .. } | WindowState::Fixed { .. } => {
                self.limit.saturating_sub(self.used())
            }
        }
    }

    /// What is left of it, and when all of it is there again.
    pub fn left(&mut self, now_ms: u64) -> Remaining {
        let left = self.room(now_ms);
        let limit = self.limit;
        let all = match &self.state {
            WindowState::Bucket { burst, .. } => *burst,
            WindowState::Sliding { .. } | WindowState::Fixed { .. } => limit,
        };
        let reset_ms = self.wait(now_ms, all).unwrap_or(0);
        Remaining { limit, left, reset_ms }
    }

    /// What is taken of it, as of when time last passed.
    pub fn used(&self) -> u64 {
        match &self.state {
            WindowState::Sliding { total, gone, .. } => total.saturating_sub(*gone),
            WindowState::Fixed { used, .. } => *used,
            WindowState::Bucket { burst, level, .. } => {
                burst.saturating_add(self.spare).saturating_sub(level / self.per_ms)
            }
        }
    }
}
