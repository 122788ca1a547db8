//! When a quota has room for more.

use super::{Account, Allowed, MARGIN_MS, Window, window};

impl Account {
    /// When an amount will be free, at the earliest now.
    pub(crate) fn free_at(&self, now: u64, amount: u64) -> u64 {
        let Some(Allowed { amount: allowed, .. }) = self.allowed else { return now };
        match self.window {
            Window::Bucket { unit_us, free_us } => {
                let free_at = free_us.div_ceil(1000).max(now);
                self.asked_at(now, amount, unit_us).map_or(free_at, |at| at.min(free_at))
            }
            Window::Fixed { ms, begins } => self.free_in_fixed((ms, begins), now, amount, allowed),
            Window::Sliding { ms } => self.free_in_sliding(ms, now, amount, allowed),
        }
    }

    /// When a window that slides has room.
    fn free_in_sliding(&self, ms: u64, now: u64, amount: u64, allowed: u64) -> u64 {
        if !self.refused_count && self.is_far_from((allowed + 1).saturating_sub(amount)) {
            return now;
        }
        let held = |(at, _): &&(u64, u64)| at + ms + MARGIN_MS > now;
        let refused = self.refused.iter().filter(|_| self.refused_count);
        let mut held: Vec<(u64, u64)> =
            self.taken.iter().chain(refused).filter(held).copied().collect();
        held.sort_unstable();
        let mut used: u64 = held.iter().map(|(_, taken)| taken).sum();
        for (at, taken) in held {
            // What is larger than the window waits until it is empty.
            if used + amount <= allowed || used == 0 {
                return now;
            }
            used -= taken;
            if used + amount <= allowed || used == 0 {
                return at + ms + MARGIN_MS;
            }
        }
        now
    }

    /// When a window that begins anew at fixed times has room.
    fn free_in_fixed(&self, (ms, begins): (u64, u64), now: u64, amount: u64, allowed: u64) -> u64 {
        if self.is_far_from((allowed + 1).saturating_sub(amount)) {
            return now;
        }
        // A call sent near a boundary may arrive on either side, so it counts in both windows.
        let begun = window::begun(ms, begins, now.saturating_sub(MARGIN_MS));
        let held = |at: u64| at + MARGIN_MS >= begun;
        let used: u64 = self.taken.iter().filter(|(at, _)| held(*at)).map(|(_, n)| n).sum();
        // What is larger than the window waits until it is empty.
        if used + amount <= allowed || used == 0 { now } else { begun + ms + MARGIN_MS }
    }
}
