//! `tagspace claims`: every promise of the plan, and what came of it.

use crate::cli::args::{CLAIMS_SEEDS, ClaimsArgs};
use crate::cli::error::CliError;
use crate::cli::kept_report::Named;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk, jobs, kept_report};
use crate::report::{claims as report, page};
use crate::study::claims;
use crate::study::claims::measurements::Measurements;
use crate::study::claims::{CLAIMS, ClaimsReport, ablation};

/// Plays the claims, and prints the verdicts, writes the report, or compares it with what was
/// written.
pub(crate) fn claims(args: &ClaimsArgs) -> Result<ExitStatus, CliError> {
    let known: Vec<&str> = CLAIMS.iter().map(|claim| claim.id).chain([ablation::ID]).collect();
    if let Some(only) = &args.only
        && !known.iter().any(|id| id.eq_ignore_ascii_case(only))
    {
        return Err(CliError::Usage {
            message: format!("expected a claim such as C4, found `--only {only}`"),
            help: format!("the claims are: {}", known.join(", ")),
        });
    }
    let is_whole = args.seeds == CLAIMS_SEEDS;
    let out = kept_report::folder("claims", args.out.as_deref(), is_whole, args.check)?;
    if !args.check && args.only.is_none() {
        // Not after minutes of play.
        disk::make_folder(&out)?;
    }
    let progress = Progress::new(args.play.quiet, "simulations");
    let on_trial = || progress.inc();
    let runner = jobs::runner(args.play.jobs)?;
    let measurements = Measurements::new(&runner, args.seeds, &on_trial);
    let claims_report = claims::play(args.only.as_deref(), &measurements);
    progress.finish();
    let claims_report = claims_report?;
    if args.only.is_some() {
        // A part of the report is looked at, not kept.
        print(&report::text(&claims_report));
        return Ok(ExitStatus::Met);
    }
    let files = files(&claims_report)?;
    if args.check {
        return kept_report::check("claims", &out, &files, args.play.quiet);
    }
    let _lock = disk::lock(&out)?;
    kept_report::write(&out, &files)?;
    if !args.play.quiet {
        print(&report::summary(&claims_report));
        print(&format!("\nreport in {}\n", out.display()));
    }
    Ok(ExitStatus::Met)
}

fn files(claims_report: &ClaimsReport) -> Result<Vec<Named>, CliError> {
    let mut csv = Vec::new();
    report::csv(claims_report, &mut csv)
        .map_err(|error| kept_report::failed("claims.csv", &error))?;
    let mut files = vec![
        ("claims.json", kept_report::pretty(&report::json(claims_report))),
        ("claims.csv", csv),
        ("claims.md", report::text(claims_report).into_bytes()),
        ("report.html", page::claims(claims_report).into_bytes()),
    ];
    files.extend(kept_report::picture(
        ("claims.svg", "claims.png"),
        report::profiles(claims_report),
    )?);
    files.extend(kept_report::picture(
        ("boundaries.svg", "boundaries.png"),
        report::boundaries(claims_report),
    )?);
    Ok(files)
}
