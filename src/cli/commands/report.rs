//! `tagspace report`: the page of a report made anew, or one page of several reports.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::args::ReportArgs;
use crate::cli::error::CliError;
use crate::cli::saved_report;
use crate::cli::saved_report::SavedReport;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk};
use crate::report::page;
use crate::report::page::SavedRun;

/// How a page begins.
const PAGE_START: &[u8] = b"<!DOCTYPE html>";
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
    check_page(&out)?;
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

/// Makes sure that a file that is there is a page.
fn check_page(out: &Path) -> Result<(), CliError> {
    let refused = |found: &str| {
        Err(CliError::Usage {
            message: format!("{}: expected a page, found {found}", out.display()),
            help: "it is not written over; choose another --out".to_owned(),
        })
    };
    if out.is_dir() {
        return refused("a folder");
    }
    let Ok(file) = File::open(out) else { return Ok(()) };
    // Into a pipe or a device it may be written.
    if !out.is_file() {
        return Ok(());
    }
    let mut start = Vec::new();
    let read = file.take(PAGE_START.len() as u64).read_to_end(&mut start);
    let is_page = read.is_ok() && (start.is_empty() || start == PAGE_START);
    if is_page { Ok(()) } else { refused("something else") }
}

/// The page of what was read.
fn html(saved: Vec<(&Path, SavedReport)>) -> Result<String, CliError> {
    if let [(_, SavedReport::Scenario(one))] = saved.as_slice() {
        return Ok(one.page());
    }
    let is_alone = saved.len() == 1;
    let mut all: Vec<SavedRun> = Vec::new();
    let mut title = String::new();
    let paths: Vec<&Path> = saved.iter().map(|(path, _)| *path).collect();
    let labels = labels(&paths);
    for (at, (path, report)) in saved.into_iter().enumerate() {
        let runs = match report {
            SavedReport::Live(live) => {
                title = live.name;
                live.runs
            }
            SavedReport::Scenario(one) => match &one.series {
                Some(series) => return Err(saved_report::many_seeds(path, series)),
                None => one.runs(),
            },
        };
        let folder = &labels[at];
        let is_one = runs.len() == 1;
        for mut one in runs {
            if !is_alone {
                one.run.name =
                    if is_one { folder.clone() } else { format!("{folder}: {}", one.run.name) };
            }
            all.push(one);
        }
    }
    if all.is_empty() {
        return Err(saved_report::no_events(paths.first().copied().unwrap_or(Path::new("."))));
    }
    if !is_alone || title.is_empty() {
        title = all.iter().map(|one| one.run.name.as_str()).collect::<Vec<_>>().join(", ");
    }
    Ok(page::saved(&title, all))
}

/// What tells folders from each other: their names, or all of their paths where names are the same.
fn labels(paths: &[&Path]) -> Vec<String> {
    let name = |path: &&Path| {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let names: Vec<String> = paths.iter().map(name).collect();
    let is_told = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
    let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
    if names.iter().all(|name| is_told(name) && !is_number(name)) {
        return names;
    }
    paths.iter().map(|path| path.display().to_string()).collect()
}
