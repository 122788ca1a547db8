//! The limit of a site whose refusals cost next to nothing, such as Confluence's.
//!
//! Calls in flight grow by one with each answer, which doubles them in each round trip, and are halved
//! once for all that fails together. Starts are kept in an account: as many calls as the quota has may
//! start in its window. Where answers state the quota and what is left of it, that is the account, and
//! nothing is refused; other clients' calls are in what is left. Where a site says nothing until it
//! refuses, the refusals teach it: as many calls as were taken in a window may start in such a window
//! again. Which window that is follows from the wait that the refusal states; if the account has room
//! and a call is refused all the same, the window is a longer one. From time to time a few more calls
//! are tried.

use std::collections::VecDeque;
use std::time::Duration;

use super::algorithm::{EndedCall, Limit, Outcome, Start};
use crate::pipeline::provider::stated_quota::{Remainder, Stated};

/// The windows that quotas have, in milliseconds.
const WINDOWS_MS: [u64; 10] =
    [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];
/// A stated wait may be rounded up to a whole second.
const ROUNDED_MS: u64 = 1_000;
/// A stated reset is rounded up, and the answer's date down.
const RESET_ROUNDED_MS: u64 = 2_000;
/// A call that starts this much before its place in a window is free may come too early.
const MARGIN_MS: u64 = 1;
/// After each window without a refusal, one more call is tried for every 16 that may start.
const TRIED_OF: u64 = 16;
/// A site whose quota is there again later than this says nothing of use: it is asked.
const LONGEST_RESET_MS: u64 = 3_700_000;
/// From fewer calls than these no quota is inferred.
const FEW_CALLS: u64 = 4;
/// Starts that are remembered.
const MOST_STARTS: usize = 100_000;

/// What the site says is left.
#[derive(Debug, Clone, Copy)]
struct StatedRest {
    /// When the call was sent whose answer says so.
    sent: u64,
    left: u64,
    /// When all of it is there again.
    until: u64,
}

/// Calls that a window takes, as far as refusals have taught.
#[derive(Debug, Clone, Copy)]
struct Account {
    calls: u64,
    /// Without those that are only tried.
    proved: u64,
    window_ms: u64,
    /// When more are tried next.
    tried_at: u64,
}

/// The pace of a site.
#[derive(Debug, Clone)]
pub struct SitePace {
    ceiling: u64,
    limit: u64,
    last_cut: Option<u64>,
    stated: Option<StatedRest>,
    account: Option<Account>,
    /// When calls started that were not refused, the last at the end.
    starts: VecDeque<u64>,
}

impl SitePace {
    /// A pace of which nothing is known: `start` calls in flight at first, `ceiling` at most.
    pub fn new(start: u64, ceiling: u64) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            limit: start.clamp(1, ceiling),
            last_cut: None,
            stated: None,
            account: None,
            starts: VecDeque::new(),
        }
    }

    /// Calls that started after a time, and were not refused.
    fn started_after(&self, at: u64) -> u64 {
        (self.starts.len() - self.starts.partition_point(|start| *start <= at)) as u64
    }

    /// Calls that started within a window before a time.
    fn used_before(&self, at: u64, window_ms: u64) -> u64 {
        let until = self.starts.partition_point(|start| *start < at);
        let from = self.starts.partition_point(|start| *start + window_ms <= at);
        until.saturating_sub(from) as u64
    }

    /// When the account lets another call start.
    fn account_free_at(&self) -> u64 {
        let Some(Account { calls, window_ms, .. }) = self.account else { return 0 };
        let calls = usize::try_from(calls).unwrap_or(usize::MAX);
        let before = self.starts.len().checked_sub(calls).and_then(|at| self.starts.get(at));
        before.map_or(0, |start| start + window_ms + MARGIN_MS)
    }

    /// When there is something left of what the site has stated.
    fn stated_free_at(&self, now: u64) -> u64 {
        let Some(StatedRest { sent, left, until }) = self.stated else { return 0 };
        let Some(Account { window_ms, .. }) = self.account else {
            return if left > 0 { 0 } else { until };
        };
        // What was counted then and has left the window since is there again.
        let counted_from = self.starts.partition_point(|start| *start + window_ms <= sent);
        let counted_to = self.starts.partition_point(|start| *start <= sent);
        let held_from = self.starts.partition_point(|start| *start + window_ms < now);
        let regained = held_from.min(counted_to).saturating_sub(counted_from);
        if left.saturating_add(regained as u64) > self.started_after(sent) {
            return 0;
        }
        let next = self.starts.get(held_from);
        next.map_or(until, |start| until.min(start + window_ms + MARGIN_MS))
    }

    /// Takes over what an answer states.
    fn state(&mut self, now: u64, sent: u64, limit: Option<u64>, left: Remainder) {
        let Remainder { amount: calls, reset } = left;
        if millis(reset) > LONGEST_RESET_MS {
            return;
        }
        let until = now + millis(reset);
        self.stated = Some(StatedRest { sent, left: calls, until });
        let Some(limit) = limit else { return };
        // A window that slides has all its calls again so long after the last one; one that begins
        // anew may have them sooner.
        let least = (until - sent).saturating_sub(RESET_ROUNDED_MS);
        let known = self.account.map_or(0, |account| account.window_ms);
        let window = WINDOWS_MS.into_iter().find(|window| *window >= least);
        let window_ms = window.unwrap_or(until - sent).max(known);
        let calls = limit.max(1);
        self.account = Some(Account { calls, proved: calls, window_ms, tried_at: u64::MAX });
    }

    fn answered(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        if ended.in_flight * 2 >= self.limit {
            self.limit = (self.limit + 1).min(self.ceiling);
        }
        let is_news = self.stated.is_none_or(|stated| sent >= stated.sent);
        let left = ended.verdict.quotas.first().filter(|_| is_news);
        if let Some(Stated { limit, left: Some(left), .. }) = left {
            self.state(now, sent, *limit, *left);
        }
        if let Some(account) = &mut self.account
            && now >= account.tried_at
        {
            account.proved = account.calls;
            account.calls += (account.calls / TRIED_OF).max(1);
            account.tried_at = now + account.window_ms;
        }
    }

    /// A call that took nothing of the quota.
    fn forget(&mut self, sent: u64) {
        if let Ok(at) = self.starts.binary_search(&sent) {
            self.starts.remove(at);
        }
    }

    fn refused(&mut self, now: u64, sent: u64, ended: &EndedCall) {
        self.forget(sent);
        if self.last_cut.is_some_and(|cut| sent < cut) {
            return;
        }
        self.last_cut = Some(now);
        match ended.verdict.hint {
            Some(wait) => self.learn(now, sent, millis(wait)),
            None => self.limit = (self.limit / 2).max(1),
        }
    }

    /// Learns from a refusal that states a wait.
    fn learn(&mut self, now: u64, sent: u64, wait_ms: u64) {
        let at_least = wait_ms.saturating_sub(ROUNDED_MS);
        let at_least = match self.account {
            Some(account) if self.used_before(sent, account.window_ms) >= account.proved => {
                // More was tried than there is; or as much, and somebody else was there.
                let calls = account.proved.min(self.used_before(sent, account.window_ms)).max(1);
                let tried_at = now + account.window_ms * TRIED_OF;
                self.account = Some(Account { calls, proved: calls, tried_at, ..account });
                return;
            }
            Some(account) => at_least.max(account.window_ms + 1),
            None => at_least,
        };
        let longest = WINDOWS_MS[WINDOWS_MS.len() - 1];
        let window = WINDOWS_MS.into_iter().find(|window| *window >= at_least);
        let window_ms = window.unwrap_or(longest);
        let calls = self.used_before(sent, window_ms);
        if calls < FEW_CALLS {
            // A quota is rarely as small; who used it up is not known.
            self.limit = (self.limit / 2).max(1);
            return;
        }
        // What began with the first of them is over when the wait is.
        let first = self.starts.partition_point(|start| *start + window_ms <= sent);
        let first = self.starts.get(first);
        let window_ms =
            first.map_or(window_ms, |first| window_ms.min((sent - first).saturating_add(wait_ms)));
        let tried_at = now.saturating_add(wait_ms).saturating_add(window_ms);
        self.account = Some(Account { calls, proved: calls, window_ms, tried_at });
    }

    fn failed(&mut self, now: u64, sent: u64) {
        if self.last_cut.is_none_or(|cut| sent >= cut) {
            self.last_cut = Some(now);
            self.limit = (self.limit / 2).max(1);
        }
    }
}

impl Limit for SitePace {
    fn current(&self) -> u64 {
        self.limit
    }

    fn next_start(&mut self, now: Duration, _: u64) -> Start {
        let now = millis(now);
        if let Some(stated) = self.stated.filter(|stated| now >= stated.until) {
            // All that was counted then is there again.
            self.starts.retain(|start| *start > stated.sent);
            self.stated = None;
        }
        let at = match (self.stated, self.account) {
            // More is left than there is in all: that is no account to keep.
            (Some(stated), Some(account)) if stated.left > account.calls => 0,
            (Some(stated), _) => {
                self.stated_free_at(now).max(self.account_free_at()).min(stated.until)
            }
            (None, _) => self.account_free_at(),
        };
        if at > now { Start::At(Duration::from_millis(at)) } else { Start::Now }
    }

    fn on_start(&mut self, now: Duration, _: u64) {
        if self.starts.len() >= MOST_STARTS {
            self.starts.pop_front();
        }
        self.starts.push_back(millis(now));
    }

    fn on_end(&mut self, now: Duration, ended: &EndedCall) {
        let (now, sent) = (millis(now), millis(ended.sent));
        match ended.verdict.outcome {
            Outcome::Success => self.answered(now, sent, ended),
            Outcome::RateLimited => self.refused(now, sent, ended),
            Outcome::Failed => self.failed(now, sent),
            Outcome::Ignored => self.forget(sent),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
