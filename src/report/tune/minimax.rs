//! One setting for several scenarios: what each loses in each of them.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use super::regression_targets;
use crate::report::table::markdown;
use crate::report::{format, tune};
use crate::study::tune::minimax::Losses;
use crate::study::tune::regression_targets::RegressionTargets;
use crate::study::tune::{Tuned, grid, minimax};
use crate::units::float;

/// The version of the JSON's form.
const FORMAT_VERSION: u64 = 1;
/// The table shows no more settings than this; the CSV has all.
const MOST_ROWS: usize = 20;

fn percent(ppm: u64) -> String {
    format!("{:.1} %", float(ppm) / 10_000.0)
}

fn name(tuned: &Tuned) -> &str {
    &tuned.spec.scenario.name
}

/// The scenario in which a setting loses most.
fn worst<'a>(tuned: &'a [Tuned], losses: &Losses) -> &'a str {
    let most = losses.most();
    let at = losses.ppm.iter().position(|ppm| *ppm == most).unwrap_or(0);
    tuned.get(at).map_or("", name)
}

/// The table, the answer in words, and the answer as settings.
pub fn text(
    tuned: &[Tuned],
    losses: &[Losses],
    regressions: &[(String, RegressionTargets)],
) -> String {
    let Some(first) = tuned.first() else { return String::new() };
    let spec = &first.spec;
    let (from, to) = (spec.seeds.start(), spec.seeds.end());
    let mut out = format!(
        "# {} scenarios, {} with seeds {from} to {to}, {} first\n\nA setting's loss in a scenario is the distance of its mean {} to the best setting's mean there.\n\n",
        tuned.len(),
        format::counted(first.points.len(), "setting"),
        spec.objective.name(),
        spec.objective.metric()
    );
    let mut headings = vec!["", "settings", "loses at most", "in"];
    headings.extend(tuned.iter().map(name));
    let rows: Vec<Vec<String>> = losses
        .iter()
        .take(MOST_ROWS)
        .enumerate()
        .map(|(rank, one)| {
            let point = &first.points[one.point];
            let most = one.most().map_or("unfit".to_owned(), percent);
            let place = one.most().map_or(String::new(), |_| worst(tuned, one).to_owned());
            let mut row = vec![(rank + 1).to_string(), tune::named(first, point), most, place];
            let own = one.ppm.iter().map(|ppm| ppm.map_or("unfit".to_owned(), percent));
            row.extend(own);
            row
        })
        .collect();
    out.push_str(&markdown(&headings, &rows));
    if losses.len() > MOST_ROWS {
        let _ = writeln!(out, "\nand {} more in robust.csv", losses.len() - MOST_ROWS);
    }
    let fit = losses.first().and_then(|best| Some((best, best.most()?)));
    let Some((best, most)) = fit else {
        out.push_str("\nNo setting meets in every scenario what is required.\n");
        return out;
    };
    let point = &first.points[best.point];
    let _ = write!(
        out,
        "\nBest: {}. It loses at most {}, in {}.",
        tune::named(first, point),
        percent(most),
        worst(tuned, best)
    );
    for one in tuned {
        out.push_str(&alone(tuned, losses, one));
    }
    if let Some(next) = losses.get(1).filter(|next| next.most().is_some()) {
        let _ = write!(
            out,
            "\n\nAgainst the next, {}, which loses at most {}, seed by seed:\n",
            tune::named(first, &first.points[next.point]),
            next.most().map_or(String::new(), percent)
        );
        for one in tuned {
            let against = tune::against(&minimax::chosen(one, best.point), &one.points[next.point]);
            let _ = write!(out, "\n- {}: {against}", name(one));
        }
    }
    let _ = write!(
        out,
        "\n\nAs variables (tune.env):\n\n```sh\n{}```\n\nAs a table of a scenario (tune.toml):\n\n```toml\n{}```\n",
        tune::env_block(tuned, &point.values),
        tune::toml_block(first, point)
    );
    for (name, one) in regressions {
        let _ = write!(out, "\n## {name}\n\n{}", regression_targets::text(one));
    }
    out
}

/// What the best setting of one scenario would lose elsewhere.
fn alone(tuned: &[Tuned], losses: &[Losses], one: &Tuned) -> String {
    let (Some(best), Some(own)) = (one.ranking.first(), one.best()) else { return String::new() };
    let Some(lost) = losses.iter().find(|losses| losses.point == *best) else {
        return String::new();
    };
    let is_chosen = losses.first().is_some_and(|chosen| chosen.point == *best);
    let what = match lost.most() {
        _ if is_chosen => "is the same".to_owned(),
        Some(most) => format!("loses {} in {}", percent(most), worst(tuned, lost)),
        None => "misses elsewhere what is required".to_owned(),
    };
    format!(" The best for {} alone, {}, {what}.", name(one), tune::named(one, own))
}

/// A row for every setting.
pub fn csv(tuned: &[Tuned], losses: &[Losses], to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    let Some(first) = tuned.first() else { return Ok(()) };
    let axes = &first.spec.axes;
    let mut headings: Vec<String> = axes.iter().map(|axis| axis.key.clone()).collect();
    headings.push("loses_at_most_ppm".to_owned());
    headings.extend(tuned.iter().map(|one| format!("{}_ppm", name(one))));
    to.write_record(&headings)?;
    let point = |ppm: Option<u64>| ppm.map_or(String::new(), |ppm| ppm.to_string());
    for one in losses {
        let values = axes.iter().zip(&first.points[one.point].values);
        let mut row: Vec<String> = values.map(|(axis, at)| axis.values[*at].clone()).collect();
        row.push(point(one.most()));
        row.extend(one.ppm.iter().copied().map(point));
        to.write_record(&row)?;
    }
    to.flush()?;
    Ok(())
}

/// All settings from the best to the worst.
pub fn json(tuned: &[Tuned], losses: &[Losses]) -> Value {
    let Some(first) = tuned.first() else { return Value::Null };
    let settings = losses.iter().map(|one| {
        json!({
            "settings": grid::settings(&first.spec.axes, &first.points[one.point].values),
            "loses_at_most_ppm": one.most(),
            "loses_ppm": one.ppm,
        })
    });
    json!({
        "format_version": FORMAT_VERSION,
        "scenarios": tuned.iter().map(name).collect::<Vec<_>>(),
        "objective": first.spec.objective.name(),
        "seeds": [first.spec.seeds.start(), first.spec.seeds.end()],
        "settings": settings.collect::<Vec<_>>(),
    })
}
