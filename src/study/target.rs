//! Targets: a limit on a figure, and whether a run meets it.
//!
//! `<= 20`, `== 0`, `p95 <= 45s`, `<= 3%`, `<= $0.20`. Comparisons are between
//! integers: a share is compared by cross-multiplication, never as a rounded quotient. A target
//! on a figure without samples is missed. With many seeds a target must be met in all of them, unless
//! it says in how many: `<= 20 in >= 95% of seeds`.

use std::cmp::Ordering;

use crate::sim::scenario::problem::{Problem, did_you_mean};
use crate::sim::scenario::{Scenario, TargetText};
use crate::study::figures::{Figures, Value};
use crate::study::metric::{self, DISTRIBUTION_STATS, LEVEL_STATS, METRICS, Metric, Shape, Unit};

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

/// A target that can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The run that it is about.
    pub run: String,
    /// The figure.
    pub metric: &'static Metric,
    /// The statistic of it, for distributions and levels.
    pub stat: Option<&'static str>,
    /// The comparison.
    pub compare: Compare,
    /// The limit: in the figure's unit, for shares in millionths.
    pub limit: u64,
    /// In how many seeds it must be met, in millionths of them, if it says so.
    pub of_seeds_ppm: Option<u64>,
    /// As it is written.
    pub text: String,
    /// The line of the scenario file where it stands.
    pub line: usize,
}

impl Target {
    /// Whether so many of the seeds are enough; `otherwise_ppm` is wanted where it says nothing.
    pub fn is_met_in(&self, met: usize, seeds: usize, otherwise_ppm: u64) -> bool {
        met as u64 * ALL_SEEDS_PPM >= self.of_seeds_ppm.unwrap_or(otherwise_ppm) * seeds as u64
    }
}

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The target.
    pub target: Target,
    /// What was measured: in the figure's unit, for shares in millionths (rounded down).
    pub value: Option<u64>,
    /// A share as it was counted.
    pub share: Option<crate::units::Share>,
    /// How far the value is on the right side of the limit; negative if it is not.
    pub margin: Option<i64>,
    /// Whether it is met.
    pub met: bool,
    /// Whether it could be judged at all: from outside, what happens in a client cannot.
    pub is_judged: bool,
    /// Where it stands for many seeds: the value is that of the worst.
    pub over: Option<OverSeeds>,
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

/// The targets of a scenario.
pub fn of(scenario: &Scenario) -> Result<Vec<Target>, Problem> {
    scenario.targets.iter().map(|text| parse(scenario, text)).collect()
}

fn parse(scenario: &Scenario, written: &TargetText) -> Result<Target, Problem> {
    let Some(metric) = metric::find(&written.metric) else {
        let known = METRICS.iter().map(|metric| metric.name);
        let nearest = did_you_mean(&written.metric, known.clone());
        let known: Vec<&str> = known.collect();
        let rest = format!("known metrics: {}", known.join(", "));
        let help = nearest.map_or_else(|| rest.clone(), |nearest| format!("{nearest} {rest}"));
        let message =
            format!("got a target on the unknown metric `{}`, wanted a known one", written.metric);
        return Err(scenario.problem(written.metric_span.clone(), message, Some(help)));
    };
    let read = Limit::of(metric, &written.limit);
    let Limit { stat, compare, limit, of_seeds_ppm } = read.map_err(|message| {
        let help = format!("for example {}", example(metric));
        scenario.problem(written.limit_span.clone(), message, Some(help))
    })?;
    let (line, _) =
        scenario.problem(written.limit_span.clone(), String::new(), None).line_and_column();
    let (run, text) = (written.run.clone(), written.limit.trim().to_owned());
    Ok(Target { run, metric, stat, compare, limit, of_seeds_ppm, text, line })
}

/// A target on a run, written in one piece: `rate_limited_ratio <= 1%`, `page_latency p95 <= 45s`.
pub fn in_one_piece(run: &str, text: &str) -> Result<Target, String> {
    let end = text.trim().find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    let (name, rest) = text.trim().split_at(end.unwrap_or(text.trim().len()));
    let metric = metric::find(name).ok_or_else(|| {
        let known = METRICS.iter().map(|metric| metric.name);
        let nearest = did_you_mean(name, known).unwrap_or_default();
        format!("got `{text}`, wanted a metric and a limit, such as `rate_limited_ratio <= 1%`. {nearest}")
            .trim_end()
            .to_owned()
    })?;
    let Limit { stat, compare, limit, of_seeds_ppm } = Limit::of(metric, rest)?;
    let (run, text) = (run.to_owned(), rest.trim().to_owned());
    Ok(Target { run, metric, stat, compare, limit, of_seeds_ppm, text, line: 0 })
}

/// A limit on a metric.
struct Limit {
    stat: Option<&'static str>,
    compare: Compare,
    limit: u64,
    of_seeds_ppm: Option<u64>,
}

/// All seeds, in millionths.
pub const ALL_SEEDS_PPM: u64 = 1_000_000;

/// The part of a limit that says in how many seeds it must be met.
fn of_seeds(text: &str) -> Result<u64, String> {
    let wanted =
        || format!("got `in {text}`, wanted a share of the seeds such as `in >= 95% of seeds`");
    let share =
        text.trim().strip_prefix(">=").and_then(|rest| rest.trim().strip_suffix("of seeds"));
    let ppm = quantity(share.ok_or_else(wanted)?.trim(), Unit::Ratio).map_err(|_| wanted())?;
    Some(ppm).filter(|ppm| *ppm > 0).ok_or_else(wanted)
}

impl Limit {
    fn of(metric: &'static Metric, text: &str) -> Result<Self, String> {
        let (text, of_seeds_ppm) = match text.split_once(" in ") {
            Some((text, share)) => (text.trim(), Some(of_seeds(share)?)),
            None => (text.trim(), None),
        };
        let at = text.find(['<', '>', '=']).ok_or_else(|| {
            format!("got the limit `{text}`, wanted a comparison (<=, >=, <, >, ==) and a value")
        })?;
        let (stat, rest) = text.split_at(at);
        let stat = stat.trim();
        let (compare, value) = comparison(rest)
            .ok_or_else(|| format!("got the limit `{text}`, wanted <=, >=, <, > or =="))?;
        let stats: &[&str] = match metric.shape {
            Shape::Single => &[],
            Shape::Distribution => DISTRIBUTION_STATS,
            Shape::Level => LEVEL_STATS,
        };
        let stat = match (stat, stats) {
            ("", []) => None,
            (stat, stats) => match stats.iter().find(|known| **known == stat) {
                Some(known) => Some(*known),
                None if stats.is_empty() => {
                    return Err(format!(
                        "got the statistic `{stat}` of {}, which is one number",
                        metric.name
                    ));
                }
                None => {
                    let got = if stat.is_empty() { "no statistic" } else { stat };
                    let wanted = stats.join(", ");
                    return Err(format!("got {got} of {}, wanted one of: {wanted}", metric.name));
                }
            },
        };
        let unit = if stat == Some("count") { Unit::Count } else { metric.unit };
        let limit = quantity(value, unit).map_err(|wanted| {
            format!("got the value `{value}` for {}, wanted {wanted}", metric.name)
        })?;
        Ok(Self { stat, compare, limit, of_seeds_ppm })
    }
}

fn comparison(text: &str) -> Option<(Compare, &str)> {
    let signs = [Compare::AtMost, Compare::AtLeast, Compare::Equal, Compare::Below, Compare::Above];
    let (compare, value) = signs
        .into_iter()
        .find_map(|compare| Some((compare, text.strip_prefix(compare.sign())?)))?;
    Some((compare, value.trim()))
}

/// A value in the integer that stands for its unit.
fn quantity(text: &str, unit: Unit) -> Result<u64, &'static str> {
    let scaled = |number: &str, scale: u64, wanted| decimal(number.trim(), scale).ok_or(wanted);
    match unit {
        Unit::Count => scaled(text, 1, "a whole number such as 20"),
        Unit::Ratio => {
            let wanted = "a share from 0% to 100%, such as 3%";
            let percent = text.strip_suffix('%').ok_or(wanted)?;
            scaled(percent, 10_000, wanted)
                .and_then(|ppm| if ppm <= 1_000_000 { Ok(ppm) } else { Err(wanted) })
        }
        Unit::UsdMicros => {
            let wanted = "dollars such as $0.20";
            scaled(text.strip_prefix('$').ok_or(wanted)?, 1_000_000, wanted)
        }
        Unit::Millis => {
            let wanted = "a duration such as 800ms, 45s, 2m or 1h";
            let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
            let (suffix, scale) =
                units.into_iter().find(|(suffix, _)| text.ends_with(suffix)).ok_or(wanted)?;
            scaled(&text[..text.len() - suffix.len()], scale, wanted)
        }
    }
}

/// A decimal number times `scale`, if that is a whole number.
fn decimal(text: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 12 {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if !fraction.is_empty() {
        let part = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
        let tens = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        if part % tens != 0 {
            return None;
        }
        value = value.checked_add(part / tens)?;
    }
    Some(value)
}

fn example(metric: &Metric) -> String {
    let value = match metric.unit {
        Unit::Count => "20",
        Unit::Ratio => "60%",
        Unit::Millis => "45s",
        Unit::UsdMicros => "$0.20",
    };
    let stat = match metric.shape {
        Shape::Single => "",
        Shape::Distribution => "p95 ",
        Shape::Level => "max ",
    };
    format!("{} = \"{stat}<= {value}\"", metric.name)
}

/// Judges a target by the figures of its run.
pub fn judge(target: &Target, figures: &Figures) -> Judged {
    let value = figures.get(target.metric.name);
    let share = match value {
        Some(Value::Share(share)) => Some(*share),
        _ => None,
    };
    let number = match (value, target.stat) {
        (Some(Value::Number(number)), _) => Some(*number),
        (Some(Value::Share(share)), _) => {
            share.num.checked_mul(1_000_000).map(|n| n / share.den.max(1))
        }
        (Some(Value::Distribution(samples)), Some(stat)) => samples.stat(stat),
        (Some(Value::Level { min, max, last }), Some(stat)) => Some(match stat {
            "min" => *min,
            "max" => *max,
            _ => *last,
        }),
        _ => None,
    };
    let met = match (share, number) {
        (Some(share), _) => {
            let counted = u128::from(share.num) * 1_000_000;
            let allowed = u128::from(target.limit) * u128::from(share.den);
            share.den > 0 && target.compare.holds(counted.cmp(&allowed))
        }
        (None, Some(number)) => target.compare.holds(number.cmp(&target.limit)),
        (None, None) => false,
    };
    let margin = number.and_then(|number| {
        let (value, limit) = (i64::try_from(number).ok()?, i64::try_from(target.limit).ok()?);
        Some(match target.compare {
            Compare::AtMost | Compare::Below => limit - value,
            Compare::AtLeast | Compare::Above => value - limit,
            Compare::Equal => -(value - limit).abs(),
        })
    });
    let target = target.clone();
    Judged { target, value: number, share, margin, met, is_judged: true, over: None }
}

/// A target that nobody can judge.
pub fn unjudged(target: &Target) -> Judged {
    let target = target.clone();
    Judged {
        target,
        value: None,
        share: None,
        margin: None,
        met: false,
        is_judged: false,
        over: None,
    }
}

/// The same target in many seeds, as one: the worst of them, met if enough are.
pub fn over_seeds(each: &[(u64, &Judged)]) -> Option<Judged> {
    // Without samples is worse than any value.
    let (worst, judged) =
        each.iter().min_by_key(|(_, judged)| (judged.met, judged.margin.unwrap_or(i64::MIN)))?;
    let (met, seeds) = (each.iter().filter(|(_, judged)| judged.met).count(), each.len());
    let over = OverSeeds { met, seeds, worst: *worst };
    let enough = judged.target.is_met_in(met, seeds, ALL_SEEDS_PPM);
    Some(Judged { met: enough, over: Some(over), ..(*judged).clone() })
}
