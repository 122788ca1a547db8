//! The best settings that are known, for people.

use std::fmt::Write as _;

use crate::report::format::amount;
use crate::report::table::markdown;
use crate::study::best_known::BestKnown;
use crate::study::measure::metric::Unit;
use crate::study::tune::held_out::HeldOutRow;
use crate::units::float;

/// A best makespan further above its bound, in thousandths, wants a reason.
const NEAR_MILLI: u64 = 1500;
/// The profiles that stand beside the best.
const BESIDE: [&str; 3] = ["recommended", "documented", "before"];

/// The table, what keeps scenarios from their bounds, and the settings.
pub(crate) fn text(all: &[BestKnown]) -> String {
    let mut headings =
        vec!["scenario", "bound", "best known", "over the bound", "without luck", "as it is"];
    headings.extend(BESIDE);
    let mut out =
        "Mean makespans over seeds that the search has not seen. No settings beat the bound with \
                   the primary alone; the best known ones label every page with it.\n\n"
            .to_owned();
    out += &markdown(&headings, &all.iter().map(row).collect::<Vec<_>>());
    out += "\n";
    for one in all {
        if let Some(reason) = reason(one) {
            let _ = writeln!(out, "- {}: {reason}", one.known.scenario);
        }
    }
    out += "\nThe best known settings, over those of the scenario:\n\n";
    for one in all {
        let Some(settings) = &one.known.settings else { continue };
        let bare = settings.iter().map(|one| one.strip_prefix("pipeline.").unwrap_or(one));
        let settings: Vec<&str> = bare.collect();
        let settings = if settings.is_empty() { "none".to_owned() } else { settings.join(", ") };
        let _ = writeln!(out, "- {}, run `{}`: {settings}", one.known.scenario, one.known.run);
    }
    out
}

fn row(one: &BestKnown) -> Vec<String> {
    let profile = |name: &&str| one.row(name).map_or_else(none, shown);
    let mut cells = vec![
        one.known.scenario.clone(),
        one.bound_us().map_or_else(none, time),
        one.row("best").map_or_else(none, shown),
        one.over_bound_milli().map_or_else(none, times),
        one.calm_over_bound_milli.map_or_else(none, times),
        one.row("as it is").map_or_else(none, shown),
    ];
    cells.extend(BESIDE.iter().map(profile));
    cells
}

/// Why the best known settings stay far from the bound, where they do.
fn reason(one: &BestKnown) -> Option<String> {
    if one.row("best").is_none() {
        return Some(
            "no settings that were tried label every page with the primary alone".to_owned(),
        );
    }
    let over = one.over_bound_milli()?;
    let calm = one.calm_over_bound_milli?;
    let cause = if calm <= NEAR_MILLI {
        "the bound knows which calls will be slow, refused or lost, and a pipeline does not"
    } else {
        "there are better settings than those that were tried, or the bound is too low"
    };
    let (over_text, calm) = (times(over), times(calm));
    (over > NEAR_MILLI)
        .then(|| format!("{over_text} times the bound, and {calm} times without luck: {cause}"))
}

/// A makespan, with what it leaves to the fallback and what fails.
fn shown(row: &HeldOutRow) -> String {
    let mut shown = row.makespan_milli.map_or_else(none, time);
    if let Some(share) = row.fallback_milli.filter(|share| *share >= 1000) {
        let _ = write!(shown, ", {} by the fallback", amount(share / 1000, Unit::Ratio));
    }
    if let Some(failed) = row.failed_milli.filter(|failed| *failed > 0) {
        let _ = write!(shown, ", {:.1} pages fail", float(failed) / 1000.0);
    }
    shown
}

fn time(us: u64) -> String {
    amount(us.saturating_add(500) / 1000, Unit::Millis)
}

fn times(milli: u64) -> String {
    format!("{:.2}", float(milli) / 1000.0)
}

fn none() -> String {
    "-".to_owned()
}
