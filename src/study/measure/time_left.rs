//! How long the rest of a run takes, as the pages so far let one expect, with a spread.

use std::collections::VecDeque;

use crate::units::{float, whole};

/// The length of an interval in which pages are counted, and the intervals that are looked at: ten minutes.
const INTERVAL_MS: u64 = 10_000;
const INTERVALS: usize = 60;
/// With fewer nothing is said of the spread.
const FEWEST: usize = 3;
/// The part of a normal distribution's standard error within which nine of ten lie.
const NINE_OF_TEN: f64 = 1.645;

/// The pages that ended, counted by intervals; those that are over, of late.
#[derive(Debug, Default)]
pub struct PagePace {
    /// The interval that is not over.
    now: u64,
    ended_now: u64,
    ended: VecDeque<u64>,
}

/// A time that is expected, in milliseconds, and where nine of ten lie; no end where nothing bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLeft {
    /// In the middle.
    pub middle_ms: u64,
    /// The least and the most; nothing where too little is known.
    pub spread_ms: Option<(u64, Option<u64>)>,
}

impl PagePace {
    /// A page ended.
    pub fn page_ended(&mut self, t_ms: u64) {
        self.goes_to(t_ms);
        self.ended_now += 1;
    }

    /// It is this late.
    pub fn goes_to(&mut self, t_ms: u64) {
        let interval = t_ms / INTERVAL_MS;
        // After a long sleep the intervals of that time count nothing; more than are kept need not be gone through.
        let over = interval.saturating_sub(self.now).min(INTERVALS as u64 + 1);
        for _ in 0..over {
            self.ended.push_back(std::mem::take(&mut self.ended_now));
            if self.ended.len() > INTERVALS {
                self.ended.pop_front();
            }
        }
        self.now = self.now.max(interval);
    }

    /// Pages a minute of late; nothing before an interval is over.
    pub fn per_minute(&self) -> Option<f64> {
        let intervals = self.ended.len();
        let pages: u64 = self.ended.iter().sum();
        let minutes = float(intervals as u64 * INTERVAL_MS) / 60_000.0;
        (intervals > 0).then(|| float(pages) / minutes)
    }

    /// How long this number of pages takes, where a quota of this window gives a window's calls at once: whole
    /// windows are looked at. Nothing before one is over, and where no page has ended.
    pub fn time_for(&self, pages: u64, window_ms: u64) -> Option<TimeLeft> {
        let longest_step = (INTERVALS / FEWEST) as u64;
        let step = window_ms.div_ceil(INTERVAL_MS).clamp(1, longest_step);
        let size = usize::try_from(step).unwrap_or(1);
        let ended: Vec<u64> = self.ended.iter().copied().collect();
        let ended: Vec<u64> = ended.rchunks_exact(size).map(|step| step.iter().sum()).collect();
        let of = float(ended.len() as u64);
        let mean = float(ended.iter().sum()) / of.max(1.0);
        if mean <= 0.0 {
            return None;
        }
        let time = |pace: f64| whole(float(pages) / pace * float(step * INTERVAL_MS));
        let squares = ended.iter().map(|ended| (float(*ended) - mean) * (float(*ended) - mean));
        let variance = squares.sum::<f64>() / (of - 1.0).max(1.0);
        let off = NINE_OF_TEN * libm::sqrt(variance / of);
        let longest = (mean > off).then(|| time(mean - off));
        let spread_ms = (ended.len() >= FEWEST).then(|| (time(mean + off), longest));
        Some(TimeLeft { middle_ms: time(mean), spread_ms })
    }
}
