//! What limits a run, for people: what to change first, then all limits as a table.

use std::fmt::Write;

use crate::report::format;
use crate::report::table;
use crate::study::limits::liftable::Whose;
use crate::study::limits::shadow_price::{COMPARED, Limits, ShadowPrice};
use crate::study::measure::metric::{Metric, Unit};
use crate::study::stats::paired::Paired;
use crate::units::float;

/// The report on a run of a scenario, played with this many seeds.
pub(crate) fn text(name: &str, run: &str, seeds: usize, limits: &Limits) -> String {
    let mut out = format!("{}\n\n", first_line(limits));
    let mean = |at: usize| {
        let unit = COMPARED[at].unit();
        limits.means_milli[at].map_or("-".to_owned(), |mean| amount(mean, unit))
    };
    let _ = write!(
        out,
        "{name}, run {run}, {}: {} on average, {} AI calls, {}",
        format::counted(seeds, "seed"),
        mean(0),
        mean(1),
        mean(2)
    );
    if let Some(bound) = limits.bound_milli {
        let _ = write!(out, "; no setting could be faster than {}", amount(bound, Unit::Millis));
    }
    out.push_str("\n\n");
    let (idle, prices): (Vec<&ShadowPrice>, Vec<&ShadowPrice>) =
        limits.prices.iter().partition(|price| price.is_nothing());
    let rows: Vec<Vec<String>> = prices.into_iter().chain(&limits.together).map(row).collect();
    let headings = ["limit", "whose", "lifted", "time", "95 % interval", "AI calls", "cost"];
    out.push_str(&table::markdown(&headings, &rows));
    let idle: Vec<&str> = idle.into_iter().map(|price| price.key).collect();
    if !idle.is_empty() {
        let _ = write!(out, "\nThese limit nothing: {}.\n", idle.join(", "));
    }
    out.push_str(
        "\nEach limit is lifted alone, on the same weather: what two of them save together is not the sum. The last \
         rows lift many together; what services usually take stays.\n",
    );
    out
}

/// What to change first: of the settings, and of the world where none of them helps.
fn first_line(limits: &Limits) -> String {
    let surest = |whose: Whose| {
        let of = limits.prices.iter().filter(move |price| price.whose == whose);
        let sure = of.filter_map(|price| Some((price.key, price.sure_cost_milli()?)));
        sure.max_by_key(|(_, cost)| *cost).filter(|(_, cost)| *cost > 0)
    };
    let told = |(key, cost): (&str, u64)| {
        let share = match limits.means_milli[0] {
            Some(mean) if mean > 0 => {
                let percent = 100.0 * float(cost) / float(mean);
                format!(" of {} ({percent:.0} %)", amount(mean, Unit::Millis))
            }
            _ => String::new(),
        };
        format!("{key} costs {}{share}", amount(cost, Unit::Millis))
    };
    match (surest(Whose::Pipeline), surest(Whose::World)) {
        (Some(setting), _) => format!("{}: change it first.", told(setting)),
        (None, Some(world)) => {
            format!("{}; no setting that is lifted alone surely saves time.", told(world))
        }
        (None, None) => {
            "Nothing that is lifted alone makes this run faster by more than chance.".to_owned()
        }
    }
}

fn row(price: &ShadowPrice) -> Vec<String> {
    let (was, to) = &price.lifted;
    let [time, calls, cost] = price.changes;
    let whose: &str = price.whose.into();
    let interval = time.map_or("-".to_owned(), |change| {
        let end = |milli: i64| difference(milli, Unit::Millis);
        format!("{} to {}", end(change.low_milli), end(change.high_milli))
    });
    let changed = |change: Option<Paired>, metric: Metric| {
        change.map_or("-".to_owned(), |change| difference(change.mean_milli, metric.unit()))
    };
    vec![
        price.key.to_owned(),
        whose.to_owned(),
        format!("{was} → {to}"),
        changed(time, Metric::Makespan),
        interval,
        changed(calls, Metric::AiCalls),
        changed(cost, Metric::Cost),
    ]
}

/// An amount in thousandths of its unit; counts with a digit behind the point.
fn amount(milli: u64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{:.1}", float(milli) / 1000.0),
        Unit::Ratio | Unit::Millis | Unit::UsdMicros => {
            format::amount(milli.saturating_add(500) / 1000, unit)
        }
    }
}

fn difference(milli: i64, unit: Unit) -> String {
    let shown = amount(milli.unsigned_abs(), unit);
    let is_nothing = shown == amount(0, unit);
    let sign = match milli {
        _ if is_nothing => "",
        ..0 => "-",
        _ => "+",
    };
    format!("{sign}{shown}")
}
