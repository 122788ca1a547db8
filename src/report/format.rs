//! How numbers are written for people: one place, so that the same figure looks the same
//! everywhere.

use crate::study::measure::figure::Figure;
use crate::study::measure::figures::Figures;
use crate::study::measure::metric::{Metric, Shape, Unit};
use crate::study::measure::stat::Stat;
use crate::study::measure::value::Value;
use crate::units::{Share, float};

/// Milliseconds as people say them: from a second on in hundredths, rounded.
pub fn millis(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=599_999 => {
            let hundredths = (ms + 5) / 10;
            format!("{}.{:02} s", hundredths / 100, hundredths % 100)
        }
        600_000..=3_599_999 => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1000),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A count of a noun whose plural ends in s.
pub fn counted(of: impl TryInto<u64>, noun: &str) -> String {
    let of = of.try_into().unwrap_or(u64::MAX);
    format!("{} {noun}{}", count(of), if of == 1 { "" } else { "s" })
}

/// A count with groups of three digits.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share as a percentage with its counts.
pub fn share(share: Share) -> String {
    match share.value() {
        Some(value) => {
            format!("{:.2} % ({} of {})", value * 100.0, count(share.num), count(share.den))
        }
        None => "-".to_owned(),
    }
}

/// An amount in this unit; shares are given in millionths.
pub fn amount(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => count(value),
        Unit::Ratio => format!("{:.2} %", float(value) / 10_000.0),
        Unit::Millis => millis(value),
        Unit::UsdMicros => format!("${:.4}", float(value) / 1_000_000.0),
    }
}

/// A difference in this unit, with its sign.
pub fn difference(value: i64, unit: Unit) -> String {
    let sign = if value < 0 { "-" } else { "+" };
    format!("{sign}{}", amount(value.unsigned_abs(), unit))
}

/// Amounts that stand in one row: all in the same unit.
pub fn in_one_unit(values: &[Option<u64>], unit: Unit) -> Vec<Option<String>> {
    let known = || values.iter().flatten().copied();
    let bracket = |ms: u64| match ms {
        0..=999 => 0,
        1000..=599_999 => 1,
        600_000..=3_599_999 => 2,
        _ => 3,
    };
    // Nothing is nothing in any unit.
    let mut brackets: Vec<i32> = known().filter(|ms| *ms > 0).map(bracket).collect();
    brackets.sort_unstable();
    brackets.dedup();
    let is_mixed = unit == Unit::Millis && brackets.len() > 1;
    let is_seconds = unit == Unit::Millis && (is_mixed || brackets == [1]);
    let written = |value: u64| if is_seconds { seconds(value) } else { amount(value, unit) };
    values.iter().map(|value| value.map(written)).collect()
}

/// Milliseconds in seconds with two digits, rounded.
fn seconds(ms: u64) -> String {
    let hundredths = ms.saturating_add(5) / 10;
    format!("{}.{:02} s", count(hundredths / 100), hundredths % 100)
}

/// How a value stands to the first one: `÷ 12.0` is a twelfth, `× 1.75` is three quarters more.
pub fn factor(first: Option<u64>, now: Option<u64>) -> String {
    let digits =
        |value: f64| if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    match first.zip(now) {
        Some((first, now)) if first == now => "=".to_owned(),
        None | Some((0, _) | (_, 0)) => "-".to_owned(),
        Some((first, now)) if now < first => format!("÷ {}", digits(float(first) / float(now))),
        Some((first, now)) => format!("× {}", digits(float(now) / float(first))),
    }
}

/// The statistics of a distribution that people are shown.
const SHOWN_STATS: &[Stat] = &[Stat::P50, Stat::P95, Stat::Max];

/// The figures of a metric that people are shown.
pub fn shown(metric: Metric) -> Vec<Figure> {
    match metric.shape() {
        Shape::Distribution => {
            SHOWN_STATS.iter().map(|stat| Figure::stat_of(metric, *stat)).collect()
        }
        Shape::Single | Shape::Level => Figure::all_of(metric).collect(),
    }
}

/// All figures of a run on one line, as `name=value` with plain numbers, for log filters. Those
/// without samples are left out.
pub fn summary(figures: &Figures) -> String {
    let mut pairs = Vec::new();
    for metric in Metric::ALL {
        let key = metric.key();
        match figures.get(*metric) {
            Some(Value::Number(number)) => pairs.push(format!("{key}={number}")),
            Some(Value::Share(share)) => {
                pairs.extend(share.value().map(|share| format!("{key}={share:.4}")));
            }
            Some(Value::Distribution(samples)) => {
                let stats =
                    SHOWN_STATS.iter().filter_map(|stat| Some((stat, samples.stat(*stat)?)));
                pairs.extend(stats.map(|(stat, value)| format!("{key}.{stat}={value}")));
                let partial = samples.partial();
                pairs.extend(partial.map(|of| format!("{key}.over={}/{}", of.num, of.den)));
            }
            Some(Value::Level { min, max, last }) => {
                pairs.push(format!("{key}.min={min} {key}.max={max} {key}.final={last}"));
            }
            None => {}
        }
    }
    pairs.join(" ")
}
