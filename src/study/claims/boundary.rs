//! Where a claim begins and ceases to hold: a scan over a range, then bisection between points that
//! differ.

use std::collections::BTreeMap;

/// Where something holds, of the whole numbers that were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    tried: BTreeMap<u64, bool>,
}

/// A stretch in which something holds: from its first to its last number, where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldingRange {
    /// The first number; none if it holds from the start of the range on.
    pub from: Option<u64>,
    /// The last number; none if it holds to the end of the range.
    pub to: Option<u64>,
}

impl Boundary {
    /// Tries these points, and whatever it takes to know each change between two of them exactly.
    /// A stretch that lies wholly between two points is not seen.
    pub fn find<E>(
        points: &[u64],
        mut holds: impl FnMut(u64) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut tried = BTreeMap::new();
        for point in points {
            tried.insert(*point, holds(*point)?);
        }
        for pair in points.windows(2) {
            let (mut low, mut high) = (pair[0], pair[1]);
            let at_low = tried[&low];
            if at_low == tried[&high] {
                continue;
            }
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                let at_middle = holds(middle)?;
                tried.insert(middle, at_middle);
                if at_middle == at_low { low = middle } else { high = middle }
            }
        }
        Ok(Self { tried })
    }

    /// The range that was tried.
    pub fn range(&self) -> (u64, u64) {
        let first = self.tried.keys().next().copied().unwrap_or(0);
        (first, self.tried.keys().next_back().copied().unwrap_or(0))
    }

    /// The stretches in which it holds, in order.
    pub fn stretches(&self) -> Vec<HoldingRange> {
        let mut found: Vec<HoldingRange> = Vec::new();
        let mut before = None;
        let mut last = None;
        for (x, holds) in &self.tried {
            match (before, holds) {
                (None, true) => found.push(HoldingRange { from: None, to: None }),
                (Some(false), true) => found.push(HoldingRange { from: Some(*x), to: None }),
                (Some(true), false) => {
                    if let Some(open) = found.last_mut() {
                        open.to = last;
                    }
                }
                _ => {}
            }
            (before, last) = (Some(*holds), Some(*x));
        }
        found
    }

    /// Whether it holds wherever it was tried.
    pub fn is_all(&self) -> bool {
        self.tried.values().all(|holds| *holds)
    }

    /// Whether it changes at most once.
    pub fn is_monotone(&self) -> bool {
        let mut values = self.tried.values();
        let changes = values.next().map_or(0, |first| {
            let mut last = first;
            values.filter(|value| std::mem::replace(&mut last, *value) != *value).count()
        });
        changes <= 1
    }

    /// What was tried, in order.
    pub fn tried(&self) -> impl Iterator<Item = (u64, bool)> {
        self.tried.iter().map(|(x, holds)| (*x, *holds))
    }
}
