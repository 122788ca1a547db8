//! The quota of a model as its clients share it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::calendar::Calendar;
use crate::fakes::quota::{Leeway, Quota, QuotaConfig, Refusal, Remaining};
use crate::rng::Draw;
use crate::units::{Count, Ratio, Whole};

/// Another client of the same account: it uses the quota of the model under test as well, evenly
/// and whatever we do. It does not come again with a call that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NeighbourConfig {
    /// How many calls it sends in `per_s` seconds, the first at `from_s`.
    pub requests: Count,
    /// Seconds (default: 60).
    #[serde(default = "minute")]
    pub per_s: Whole<1, 86_400>,
    /// The input tokens of each (default: 500).
    #[serde(default = "usual")]
    pub tokens: Count,
    /// When it comes, in seconds from virtual zero (default: 0).
    #[serde(default = "from_the_start", skip_serializing_if = "is_from_the_start")]
    pub from_s: Whole<0, 8_640_000>,
    /// When it leaves (default: never).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_s: Option<Whole<1, 8_640_000>>,
}

impl fmt::Display for NeighbourConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests in {} s", self.requests, self.per_s)?;
        if !is_from_the_start(&self.from_s) {
            write!(f, " from {} s on", self.from_s)?;
        }
        self.until_s.map_or(Ok(()), |until_s| write!(f, " until {until_s} s"))
    }
}

impl NeighbourConfig {
    /// What is wrong with it, if something is.
    pub fn problem(&self) -> Option<String> {
        let until_s = self.until_s.filter(|until| until.get() <= self.from_s.get())?;
        Some(format!(
            "expected a neighbour to come before it leaves, found from_s = {} and until_s = {until_s}",
            self.from_s
        ))
    }
}

/// The two forms of neighbours, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum NeighbourForms {
    /// One.
    One(NeighbourConfig),
    /// Several.
    Many(Vec<NeighbourConfig>),
}

fn from_the_start() -> Whole<0, 8_640_000> {
    Whole::new(0).expect("0 lies within 0 to 8640000")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_from_the_start(from_s: &Whole<0, 8_640_000>) -> bool {
    from_s.get() == 0
}

fn minute() -> Whole<1, 86_400> {
    Whole::new(60).expect("60 lies within 1 to 86400")
}

fn usual() -> Count {
    Count::new(500).expect("500 is a count")
}

/// What a neighbour's calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Visits {
    pub(super) admitted: u64,
    pub(super) refused: u64,
}

/// A quota with its other clients.
#[derive(Debug)]
pub(super) struct Meter {
    quota: Quota,
    neighbours: Vec<Neighbour>,
    /// The length of the quota's first window.
    window_ms: u64,
    looseness: Option<Ratio>,
}

/// A neighbour, as far as it has come.
#[derive(Debug)]
struct Neighbour {
    config: NeighbourConfig,
    /// How many calls it has sent, and in how many groups.
    sent: u64,
    groups: u64,
}

/// A window never holds more groups of a neighbour's calls than this.
const GROUPS_OF_WINDOW: u64 = 1_000_000;
/// Groups of one size. After each such number of them a group spans one millisecond more, so that
/// the work grows with the root of the time.
const GROUPS_OF_GRAIN: u64 = 1_000_000;

impl Neighbour {
    fn per_ms(&self) -> u128 {
        u128::from(self.config.per_s.get()) * 1000
    }

    /// When it sends its next call; never, once it has left.
    fn next_ms(&self) -> Option<u64> {
        let after_ms =
            u128::from(self.sent) * self.per_ms() / u128::from(self.config.requests.get());
        let after_ms = u64::try_from(after_ms).unwrap_or(u64::MAX);
        let at_ms = (self.config.from_s.get() * 1000).saturating_add(after_ms);
        let is_there = |until: Whole<1, 8_640_000>| at_ms < until.get() * 1000;
        self.config.until_s.is_none_or(is_there).then_some(at_ms)
    }

    /// How many calls it has sent by a time.
    fn sent_by(&self, at_ms: u64) -> u64 {
        let last_ms = self.config.until_s.map_or(u64::MAX, |until| until.get() * 1000 - 1);
        let Some(there_ms) = at_ms.min(last_ms).checked_sub(self.config.from_s.get() * 1000) else {
            return 0;
        };
        let requests = u128::from(self.config.requests.get());
        let sent = ((u128::from(there_ms) + 1) * requests).div_ceil(self.per_ms());
        u64::try_from(sent).unwrap_or(u64::MAX)
    }
}

impl Meter {
    pub(super) fn new(quota: Quota, config: &QuotaConfig, neighbours: &[NeighbourConfig]) -> Self {
        let (window_ms, looseness) = (config.per_s.get() * 1000, config.looseness);
        let neighbours =
            neighbours.iter().map(|config| Neighbour { config: *config, sent: 0, groups: 0 });
        Self { quota, neighbours: neighbours.collect(), window_ms, looseness }
    }

    /// Lets the neighbours send what they have to send up to now, one after the other in time. Calls
    /// of the same millisecond are taken in one go, which comes to the same; those of several
    /// milliseconds only where the groups of one millisecond would be too many to count.
    pub(super) fn visit(&mut self, now_ms: u64, calendar: &Calendar) -> Visits {
        let mut visits = Visits::default();
        loop {
            let coming = self.neighbours.iter_mut().filter_map(|one| Some((one.next_ms()?, one)));
            let first =
                coming.filter(|(at_ms, _)| *at_ms <= now_ms).min_by_key(|(at_ms, _)| *at_ms);
            let Some((at_ms, neighbour)) = first else { return visits };
            let grain_ms =
                (self.window_ms / GROUPS_OF_WINDOW).max(1 + neighbour.groups / GROUPS_OF_GRAIN);
            let last_ms = at_ms.saturating_add(grain_ms - 1).min(now_ms);
            let calls = neighbour.sent_by(last_ms).saturating_sub(neighbour.sent).max(1);
            let tokens = neighbour.config.tokens.get();
            let admitted = self.quota.admit_many(at_ms, calls, tokens, calendar);
            visits.admitted = visits.admitted.saturating_add(admitted);
            visits.refused = visits.refused.saturating_add(calls - admitted);
            neighbour.sent = neighbour.sent.saturating_add(calls);
            neighbour.groups += 1;
        }
    }

    /// Takes a call of this many input tokens, or says why not, the longest wait first. `luck` is
    /// drawn for the call, and decides how exactly the service counts.
    pub(super) fn admit(
        &mut self,
        now_ms: u64,
        tokens: u64,
        calendar: &Calendar,
        luck: Draw,
    ) -> Result<(), Vec<Refusal>> {
        let leeway = match self.looseness {
            Some(share) if luck.happens(share) => match luck.sequence().below(2) {
                0 => Leeway::OneMore,
                _ => Leeway::OneFewer,
            },
            _ => Leeway::None,
        };
        self.quota.admit_with(now_ms, tokens, calendar, leeway)
    }

    /// What is left of its windows.
    pub(super) fn left(&mut self, now_ms: u64) -> Vec<(&'static str, Remaining)> {
        self.quota.left(now_ms)
    }
}
