//! The report as Markdown, and its summary for a terminal.

use std::fmt::Write;

use super::words::{amount, boundary, place, range, spread, verdict};
use crate::report::table::markdown;
use crate::study::claims::ablation::{Ablation, PARTS, QUANTITIES};
use crate::study::claims::factor::{FEW, MANY};
use crate::study::claims::findings::Finding;
use crate::study::claims::observable::{Observable, Scale};
use crate::study::claims::worlds::{BASE, EIGHT, TIERS};
use crate::study::claims::{ClaimVerdict, ClaimsReport, JudgedClaim, ablation};

/// Every claim with its verdict.
pub fn summary(claims_report: &ClaimsReport) -> String {
    let mut rows: Vec<Vec<String>> = claims_report
        .claims
        .iter()
        .map(|judged| {
            vec![
                format!("{} {}", judged.claim.id, judged.claim.says),
                judged.verdict.name().to_owned(),
            ]
        })
        .collect();
    if let Some(ablation) = &claims_report.ablation {
        rows.push(vec![
            format!("{} {}", ablation::ID, ablation::SAYS),
            ablation.verdict.name().to_owned(),
        ]);
    }
    markdown(&["claim", "verdict"], &rows)
}

/// The whole report.
pub fn text(claims_report: &ClaimsReport) -> String {
    let mut out = String::from("# The claims of the plan, and what came of them\n\n");
    let seeds = claims_report.seeds;
    let _ = write!(
        out,
        "Every statement is played in {} worlds with seeds 1 to {seeds} (1 to {} with 500 pages, \
         and where little is left to chance), before and after on the same weather. It holds in a world if it does in at least 95 % of the seeds; a claim holds if \
         all its statements do in all worlds. What is shown is the middle of all seeds, with the least \
         and the most. Where a claim does not hold as it stands, one thing at a time is varied, the \
         rest being the plan's, to find where all its statements hold together: seeds 1 to {}, \
         or 1 to {} where next to nothing is left to chance.\n\n",
        TIERS.len(),
        seeds.min(EIGHT),
        seeds.min(MANY),
        seeds.min(FEW)
    );
    for judged in &claims_report.claims {
        let _ = writeln!(
            out,
            "- **{}** {}: **{}**",
            judged.claim.id,
            judged.claim.says,
            verdict(judged)
        );
    }
    if let Some(ablation) = &claims_report.ablation {
        let _ = writeln!(
            out,
            "- **{}** {}: **{}**",
            ablation::ID,
            ablation::SAYS,
            ablation_verdict(ablation)
        );
    }
    out.push_str("\n## The worlds\n\n");
    let worlds: Vec<Vec<String>> = TIERS
        .iter()
        .map(|tier| [tier.name, tier.quota, tier.source].map(str::to_owned).to_vec())
        .collect();
    out.push_str(&markdown(&["world", "gemini.quota", "from"], &worlds));
    let _ = write!(out, "\nThe rest is the same in all of them:\n\n```toml\n{BASE}```\n");
    for judged in &claims_report.claims {
        claim(&mut out, judged);
    }
    if let Some(ablation) = &claims_report.ablation {
        parts(&mut out, ablation);
    }
    if !claims_report.findings.is_empty() {
        out.push_str("\n# What the plan did not expect\n");
    }
    for finding in &claims_report.findings {
        found(&mut out, finding);
    }
    out
}

fn claim(out: &mut String, judged: &JudgedClaim) {
    let claim = judged.claim;
    let _ = write!(out, "\n## {} {}\n\n**{}**\n", claim.id, claim.says, verdict(judged));
    for (statement, cells) in claim.statements.iter().zip(&judged.cells) {
        let scale = statement.quantity.scale();
        let _ = write!(
            out,
            "\n`{}` with {} pages, {}, {}: {}\n\n",
            statement.quantity.name(),
            statement.setup.pages,
            statement.setup.what,
            statement.profile,
            range(&statement.range, scale)
        );
        let mut headings = vec!["world"];
        let profiles = cells.first().into_iter().flat_map(|cell| &cell.samples);
        headings.extend(profiles.map(|(profile, _)| *profile));
        headings.push("holds");
        let rows: Vec<Vec<String>> = cells
            .iter()
            .map(|cell| {
                let mut row = vec![cell.tier.name.to_owned()];
                row.extend(cell.samples.iter().map(|(_, sample)| spread(sample, scale)));
                let own = cell.samples.iter().find(|(profile, _)| *profile == statement.profile);
                row.push(own.map_or("-".to_owned(), |(_, sample)| match sample.read() {
                    0 => "nothing to read".to_owned(),
                    read if cell.holds => format!("yes ({} of {read})", sample.held),
                    read => format!("no ({} of {read})", sample.held),
                }));
                row
            })
            .collect();
        out.push_str(&markdown(&headings, &rows));
    }
    if judged.varied.is_empty() {
        return;
    }
    out.push_str("\nWhere it holds:\n\n");
    for varied in &judged.varied {
        let all = boundary(&varied.all, varied.axis);
        let few = if varied.axis.seeds == FEW { ", few seeds" } else { "" };
        let _ = writeln!(out, "- `{}`{}{few}: {all}", varied.axis.name, place(varied));
        if claim.statements.len() < 2 {
            continue;
        }
        for (statement, each) in claim.statements.iter().zip(&varied.each) {
            let _ = writeln!(
                out,
                "  - {} of {} pages, {} {}: {}",
                statement.quantity.name(),
                statement.setup.pages,
                statement.profile,
                range(&statement.range, statement.quantity.scale()),
                boundary(each, varied.axis)
            );
        }
    }
}

pub(super) fn ablation_verdict(ablation: &Ablation) -> String {
    let mut harmful: Vec<(String, String, Vec<&str>)> = Vec::new();
    let alone = ablation.rows.iter().filter(|row| row.parts.len() == 1);
    let mut harmless: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    for row in alone.filter(|row| !row.worse.is_empty()) {
        harmless.retain(|part| !row.parts.contains(part));
        let worse: Vec<&str> = row.worse.iter().map(String::as_str).collect();
        let (part, worse) = (row.parts.join(" + "), in_a_row(&worse));
        match harmful.iter_mut().find(|known| known.0 == part && known.1 == worse) {
            Some((.., worlds)) => worlds.push(row.tier.name),
            None => harmful.push((part, worse, vec![row.tier.name])),
        }
    }
    let mut said = match (ablation.verdict, harmless.as_slice()) {
        (ClaimVerdict::HoldsWhen, [_, ..]) => format!("holds of {}", harmless.join(" and ")),
        (verdict, _) => verdict.name().to_owned(),
    };
    for (part, worse, worlds) in &harmful {
        let worlds = in_a_row(worlds);
        let _ = write!(said, "; on {worlds} the {part} alone makes {worse} worse");
    }
    said
}

/// Words as they are listed in a sentence.
fn in_a_row(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        words => words.join(", "),
    }
}

fn parts(out: &mut String, ablation: &Ablation) {
    let _ = write!(
        out,
        "\n## {} {}\n\n**{}**\n\n100 pages, then again with up to 30 % changed; the parts are brought \
         into the state before. Worse: by more than 1 %, by the middle of all seeds.\n\n",
        ablation::ID,
        ablation::SAYS,
        ablation_verdict(ablation)
    );
    let names = QUANTITIES.map(Observable::name);
    let mut headings = vec!["world", "parts"];
    headings.extend(names.iter().map(String::as_str));
    headings.push("worse");
    let rows: Vec<Vec<String>> = ablation
        .rows
        .iter()
        .map(|row| {
            let parts =
                if row.parts.is_empty() { "none".to_owned() } else { row.parts.join(" + ") };
            let mut cells = vec![row.tier.name.to_owned(), parts];
            for (quantity, sample) in QUANTITIES.iter().zip(&row.samples) {
                let middle = sample.spread().map(|(_, middle, _)| middle);
                cells.push(middle.map_or("-".to_owned(), |value| amount(value, quantity.scale())));
            }
            cells.push(row.worse.join(", "));
            cells
        })
        .collect();
    out.push_str(&markdown(&headings, &rows));
}

fn found(out: &mut String, finding: &Finding) {
    let _ = write!(out, "\n## {}\n\n", finding.asks);
    let mut headings = vec![""];
    if let Some((_, values)) = finding.rows.first() {
        headings.extend(values.iter().map(|found| found.name.as_str()));
    }
    let rows: Vec<Vec<String>> = finding
        .rows
        .iter()
        .map(|(name, values)| {
            let said = values.iter().map(|found| {
                found.value.map_or("-".to_owned(), |value| amount(value, Scale::Of(found.unit)))
            });
            std::iter::once(name.clone()).chain(said).collect()
        })
        .collect();
    out.push_str(&markdown(&headings, &rows));
}
