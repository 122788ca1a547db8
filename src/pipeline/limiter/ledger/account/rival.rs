//! What else would explain a refusal, and how it is found out.
//!
//! After twelve admitted calls, "come again in 5 s" fits two models: a sliding window of 5 s, and a
//! bucket that gives one call in 5 s. The window allows twelve times as much. It is taken for the bucket, which is refused nothing if it was the
//! window. But once, when the bucket is surely empty, one call more is sent. Only the window takes it.

use super::{Account, COARSE_MS, MARGIN_MS, Refused, Window};

/// How much earlier than is known a bucket may give.
const EARLY_US: u64 = 2 * MARGIN_MS * 1000;

/// A window that explains what is taken for a bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rival {
    /// Its length.
    ms: u64,
    /// When the bucket would have given `amount`.
    opened_at: u64,
    amount: u64,
    /// How much earlier than is known the bucket may give.
    early_us: u64,
    /// When the call was sent that tells them apart.
    sent: Option<u64>,
}

/// What a call would be, as long as there is a rival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// The bucket has room for it.
    Nothing,
    /// Perhaps it has.
    Little,
    /// It has none, so that its answer tells.
    All,
}

impl Account {
    /// A bucket explains a refusal; so would a window of this length, if there is any.
    pub(super) fn rivalled_by(&mut self, ms: Option<u64>, refused: &Refused, free_at: u64) {
        let Window::Bucket { unit_us, .. } = self.window else { return };
        let (opened_at, amount) = (free_at, refused.amount);
        let rounded_us = if refused.is_coarse() { COARSE_MS * 1000 } else { 0 };
        let early_us = EARLY_US + rounded_us;
        // Where it may have given more than this in a second that was rounded, it is not known when
        // it is empty.
        let is_known = rounded_us == 0 || unit_us.saturating_mul(amount) > early_us;
        let is_told_apart = |ms: &u64| ms * 5 < self.window_ms() * 4 && is_known;
        let faster = ms.filter(is_told_apart);
        self.rival = faster.map(|ms| Rival { ms, opened_at, amount, early_us, sent: None });
    }

    /// What would be asked by a call that is sent now.
    fn asks(&self, rival: Rival, now: u64, amount: u64, unit_us: u64) -> Option<Asks> {
        let Rival { opened_at, early_us, .. } = rival;
        let taken = self.taken_since(opened_at);
        if rival.sent.is_some() || now < opened_at || taken == 0 {
            return None;
        }
        let since_us = (now - opened_at) * 1000;
        let given_us = unit_us.saturating_mul(rival.amount).saturating_add(since_us);
        let wanted_us = unit_us.saturating_mul(taken + amount);
        Some(if wanted_us > given_us.saturating_add(early_us) {
            Asks::All
        } else if wanted_us.saturating_add(early_us) > given_us {
            Asks::Little
        } else {
            Asks::Nothing
        })
    }

    /// When a call is to be sent to find out, whatever the bucket is thought to have.
    pub(super) fn asked_at(&self, now: u64, amount: u64, unit_us: u64) -> Option<u64> {
        match self.rival.and_then(|rival| self.asks(rival, now, amount, unit_us))? {
            Asks::All => Some(now),
            Asks::Little => None,
            // What it has saved up is used up first, at twice its pace: if that is refused, the
            // pace is wrong.
            Asks::Nothing => {
                let half_ms = unit_us.saturating_mul(amount) / 2000;
                Some(now.max(self.last_taken(now).saturating_add(half_ms)))
            }
        }
    }

    /// A call is sent.
    pub(super) fn ask(&mut self, now: u64, amount: u64) {
        let (Some(rival), Window::Bucket { unit_us, .. }) = (self.rival, self.window) else {
            return;
        };
        if self.asks(rival, now, amount, unit_us) == Some(Asks::All) {
            self.rival = Some(Rival { sent: Some(now), ..rival });
        }
    }

    /// What a call was to tell is not known: it came to nothing, or was refused by chance.
    pub(super) fn ask_again(&mut self, sent: u64) {
        if let Some(rival) = self.rival.as_mut().filter(|rival| rival.sent == Some(sent)) {
            rival.sent = None;
        }
    }

    /// A call was answered: if it was more than a bucket has, there is none.
    pub(super) fn decide(&mut self, now: u64, sent: u64) {
        if let Some(rival) = self.rival.filter(|rival| rival.sent == Some(sent)) {
            self.change(now, Window::Sliding { ms: rival.ms });
        }
    }

    /// Whether a refusal only says that it is a bucket, as was thought.
    pub(super) fn is_decided(&mut self, refused: &Refused, free_at: u64) -> bool {
        let Window::Bucket { unit_us, .. } = self.window else { return false };
        let is_asked = |rival: &Rival| rival.sent == Some(refused.sent);
        let Some(rival) = self.rival.take_if(|rival| is_asked(rival)) else { return false };
        let amount_us = unit_us.saturating_mul(refused.amount);
        let wanted = self.taken_since(rival.opened_at) + refused.amount;
        let more_us = unit_us.saturating_mul(wanted.saturating_sub(rival.amount));
        let due_us = (rival.opened_at * 1000).saturating_add(more_us);
        due_us.abs_diff(free_at * 1000) <= amount_us / 10 + rival.early_us
    }

    fn taken_since(&self, at: u64) -> u64 {
        self.taken.iter().rev().take_while(|(sent, _)| *sent >= at).map(|(_, amount)| amount).sum()
    }
}
