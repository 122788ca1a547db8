//! What a scenario tolerates, for people and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::report::{format, table};
use crate::study::limits::tolerance::{Headroom, Tolerated, WorldTolerance};
use crate::study::verdict::judge::Verdict;
use crate::study::verdict::target::Target;
use crate::units::float;

/// The report on a scenario, played with this many seeds.
pub(crate) fn text(name: &str, seeds: usize, tolerance: &WorldTolerance) -> String {
    let mut out = format!("{}\n\n", first_line(tolerance));
    let _ = write!(
        out,
        "{name}, {}: {}\n\n",
        format::counted(seeds, "seed"),
        tolerance.verdict.words()
    );
    if !tolerance.knobs.is_empty() {
        let rows: Vec<Vec<String>> = tolerance.knobs.iter().map(knob_row).collect();
        let headings = ["knob", "now", "met up to", "missed at", "then missed"];
        out.push_str(&table::markdown(&headings, &rows));
        out.push('\n');
    }
    let rows: Vec<Vec<String>> = tolerance.headroom.iter().map(headroom_row).collect();
    out.push_str(&table::markdown(&["target", "worst seed", "headroom", "of the limit"], &rows));
    out.push_str(
        "\nEach knob is turned alone, by bisection, on the same seeds. Headroom is what is left in as many seeds as \
         the target asks for.\n",
    );
    out
}

/// How far the knob may be turned that breaks a target first, by the steps it takes.
fn first_line(tolerance: &WorldTolerance) -> String {
    if tolerance.verdict != Verdict::Met {
        return match tolerance.verdict {
            Verdict::NotJudged => "The scenario has no targets that could be missed.".to_owned(),
            Verdict::Met | Verdict::Missed if tolerance.headroom.is_empty() => {
                "A run does not end within its virtual time as it is.".to_owned()
            }
            Verdict::Met | Verdict::Missed => {
                "A target is missed as it is: there is nothing to tolerate.".to_owned()
            }
        };
    }
    let told = |one: &Tolerated| {
        let (at, targets) = one.missed.as_ref()?;
        let first = targets.first().map_or("a run does not end".to_owned(), written);
        Some(format!("{} up to {} ({first} at {at})", one.knob, one.met_at))
    };
    let told: Vec<String> = tolerance.knobs.iter().filter_map(told).take(3).collect();
    if told.is_empty() {
        "No knob of the world breaks a target.".to_owned()
    } else {
        format!("The targets bear {}.", told.join("; "))
    }
}

fn written(target: &Target) -> String {
    format!("{} {} is missed", target.metric.name(), target.text)
}

fn named(target: &Target) -> String {
    format!("{}: {} {}", target.run, target.metric.name(), target.text)
}

fn knob_row(one: &Tolerated) -> Vec<String> {
    let (at, targets) = match &one.missed {
        Some((at, targets)) => (at.clone(), targets.iter().map(named).collect::<Vec<_>>()),
        None => ("-".to_owned(), Vec::new()),
    };
    let more = targets.len().saturating_sub(1);
    let missed = match targets.into_iter().next() {
        None if one.missed.is_some() => "a run does not end".to_owned(),
        None => "-".to_owned(),
        Some(first) if more > 0 => format!("{first}, and {more} more"),
        Some(first) => first,
    };
    vec![one.knob.to_owned(), one.now.clone(), one.met_at.clone(), at, missed]
}

fn headroom_row(one: &Headroom) -> Vec<String> {
    let (judged, unit) = (&one.judged, one.unit());
    let margin = one.margin.map_or("-".to_owned(), |margin| format::difference(margin, unit));
    let share = one.margin.zip(judged.limit.filter(|limit| *limit > 0)).map(|(margin, limit)| {
        let sign = if margin < 0 { "-" } else { "" };
        format!("{sign}{:.1} %", 100.0 * float(margin.unsigned_abs()) / float(limit))
    });
    let value = judged.value.map_or("-".to_owned(), |value| format::amount(value, unit));
    vec![named(&judged.target), value, margin, share.unwrap_or_else(|| "-".to_owned())]
}

/// The same as JSON: margins in the unit of the figure, shares in millionths.
pub(crate) fn json(name: &str, seeds: (u64, u64), tolerance: &WorldTolerance) -> Value {
    let headroom = |one: &Headroom| {
        let target = &one.judged.target;
        json!({
            "run": target.run,
            "figure": target.figure().to_string(),
            "target": target.text,
            "limit": one.judged.limit,
            "worst": one.judged.value,
            "headroom": one.margin,
        })
    };
    let knob = |one: &Tolerated| {
        let (at, targets) = one.missed.as_ref().map_or((None, None), |(at, targets)| {
            (Some(at), Some(targets.iter().map(named).collect::<Vec<_>>()))
        });
        json!({
            "knob": one.knob,
            "now": one.now,
            "met_up_to": one.met_at,
            "missed_at": at,
            "missed": targets,
        })
    };
    json!({
        "format_version": 1,
        "name": name,
        "seeds": [seeds.0, seeds.1],
        "verdict": tolerance.verdict.name(),
        "targets": tolerance.headroom.iter().map(headroom).collect::<Vec<_>>(),
        "knobs": tolerance.knobs.iter().map(knob).collect::<Vec<_>>(),
    })
}
