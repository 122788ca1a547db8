//! How a limiter stands against its rivals, over all random worlds.

use super::result::RandomResult;
use crate::pipeline::config::LimiterKind;
use crate::study::league::league::SeedResult;
use crate::units::Share;

/// The limiters by which the others are measured: what the AWS SDKs, Netflix and Google's book have.
pub const RIVALS: [LimiterKind; 3] = [LimiterKind::Cubic, LimiterKind::Aimd, LimiterKind::Sre];

/// A time that never came.
const NEVER: u64 = u64::MAX;

/// The makespan of a kind divided by the makespan of the fastest rival that lost no page, in thousandths;
/// nothing where each rival lost pages, or the kind itself did.
pub fn ratio_milli(result: &RandomResult, kind: LimiterKind) -> Option<u64> {
    let best = best_rival(result)?;
    let own = result.of(kind).filter(|one| one.finished)?;
    Some(own.makespan_ms.saturating_mul(1000) / best.makespan_ms.max(1))
}

fn best_rival(result: &RandomResult) -> Option<&SeedResult> {
    let all = RIVALS.iter().filter_map(|rival| result.of(*rival));
    all.filter(|one| one.finished).min_by_key(|one| one.makespan_ms)
}

/// How a limiter stands over some results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgainstRivals {
    /// In how many results some rival lost no page.
    pub played: u64,
    /// In how many of them it lost some.
    pub unfinished: u64,
    /// The times over the best rival's, sorted; without an end where it lost pages.
    ratios_milli: Vec<u64>,
    /// The 429s, of the calls.
    pub refused: Share,
}

impl AgainstRivals {
    /// Of this kind over these results.
    pub fn of<'a>(results: impl Iterator<Item = &'a RandomResult>, kind: LimiterKind) -> Self {
        let mut standing = Self {
            played: 0,
            unfinished: 0,
            ratios_milli: Vec::new(),
            refused: Share { num: 0, den: 0 },
        };
        for result in results {
            let Some(own) = result.of(kind) else { continue };
            standing.refused.num += own.rate_limited.num;
            standing.refused.den += own.rate_limited.den;
            if best_rival(result).is_none() {
                continue;
            }
            standing.played += 1;
            let ratio = ratio_milli(result, kind);
            standing.unfinished += u64::from(ratio.is_none());
            standing.ratios_milli.push(ratio.unwrap_or(NEVER));
        }
        standing.ratios_milli.sort_unstable();
        standing
    }

    /// A percentile of the times over the best rival's, in thousandths; nothing where that is without an
    /// end.
    pub fn percentile_milli(&self, percent: usize) -> Option<u64> {
        let rank = (self.ratios_milli.len() * percent).div_ceil(100).max(1);
        self.ratios_milli.get(rank - 1).copied().filter(|ratio| *ratio != NEVER)
    }
}

/// A world in which a rival is clearly better.
#[derive(Debug, Clone, Copy)]
pub struct BetterRival<'a> {
    /// Where.
    pub result: &'a RandomResult,
    /// Which: the fastest of them.
    pub rival: LimiterKind,
    /// What came of it.
    pub theirs: &'a SeedResult,
    /// What came of the limiter that learns.
    pub ours: &'a SeedResult,
}

impl<'a> BetterRival<'a> {
    /// The rival that is clearly better than the limiter that learns, if one is: it loses no page,
    /// and is faster by a tenth and by two seconds with at most one 429 more; or ours loses pages.
    pub fn in_result(result: &'a RandomResult) -> Option<Self> {
        const LEAST_MS: u64 = 2_000;
        let ours = result.of(LimiterKind::Quota)?;
        let finished = RIVALS.into_iter().filter_map(|rival| Some((rival, result.of(rival)?)));
        let is_better = |(_, theirs): &(LimiterKind, &SeedResult)| {
            let is_faster = theirs.makespan_ms.saturating_mul(11)
                < ours.makespan_ms.saturating_mul(10)
                && theirs.makespan_ms.saturating_add(LEAST_MS) < ours.makespan_ms;
            let is_as_calm = theirs.rate_limited.num <= ours.rate_limited.num + 1;
            theirs.finished && (!ours.finished || is_faster && is_as_calm)
        };
        let best = finished.filter(is_better).min_by_key(|(_, theirs)| theirs.makespan_ms);
        best.map(|(rival, theirs)| Self { result, rival, theirs, ours })
    }
}
