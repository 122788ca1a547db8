//! How many pages a model can have answered by a time.
//!
//! A prompt starts when the quota lets it, takes the draw of the page that leads it, and then what its
//! pages take: input that is read and output that is written. Which draws meet which starts, and which
//! pages which prompts, is for a scheduler to choose. Two counts hold whatever it chooses:
//!
//! - Of the prompts that have ended by a time, those with at least n pages have starts and draws that
//!   leave room for n of the cheapest pages. So there are no more of them than starts can be matched
//!   with draws that way; and the pages in all prompts are these numbers, summed over n.
//! - Together, k prompts leave no more time for pages than k times the whole, less the k earliest
//!   starts and the k quickest draws.

use crate::study::measure::bound::starts::Start;

/// The prompts that a model may be sent.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    /// The draws of the pages that lead them, in microseconds, the quickest first.
    draws_us: Vec<u64>,
    /// Sums of the first draws.
    draw_sums_us: Vec<u64>,
    /// What a prompt takes whatever its pages, in microseconds.
    fixed_us: u64,
    /// What the n cheapest pages take, from one to the most that a prompt holds.
    cheapest_us: Vec<u64>,
}

/// What is done by a time, at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    pages: u64,
    work_us: u64,
}

impl Done {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            pages: self.pages.saturating_add(other.pages),
            work_us: self.work_us.saturating_add(other.work_us),
        }
    }

    /// Whether that is as much.
    pub fn covers(self, pages: u64, work_us: u64) -> bool {
        self.pages >= pages && self.work_us >= work_us
    }
}

impl Prompts {
    /// Prompts about pages that add this much to a prompt, at most `most` of them in each.
    pub fn new(mut draws_us: Vec<u64>, fixed_us: u64, costs_us: &[u64], most: u64) -> Self {
        draws_us.sort_unstable();
        draws_us.truncate(costs_us.len());
        let draw_sums_us = running(&draws_us);
        let mut cheapest = costs_us.to_vec();
        cheapest.sort_unstable();
        cheapest.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Self { draw_sums_us, draws_us, fixed_us, cheapest_us: running(&cheapest) }
    }

    /// What a prompt of one page takes at least, in milliseconds.
    pub fn shortest_ms(&self) -> u64 {
        let page_us = self.cheapest_us.first().copied().unwrap_or(0);
        let quickest_us = self.draws_us.first().copied().unwrap_or(0);
        quickest_us.saturating_add(self.fixed_us).saturating_add(page_us).div_ceil(1000)
    }

    /// What they can have done by a time.
    pub fn done_by(&self, starts: &[Start], end_ms: u64) -> Done {
        Done { pages: self.pages_by(starts, end_ms), work_us: self.work_by(starts, end_ms) }
    }

    fn pages_by(&self, starts: &[Start], end_ms: u64) -> u64 {
        let end_us = end_ms.saturating_mul(1000);
        let prompts_of = |pages_us: &u64| {
            let room_us = end_us.checked_sub(self.fixed_us.saturating_add(*pages_us));
            room_us.map_or(0, |room_us| self.matched(starts, room_us))
        };
        self.cheapest_us.iter().map(prompts_of).take_while(|prompts| *prompts > 0).sum()
    }

    /// How many starts can be matched with draws so that each pair is over by `room_us`: the latest
    /// start takes the quickest draw.
    fn matched(&self, starts: &[Start], room_us: u64) -> u64 {
        let mut taken = 0;
        for start in starts.iter().rev() {
            let Some(left_us) = room_us.checked_sub(start.at_ms.saturating_mul(1000)) else {
                continue;
            };
            let quick = self.draws_us.partition_point(|draw| *draw <= left_us) as u64;
            taken += start.calls.min(quick.saturating_sub(taken));
        }
        taken
    }

    /// The time that is left for pages in the prompts that end by a time.
    fn work_by(&self, starts: &[Start], end_ms: u64) -> u64 {
        let (mut taken, mut work_us) = (0_usize, 0_u64);
        for start in starts {
            let Some(left_ms) = end_ms.checked_sub(start.at_ms) else { break };
            let left_us = left_ms.saturating_mul(1000).checked_sub(self.fixed_us);
            let Some(left_us) = left_us else { break };
            let quick = self.draws_us.partition_point(|draw| *draw <= left_us);
            let calls = usize::try_from(start.calls).unwrap_or(usize::MAX);
            let prompts = calls.min(quick.saturating_sub(taken));
            let drawn_us = self.drawn_us(taken + prompts).saturating_sub(self.drawn_us(taken));
            let all_us = (prompts as u64).saturating_mul(left_us);
            work_us = work_us.saturating_add(all_us.saturating_sub(drawn_us));
            taken += prompts;
            if prompts < calls {
                break;
            }
        }
        work_us
    }

    /// The sum of the first draws.
    fn drawn_us(&self, count: usize) -> u64 {
        count.checked_sub(1).and_then(|last| self.draw_sums_us.get(last)).copied().unwrap_or(0)
    }
}

fn running(values: &[u64]) -> Vec<u64> {
    let mut sum = 0_u64;
    let add = |value: &u64| {
        sum = sum.saturating_add(*value);
        sum
    };
    values.iter().map(add).collect()
}

/// The least time at which something holds that, once it holds, goes on to hold; `from` is one at
/// which it does not, or the answer.
pub fn least_time(from: u64, holds: impl Fn(u64) -> bool) -> u64 {
    if holds(from) {
        return from;
    }
    let (mut low, mut step) = (from, 64_u64);
    while step < u64::MAX / 4 && !holds(low.saturating_add(step)) {
        low = low.saturating_add(step);
        step = step.saturating_mul(2);
    }
    let mut high = low.saturating_add(step);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}
