//! Reports that are kept: written, or compared with what was written before.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::ExitStatus;
use super::disk::{io_error, replace_locked};
use super::error::CliError;
use super::terminal::note;

/// A file of a report, by its name.
pub(super) type Named = (&'static str, Vec<u8>);

/// A picture of a report, as SVG and as PNG.
pub(super) fn picture(
    (svg_name, png_name): (&'static str, &'static str),
    drawn: Result<crate::report::draw::Picture, crate::report::draw::PlotError>,
) -> Result<[Named; 2], CliError> {
    let svg = drawn.map_err(|error| failed(svg_name, &error))?.file();
    let png = crate::report::draw::png(&svg).map_err(|error| failed(png_name, &error))?;
    Ok([(svg_name, svg.into_bytes()), (png_name, png)])
}

/// JSON as it is written into a file.
pub(super) fn pretty(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

/// A file of a report could not be made.
pub(super) fn failed(what: &str, error: &dyn std::fmt::Display) -> CliError {
    CliError::Io { what: format!("make {what}"), source: io::Error::other(error.to_string()) }
}

/// The folder of a command's report: the one that is named, the kept report's folder, or, if
/// it is about something else, one beside it.
pub(super) fn folder(
    command: &str,
    named: Option<&Path>,
    is_whole: bool,
    check: bool,
) -> Result<PathBuf, CliError> {
    match named {
        Some(named) => Ok(named.to_path_buf()),
        None if is_whole => Ok(Path::new("reports").join(command)),
        None if check => Err(CliError::Usage {
            message: format!(
                "--check of a part, or with other seeds, cannot be compared with reports/{command}"
            ),
            help: "name the --out of a report on the same, or leave --only and --seeds out"
                .to_owned(),
        }),
        None => Ok(Path::new("reports/out").join(command)),
    }
}

/// Writes a report into its folder, which is locked.
pub(super) fn write(out: &Path, files: &[Named]) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|source| io_error("create", out, source))?;
    files.iter().try_for_each(|(name, bytes)| replace_locked(&out.join(name), bytes))
}

/// Whether a file shows what another one holds.
fn is_shown(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| ["svg", "png", "html"].iter().any(|one| extension == *one))
}

/// Compares a report with the one in its folder. Only data counts: pictures are the same on one
/// machine, not on all, and pages have the style of their version.
pub(super) fn check(
    command: &str,
    out: &Path,
    files: &[Named],
    quiet: bool,
) -> Result<ExitStatus, CliError> {
    let mut differs = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| !is_shown(name)) {
        let path = out.join(name);
        let golden = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CliError::Usage {
                message: format!("there is no {} to compare with", path.display()),
                help: format!("`tagspace {command} --out {}` writes one", out.display()),
            },
            _ => io_error("read", &path, source),
        })?;
        if golden != *bytes {
            differs.push(format!("{name} from line {}", first_difference(&golden, bytes)));
        }
    }
    if differs.is_empty() {
        if !quiet {
            note(&format!("{} is as it was written down", out.display()));
        }
        return Ok(ExitStatus::Met);
    }
    note(&format!(
        "what was played differs from {}: {}\n  help: `tagspace {command} --out {}` writes it anew; say why in the commit",
        out.display(),
        differs.join(", "),
        out.display()
    ));
    Ok(ExitStatus::Regressed)
}

/// The number of the first line that differs.
fn first_difference(golden: &[u8], now: &[u8]) -> usize {
    let same = golden.iter().zip(now).take_while(|(a, b)| a == b);
    1 + same.filter(|(byte, _)| **byte == b'\n').count()
}
