//! The report as JSON and CSV: integers, and no words that a program would have to read.

use std::io;

use serde_json::{Value, json};

use super::words;
use crate::study::claims::ablation::{Ablation, QUANTITIES};
use crate::study::claims::boundary::Boundary;
use crate::study::claims::findings::Finding;
use crate::study::claims::observable::{Observable, Scale};
use crate::study::claims::statement::{Hypothesis, Sample};
use crate::study::claims::worlds::TIERS;
use crate::study::claims::{ClaimsReport, JudgedClaim, Varied, WorldVerdict, ablation};
use crate::study::measure::metric::Unit;

/// The version of the files' form.
const FORMAT_VERSION: u64 = 1;

fn unit(scale: Scale) -> &'static str {
    match scale {
        Scale::Of(Unit::Count) => "count",
        Scale::Of(Unit::Ratio) => "millionths",
        Scale::Of(Unit::Millis) => "ms",
        Scale::Of(Unit::UsdMicros) => "usd_micros",
        Scale::Times => "thousandths",
    }
}

fn sample(sample: &Sample) -> Value {
    let spread = sample.spread();
    json!({
        "min": spread.map(|(min, _, _)| min),
        "median": spread.map(|(_, median, _)| median),
        "max": spread.map(|(_, _, max)| max),
        "held": sample.held,
        "read": sample.read(),
    })
}

fn boundary(boundary: &Boundary) -> Value {
    let stretches: Vec<Value> = boundary
        .stretches()
        .iter()
        .map(|stretch| json!({"from": stretch.from, "to": stretch.to}))
        .collect();
    let tried: Vec<Value> =
        boundary.tried().map(|(x, holds)| json!({"at": x, "holds": holds})).collect();
    json!({"holds": stretches, "monotone": boundary.is_monotone(), "tried": tried})
}

fn statement((statement, cells): (&Hypothesis, &Vec<WorldVerdict>)) -> Value {
    let end = Some(*statement.range.end()).filter(|end| *end != u64::MAX);
    let cell = |cell: &WorldVerdict| {
        let samples: serde_json::Map<String, Value> =
            cell.samples.iter().map(|(name, read)| ((*name).to_owned(), sample(read))).collect();
        json!({"world": cell.tier.name, "holds": cell.holds, "profiles": samples})
    };
    json!({
        "quantity": statement.quantity.name(),
        "unit": unit(statement.quantity.scale()),
        "pages": statement.setup.pages,
        "setup": statement.setup.what,
        "profile": statement.profile,
        "at_least": statement.range.start(),
        "at_most": end,
        "worlds": cells.iter().map(cell).collect::<Vec<_>>(),
    })
}

fn varied(varied: &Varied) -> Value {
    json!({
        "axis": varied.axis.name,
        "world": varied.tier.map(|tier| tier.name),
        "seeds": varied.seeds,
        "all": boundary(&varied.all),
        "each": varied.each.iter().map(boundary).collect::<Vec<_>>(),
    })
}

fn claim(judged: &JudgedClaim) -> Value {
    let statements = judged.claim.statements.iter().zip(&judged.cells);
    json!({
        "id": judged.claim.id,
        "claim": judged.claim.says,
        "verdict": judged.verdict.name(),
        "words": words::verdict(judged),
        "statements": statements.map(statement).collect::<Vec<_>>(),
        "varied": judged.varied.iter().map(varied).collect::<Vec<_>>(),
    })
}

fn parts(ablation: &Ablation) -> Value {
    let quantity = |(quantity, read): (&Observable, &Sample)| {
        json!({
            "quantity": quantity.name(),
            "unit": unit(quantity.scale()),
            "median": read.spread().map(|(_, median, _)| median),
        })
    };
    let rows = ablation.rows.iter().map(|row| {
        json!({
            "world": row.tier.name,
            "parts": row.parts,
            "worse": row.worse,
            "quantities": QUANTITIES.iter().zip(&row.samples).map(quantity).collect::<Vec<_>>(),
        })
    });
    json!({
        "id": ablation::ID,
        "claim": ablation::SAYS,
        "verdict": ablation.verdict.name(),
        "words": super::text::ablation_verdict(ablation),
        "rows": rows.collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    let rows = finding.rows.iter().map(|(name, values)| {
        let values = values.iter().map(|found| {
            json!({"name": found.name, "value": found.value, "unit": unit(Scale::Of(found.unit))})
        });
        json!({"row": name, "values": values.collect::<Vec<_>>()})
    });
    json!({"id": finding.id, "asks": finding.asks, "rows": rows.collect::<Vec<_>>()})
}

/// Everything.
pub fn json(claims_report: &ClaimsReport) -> Value {
    let worlds = TIERS
        .iter()
        .map(|tier| json!({"world": tier.name, "quota": tier.quota, "source": tier.source}));
    json!({
        "format_version": FORMAT_VERSION,
        "seeds": claims_report.seeds,
        "worlds": worlds.collect::<Vec<_>>(),
        "claims": claims_report.claims.iter().map(claim).collect::<Vec<_>>(),
        "ablation": claims_report.ablation.as_ref().map(parts),
        "findings": claims_report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

/// A row for every statement, world and profile.
pub fn csv(claims_report: &ClaimsReport, to: impl io::Write) -> Result<(), csv::Error> {
    let mut to = csv::Writer::from_writer(to);
    to.write_record([
        "claim",
        "verdict",
        "quantity",
        "unit",
        "pages",
        "setup",
        "about",
        "at_least",
        "at_most",
        "world",
        "profile",
        "seeds_read",
        "held",
        "min",
        "median",
        "max",
    ])?;
    for judged in &claims_report.claims {
        for (statement, cells) in judged.claim.statements.iter().zip(&judged.cells) {
            for (cell, (profile, read)) in
                cells.iter().flat_map(|cell| cell.samples.iter().map(move |sample| (cell, sample)))
            {
                let (least, most) = (*statement.range.start(), *statement.range.end());
                let open = if most == u64::MAX { String::new() } else { most.to_string() };
                let spread = read.spread();
                let said = |value: Option<u64>| value.map_or(String::new(), |v| v.to_string());
                to.write_record([
                    judged.claim.id.to_owned(),
                    judged.verdict.name().to_owned(),
                    statement.quantity.name(),
                    unit(statement.quantity.scale()).to_owned(),
                    statement.setup.pages.to_string(),
                    statement.setup.what.to_owned(),
                    statement.profile.to_owned(),
                    least.to_string(),
                    open,
                    cell.tier.name.to_owned(),
                    (*profile).to_owned(),
                    read.read().to_string(),
                    read.held.to_string(),
                    said(spread.map(|spread| spread.0)),
                    said(spread.map(|spread| spread.1)),
                    said(spread.map(|spread| spread.2)),
                ])?;
            }
        }
    }
    to.flush()?;
    Ok(())
}
