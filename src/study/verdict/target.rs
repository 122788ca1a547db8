//! Targets: a limit on a figure, and whether a run meets it.
//!
//! `<= 20`, `== 0`, `p95 <= 45s`, `<= 3%`, `<= $0.20`, and relative to an earlier run `<= 10% of before`.
//! Comparisons are between integers: a share is compared by cross-multiplication, never as a rounded
//! quotient. A target on a figure without a value is missed, and so is one on a latency that covers
//! some of the pages only, unless it says so. With many seeds a target must be met in all of them,
//! unless it says in how many: `<= 20 in >= 95% of seeds`.

use std::cmp::Ordering;

use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Unit};
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::units::{Share, float, whole};

/// How a value is compared with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `>`
    Above,
    /// `==`
    Equal,
}

impl Compare {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::Above => ">",
            Self::Equal => "==",
        }
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::AtMost => ordering.is_le(),
            Self::AtLeast => ordering.is_ge(),
            Self::Below => ordering.is_lt(),
            Self::Above => ordering.is_gt(),
            Self::Equal => ordering.is_eq(),
        }
    }
}

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// A value in the figure's unit, for shares in millionths.
    Fixed(u64),
    /// A part of the same figure of an earlier run of the scenario.
    Relative(Relative),
}

/// `num / den` of what the run `base` has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// The numerator.
    pub num: u64,
    /// The denominator, which is not 0.
    pub den: u64,
    /// The earlier run.
    pub base: String,
}

impl Limit {
    /// The value, if it does not depend on another run.
    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(value) => Some(*value),
            Self::Relative(_) => None,
        }
    }
}

/// A target that can be judged.
///
/// ```
/// use std::path::Path;
/// use tagspace::{Scenario, targets_of};
///
/// let text = "# Few calls?\nschema = 1\nseed = 1\n[space]\npages = 5\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n\
///             [targets.run]\nai_calls = \"<= 2\"\n";
/// let scenario = Scenario::parse("few", "few.toml", text, Path::new("."))?;
/// let targets = targets_of(&scenario)?;
/// assert_eq!((targets[0].metric.name(), targets[0].text.as_str()), ("ai_calls", "<= 2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The run that it is about.
    pub run: String,
    /// The figure.
    pub metric: Metric,
    /// The statistic of it, for distributions and levels.
    pub stat: Option<Stat>,
    /// The comparison.
    pub compare: Compare,
    /// The limit.
    pub limit: Limit,
    /// In how many seeds it must be met, in millionths of them, if it says so.
    pub of_seeds_ppm: Option<u64>,
    /// Whether a latency may leave out pages that were never tagged.
    pub over_tagged: bool,
    /// As it is written.
    pub text: String,
    /// The line of the scenario file where it stands.
    pub line: usize,
}

impl Target {
    /// Whether this many of the seeds are enough; `otherwise_ppm` applies to a target that states no
    /// share.
    pub fn is_met_in(&self, met: usize, seeds: usize, otherwise_ppm: u64) -> bool {
        let wanted_ppm = self.of_seeds_ppm.unwrap_or(otherwise_ppm);
        met as u64 * ALL_SEEDS_PPM >= wanted_ppm * seeds as u64
    }

    /// The same as it can be told from a few seeds. One that states no share must be met in all of them;
    /// of a share, as many may be missing as would be by chance in one of twenty times.
    #[must_use]
    pub fn in_so_few(self, seeds: u64) -> Self {
        let of_seeds_ppm = self.of_seeds_ppm.map_or(ALL_SEEDS_PPM, |ppm| {
            let share = float(ppm) / float(ALL_SEEDS_PPM);
            let chance = ONE_OF_TWENTY * libm::sqrt(share * (1.0 - share) / float(seeds.max(1)));
            whole(float(ALL_SEEDS_PPM) * (share - chance).max(0.0))
        });
        Self { of_seeds_ppm: Some(of_seeds_ppm), ..self }
    }

    /// The unit of its value.
    pub fn unit(&self) -> Unit {
        self.figure().unit()
    }

    /// Its figure.
    pub fn figure(&self) -> Figure {
        Figure { metric: self.metric, stat: self.stat }
    }
}

/// Standard deviations that one of twenty normal numbers lies below the mean.
const ONE_OF_TWENTY: f64 = 1.645;
/// All seeds, in millionths.
pub const ALL_SEEDS_PPM: u64 = 1_000_000;

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedTarget {
    /// The target.
    pub target: Target,
    /// What was measured: in the figure's unit, for shares in millionths (rounded down).
    pub value: Option<u64>,
    /// A share as it was counted.
    pub share: Option<Share>,
    /// The limit that it came to, in the same unit (rounded down).
    pub limit: Option<u64>,
    /// How far the value is on the right side of the limit; negative if it is not.
    pub margin: Option<i64>,
    /// Of how many things the value is, if some are not in it.
    pub partial: Option<Share>,
    /// Why it is missed, where value and limit do not say it.
    pub reason: Option<String>,
    /// Whether it is met.
    pub met: bool,
    /// Whether it could be judged at all: from outside, what happens in a client cannot.
    pub is_judged: bool,
    /// Where it stands for many seeds: the value is the worst one's.
    pub over: Option<OverSeeds>,
}

impl JudgedTarget {
    /// Whether it speaks of a share of seeds, and was judged in one.
    pub fn is_of_one_seed(&self) -> bool {
        self.over.is_none() && self.is_judged && self.target.of_seeds_ppm.is_some()
    }
}

/// What became of a target in many seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverSeeds {
    /// In how many it is met.
    pub met: usize,
    /// How many there are.
    pub seeds: usize,
    /// The seed that is furthest on the wrong side of the limit, or next to it.
    pub worst: u64,
}

/// Judges a target by the figures of its run; `base` are those of the run that its limit is a part
/// of.
pub fn judge(target: &Target, figures: &Figures, base: Option<&Figures>) -> JudgedTarget {
    let measured = Measured::of(target, figures);
    let partial = measured.partial.filter(|_| target.stat != Some(Stat::Count));
    let (limit, base_reason) = resolve(target, base);
    let reason = if measured.number.is_none() {
        Some(figures.why_absent(target.metric).unwrap_or("no samples").to_owned())
    } else if let Some(partial) = partial.filter(|_| !target.over_tagged) {
        let things = target.metric.covers().map_or("samples", |coverage| coverage.things);
        Some(format!("covers {} of {} {things}", partial.num, partial.den))
    } else {
        base_reason
    };
    let holds = measured.number.is_some()
        && measured.compare(target, base).is_some_and(|ordering| target.compare.holds(ordering));
    let margin = measured.number.zip(limit).and_then(|(value, limit)| {
        let (value, limit) = (i64::try_from(value).ok()?, i64::try_from(limit).ok()?);
        Some(match target.compare {
            Compare::AtMost | Compare::Below => limit - value,
            Compare::AtLeast | Compare::Above => value - limit,
            Compare::Equal => -(value - limit).abs(),
        })
    });
    JudgedTarget {
        target: target.clone(),
        value: measured.number,
        share: measured.share,
        limit,
        margin,
        partial,
        met: holds && reason.is_none(),
        reason,
        is_judged: true,
        over: None,
    }
}

/// What a run has of a target's figure.
struct Measured {
    number: Option<u64>,
    share: Option<Share>,
    partial: Option<Share>,
}

impl Measured {
    fn of(target: &Target, figures: &Figures) -> Self {
        let value = figures.get(target.metric);
        let share = match value {
            Some(Value::Share(share)) => Some(*share),
            _ => None,
        };
        let partial = match value {
            Some(Value::Distribution(samples)) => samples.partial(),
            _ => None,
        };
        Self { number: figures.integer(target.figure()), share, partial }
    }

    /// How the value stands to the limit; nothing where there is no limit.
    fn compare(&self, target: &Target, base: Option<&Figures>) -> Option<Ordering> {
        let number = self.number?;
        match (&target.limit, self.share) {
            (Limit::Fixed(limit), Some(Share { num, den })) => {
                let counted = u128::from(num) * 1_000_000;
                Some(counted.cmp(&(u128::from(*limit) * u128::from(den))))
            }
            (Limit::Fixed(limit), None) => Some(number.cmp(limit)),
            (Limit::Relative(part), share) => {
                let base = Self::of(target, base?);
                // Shares are compared as they were counted, as far as the products fit.
                let whole = |number: Option<u64>| number.map(|num| Share { num, den: 1 });
                let (own, base) =
                    (share.or(whole(self.number))?, base.share.or(whole(base.number))?);
                let product = |factors: [u64; 3]| {
                    factors
                        .into_iter()
                        .try_fold(1_u128, |all, one| all.checked_mul(u128::from(one)))
                };
                let left = product([own.num, base.den, part.den])?;
                Some(left.cmp(&product([base.num, own.den, part.num])?))
            }
        }
    }
}

/// The limit as a number, and why there is none.
fn resolve(target: &Target, base: Option<&Figures>) -> (Option<u64>, Option<String>) {
    let part = match &target.limit {
        Limit::Fixed(limit) => return (Some(*limit), None),
        Limit::Relative(part) => part,
    };
    let value = base.and_then(|base| base.integer(target.figure()));
    match value {
        None => (None, Some(format!("`{}` has no value to compare with", part.base))),
        Some(0) => (None, Some(format!("`{}` has 0, of which nothing is a part", part.base))),
        Some(value) => {
            let limit = u128::from(value) * u128::from(part.num) / u128::from(part.den);
            (u64::try_from(limit).ok(), None)
        }
    }
}

/// A target that nobody can judge.
pub fn unjudged(target: &Target) -> JudgedTarget {
    JudgedTarget {
        target: target.clone(),
        value: None,
        share: None,
        limit: target.limit.fixed(),
        margin: None,
        partial: None,
        reason: None,
        met: false,
        is_judged: false,
        over: None,
    }
}

/// The same target in many seeds, as one: the worst of them, met if enough are.
pub fn over_seeds(each: &[(u64, &JudgedTarget)]) -> Option<JudgedTarget> {
    // Without samples is worse than any value.
    let (worst, judged) =
        each.iter().min_by_key(|(_, judged)| (judged.met, judged.margin.unwrap_or(i64::MIN)))?;
    let (met, seeds) = (each.iter().filter(|(_, judged)| judged.met).count(), each.len());
    let over = OverSeeds { met, seeds, worst: *worst };
    let enough = judged.target.is_met_in(met, seeds, ALL_SEEDS_PPM);
    Some(JudgedTarget { met: enough, over: Some(over), ..(*judged).clone() })
}
