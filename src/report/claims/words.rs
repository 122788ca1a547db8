//! How quantities, ranges and boundaries are said.

use std::ops::RangeInclusive;

use crate::report::format;
use crate::study::claims::boundary::{Boundary, HoldingRange};
use crate::study::claims::factor::Factor;
use crate::study::claims::observable::Scale;
use crate::study::claims::statement::Sample;
use crate::study::claims::{ClaimVerdict, JudgedClaim, Varied};
use crate::study::measure::metric::Unit;
use crate::units::float;

/// A value.
pub(super) fn amount(value: u64, scale: Scale) -> String {
    match scale {
        Scale::Of(Unit::Ratio) => format!("{:.1} %", float(value) / 10_000.0),
        Scale::Of(unit) => format::amount(value, unit),
        Scale::Times => format!("{:.1} x", float(value) / 1000.0),
    }
}

/// A value where there is little room.
pub(crate) fn short(value: u64, scale: Scale) -> String {
    match scale {
        Scale::Of(Unit::Millis) => format!("{:.0} s", float(value) / 1000.0),
        Scale::Of(Unit::Ratio) => format!("{:.0} %", float(value) / 10_000.0),
        _ => amount(value, scale),
    }
}

/// The middle of a sample with its ends, where they differ.
pub(super) fn spread(sample: &Sample, scale: Scale) -> String {
    match sample.spread() {
        None => "-".to_owned(),
        Some((least, middle, most)) if least == most => amount(middle, scale),
        Some((least, middle, most)) => format!(
            "{} ({} to {})",
            amount(middle, scale),
            amount(least, scale),
            amount(most, scale)
        ),
    }
}

/// What a statement says of its quantity.
pub(crate) fn range(range: &RangeInclusive<u64>, scale: Scale) -> String {
    match (*range.start(), *range.end()) {
        (least, most) if least == most => amount(most, scale),
        (0, 0) => "none".to_owned(),
        (0, most) => format!("at most {}", amount(most, scale)),
        (least, u64::MAX) => format!("at least {}", amount(least, scale)),
        (least, most) => format!("{} to {}", amount(least, scale), amount(most, scale)),
    }
}

/// Where something holds: `from 13 pages in a call up`.
pub(crate) fn boundary(boundary: &Boundary, axis: &Factor) -> String {
    let unit = axis.unit;
    let (first, last) = boundary.range();
    let stretch = |stretch: &HoldingRange| match (stretch.from, stretch.to) {
        (None, None) => {
            format!(
                "from {} to {} {unit}, all that were tried",
                format::count(first),
                format::count(last)
            )
        }
        (None, Some(to)) => format!("up to {} {unit}", format::count(to)),
        (Some(from), None) => format!("from {} {unit} up", format::count(from)),
        (Some(from), Some(to)) if from == to => format!("at {} {unit}", format::count(to)),
        (Some(from), Some(to)) => {
            format!("from {} to {} {unit}", format::count(from), format::count(to))
        }
    };
    let found = boundary.stretches();
    if found.is_empty() {
        return format!("never, from {} to {} {unit}", format::count(first), format::count(last));
    }
    let said: Vec<String> = found.iter().map(stretch).collect();
    let said = said.join(", and ");
    if boundary.is_monotone() { said } else { format!("{said} (not monotone)") }
}

/// Where a boundary was sought.
pub(crate) fn place(varied: &Varied) -> String {
    varied.tier.map_or_else(String::new, |tier| format!(" on {}", tier.name))
}

/// The verdict with its conditions.
pub(crate) fn verdict(judged: &JudgedClaim) -> String {
    let name = judged.verdict.name();
    if judged.verdict != ClaimVerdict::HoldsWhen {
        return name.to_owned();
    }
    let somewhere: Vec<&Varied> =
        judged.varied.iter().filter(|varied| !varied.all.stretches().is_empty()).collect();
    // What changes nothing is no condition, unless there is no other.
    let telling = somewhere.iter().filter(|varied| !varied.all.is_all());
    let somewhere =
        if telling.clone().count() > 0 { telling.copied().collect() } else { somewhere };
    let conditions: Vec<String> = somewhere
        .iter()
        .map(|varied| format!("{}{}", boundary(&varied.all, varied.axis), place(varied)))
        .collect();
    if conditions.is_empty() {
        let worlds = judged.cells.first().into_iter().flatten().enumerate();
        let worlds = worlds.filter(|(tier, _)| judged.cells.iter().all(|cells| cells[*tier].holds));
        let worlds: Vec<&str> = worlds.map(|(_, cell)| cell.tier.name).collect();
        format!("{name}: on {}", worlds.join(", "))
    } else {
        format!("{name}: {}", conditions.join("; "))
    }
}
