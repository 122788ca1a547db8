//! `tagspace report`: the page of a report made anew, or one page of several reports.

use std::path::{Path, PathBuf};

use crate::cli::args::ReportArgs;
use crate::cli::error::CliError;
use crate::cli::saved_report::SavedReport;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk};
use crate::report::page;
use crate::report::page::SavedRun;

/// Where a page is written that is of no single folder.
const OUT: &str = "reports/out/report.html";

/// Makes the page, and shows it if that is asked for.
pub(crate) fn report(args: &ReportArgs) -> Result<ExitStatus, CliError> {
    let mut saved = Vec::new();
    for path in &args.paths {
        saved.push((path.as_path(), SavedReport::read(path, args.files.as_deref())?));
    }
    let own = match args.paths.as_slice() {
        [folder] if folder.is_dir() => Some(folder.join("report.html")),
        _ => None,
    };
    let out = args.out.clone().or(own);
    let out = if let Some(out) = out {
        out
    } else {
        disk::make_out(Path::new("reports/out"))?;
        PathBuf::from(OUT)
    };
    let html = html(saved)?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        disk::make_folder(folder)?;
    }
    disk::replace(&out, html.as_bytes())?;
    print(&format!("report in {}\n", out.display()));
    if args.open {
        opener::open(&out).map_err(|error| CliError::Usage {
            message: format!("{}: no browser shows it: {error}", out.display()),
            help: "the page is written; open it yourself".to_owned(),
        })?;
    }
    Ok(ExitStatus::Met)
}

/// The page of what was read.
fn html(saved: Vec<(&Path, SavedReport)>) -> Result<String, CliError> {
    if let [(_, SavedReport::Scenario(one))] = saved.as_slice() {
        return Ok(one.page());
    }
    let is_alone = saved.len() == 1;
    let mut all: Vec<SavedRun> = Vec::new();
    let mut title = String::new();
    for (path, report) in saved {
        let runs = match report {
            SavedReport::Live(live) => {
                title = live.name;
                live.runs
            }
            SavedReport::Scenario(one) if one.series.is_some() => return Err(series(path)),
            SavedReport::Scenario(one) => one.runs(),
        };
        let count = runs.len();
        for mut one in runs {
            if !is_alone {
                one.run.name = label(path, &one.run.name, count);
            }
            all.push(one);
        }
    }
    if all.is_empty() {
        return Err(CliError::Usage {
            message: "expected the events of a run, found none".to_owned(),
            help: "the run ended before its first event".to_owned(),
        });
    }
    if !is_alone || title.is_empty() {
        title = all.iter().map(|one| one.run.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    Ok(page::saved(&title, all))
}

/// What tells a run from those of other folders.
fn label(path: &Path, run: &str, runs: usize) -> String {
    let folder = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let folder = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if runs > 1 { format!("{folder}: {run}") } else { folder }
}

fn series(path: &Path) -> CliError {
    CliError::Usage {
        message: format!(
            "{}: expected a single run to show beside others, found many seeds",
            path.display()
        ),
        help: format!(
            "name one of its seeds, such as {}; `tagspace compare` compares series",
            path.join("seeds/1").display()
        ),
    }
}
