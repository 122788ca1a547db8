//! The log of calls: the only thing that the limiter remembers of the past.

/// What became of a call, for the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is on its way.
    InFlight,
    /// The quota let it pass.
    Admitted,
    /// The quota refused it.
    Refused(Told),
    /// It took nothing and says nothing.
    Void,
}

/// What a refusal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Told {
    /// The limit.
    pub(super) limit: Option<u64>,
    /// When the call would be admitted.
    pub(super) free_at: Option<u64>,
    /// Whether that time was rounded up to a second.
    pub(super) is_rounded: bool,
}

/// A call as the quota sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// When it was sent.
    pub(super) at: u64,
    /// What it takes.
    pub(super) amount: u64,
    /// What became of it.
    pub(super) fate: Fate,
    /// What was taken up to and with it.
    sums: Sums,
}

/// Sums of what was taken: by calls that were not refused, and by all.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    admitted: u64,
    asked: u64,
}

/// The calls in the order in which they were sent. A position is the number of calls before it, those
/// included that are forgotten.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    entries: Vec<Entry>,
    forgotten: usize,
    before: Sums,
    most: usize,
}

impl Sums {
    fn of(self, with_refused: bool) -> u64 {
        if with_refused { self.asked } else { self.admitted }
    }

    fn with(self, entry: &Entry) -> Self {
        let (admitted, asked) = match entry.fate {
            Fate::InFlight | Fate::Admitted => (entry.amount, entry.amount),
            Fate::Refused(_) => (0, entry.amount),
            Fate::Void => (0, 0),
        };
        Self {
            admitted: self.admitted.saturating_add(admitted),
            asked: self.asked.saturating_add(asked),
        }
    }
}

impl Log {
    /// An empty log that remembers this number of calls at most.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// The position after the last call.
    pub(super) fn end(&self) -> usize {
        self.forgotten + self.entries.len()
    }

    /// The position of the first call that is remembered.
    pub(super) fn begin(&self) -> usize {
        self.forgotten
    }

    /// The calls from one position to before another.
    pub(super) fn between(&self, from: usize, to: usize) -> &[Entry] {
        let place = |at: usize| at.saturating_sub(self.forgotten).min(self.entries.len());
        &self.entries[place(from).min(place(to))..place(to)]
    }

    /// A call is sent.
    pub(super) fn push(&mut self, at: u64, amount: u64) {
        let mut entry = Entry { at, amount, fate: Fate::InFlight, sums: Sums::default() };
        entry.sums = self.sums_before(self.end()).with(&entry);
        self.entries.push(entry);
        if self.entries.len() > self.most {
            let half = self.entries.len() / 2;
            self.before = self.entries[half - 1].sums;
            self.forgotten += half;
            self.entries.drain(..half);
        }
    }

    /// The position of a call of this time and amount that is on its way: of several the first where it
    /// was admitted, the last where it was not.
    pub(super) fn in_flight(&self, at: u64, amount: u64, is_admitted: bool) -> Option<usize> {
        let end = self.entries.partition_point(|entry| entry.at <= at);
        let begin = self.entries.partition_point(|entry| entry.at < at);
        let is_it = |place: &usize| {
            let entry = &self.entries[*place];
            entry.amount == amount && entry.fate == Fate::InFlight
        };
        let mut places = begin..end;
        let found = if is_admitted { places.find(is_it) } else { places.rfind(is_it) };
        found.map(|place| self.forgotten + place)
    }

    /// A call ended like this, and took this amount.
    pub(super) fn settle(&mut self, position: usize, fate: Fate, amount: u64) {
        let Some(at) = position.checked_sub(self.forgotten) else { return };
        let mut sums = self.sums_before(position);
        let Some(entry) = self.entries.get_mut(at) else { return };
        (entry.fate, entry.amount) = (fate, amount);
        for entry in &mut self.entries[at..] {
            sums = sums.with(entry);
            entry.sums = sums;
        }
    }

    /// The position of the first call that was sent after this time.
    pub(super) fn after(&self, at: u64) -> usize {
        self.forgotten + self.entries.partition_point(|entry| entry.at <= at)
    }

    /// What was taken after a time, by calls before a position.
    pub(super) fn used_since(&self, after: u64, end: usize, with_refused: bool) -> u64 {
        let to = self.sums_before(end).of(with_refused);
        to.saturating_sub(self.sums_before(self.after(after).min(end)).of(with_refused))
    }

    /// What was taken by all calls before a position.
    pub(super) fn taken_before(&self, end: usize, with_refused: bool) -> u64 {
        self.sums_before(end).of(with_refused)
    }

    /// When the call was sent, of those before a position, with which `amount` had been taken in all;
    /// nothing where that was before all that is remembered.
    pub(super) fn when_taken(&self, amount: u64, end: usize, with_refused: bool) -> Option<u64> {
        if amount <= self.before.of(with_refused) {
            return None;
        }
        let before = self.between(self.forgotten, end);
        let place = before.partition_point(|entry| entry.sums.of(with_refused) < amount);
        before.get(place).or(before.last()).map(|entry| entry.at)
    }

    /// When the last call before this position was sent that was admitted.
    pub(super) fn last_admitted(&self, end: usize) -> Option<u64> {
        let before = self.between(self.forgotten, end);
        before.iter().rev().find(|entry| entry.fate == Fate::Admitted).map(|entry| entry.at)
    }

    /// Whether the last call took more than one of these sums.
    pub(super) fn has_passed(&self, sums: &[u64]) -> bool {
        let Some(last) = self.entries.last() else { return false };
        let before = self.sums_before(self.end() - 1).asked;
        sums.iter().any(|sum| (before..last.sums.asked).contains(sum))
    }

    /// When the last call was sent.
    pub(super) fn last_sent(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.at)
    }

    /// When the first call was sent; nothing once it is forgotten.
    pub(super) fn first(&self) -> Option<u64> {
        if self.forgotten > 0 { None } else { self.entries.first().map(|entry| entry.at) }
    }

    fn sums_before(&self, position: usize) -> Sums {
        let place = position.saturating_sub(self.forgotten).min(self.entries.len());
        place.checked_sub(1).map_or(self.before, |last| self.entries[last].sums)
    }
}
