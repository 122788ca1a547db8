//! The page of the claims: what became of each promise, and where it holds.

use maud::{Markup, html};

use super::chrome::{Section, figure, page};
use crate::report::claims::{boundaries, profiles, text, words};
use crate::report::format;
use crate::study::claims::{ClaimVerdict, ClaimsReport, ablation};

/// The page of the claims.
pub fn claims(claims_report: &ClaimsReport) -> String {
    let count = |verdict: ClaimVerdict| {
        claims_report.claims.iter().filter(|one| one.verdict == verdict).count()
    };
    let (hold, when) = (count(ClaimVerdict::Holds), count(ClaimVerdict::HoldsWhen));
    let refuted = count(ClaimVerdict::Refuted);
    let heading = format!("{hold} hold, {when} hold in some places, {refuted} are refuted");
    let head = html! {
        header {
            h1 { "The claims of the plan" }
            p.question { "Which promises hold, which do not, and from where on?" }
            p.quiet { (format::counted(claims_report.claims.len(), "claim")) ", seeds 1 to " (claims_report.seeds) }
            p { (heading) "." }
        }
    };
    let sections = [
        Section { id: "claims", heading, body: verdicts(claims_report) },
        Section {
            id: "profiles",
            heading: "The plan beside what was before it, from free accounts to paid ones"
                .to_owned(),
            body: figure(&profiles(claims_report)),
        },
        Section {
            id: "boundaries",
            heading: "From where on a claim holds".to_owned(),
            body: figure(&boundaries(claims_report)),
        },
        Section {
            id: "numbers",
            heading: "All numbers".to_owned(),
            body: html! { details { summary { "The report as text" } pre { (text(claims_report)) } } },
        },
    ];
    page("The claims of the plan", &head, &sections)
}

fn mark(verdict: ClaimVerdict) -> (&'static str, &'static str) {
    match verdict {
        ClaimVerdict::Holds => ("mark-met", "✓ "),
        ClaimVerdict::HoldsWhen => ("", "◐ "),
        ClaimVerdict::Refuted => ("mark-missed", "✗ "),
    }
}

fn verdicts(claims_report: &ClaimsReport) -> Markup {
    let row = |id: &str, says: &str, verdict: ClaimVerdict, words: String| {
        let (class, mark) = mark(verdict);
        html! {
            tr {
                th scope="row" { (id) }
                td.left { (says) }
                td.left { span class=(class) { (mark) (verdict.name()) } }
                td.left { (words) }
            }
        }
    };
    html! {
        div.scroll tabindex="0" {
            table {
                thead {
                    tr {
                        th scope="col" { "" }
                        th.left scope="col" { "what it promises" }
                        th.left scope="col" { "verdict" }
                        th.left scope="col" { "where" }
                    }
                }
                tbody {
                    @for one in &claims_report.claims {
                        (row(one.claim.id, one.claim.says, one.verdict, words::verdict(one)))
                    }
                    @if let Some(one) = &claims_report.ablation {
                        (row(ablation::ID, ablation::SAYS, one.verdict, String::new()))
                    }
                }
            }
        }
    }
}
