//! Reports that are kept: written, or compared with what was written before.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{CliError, ExitStatus, note};

/// A file of a report, by its name.
pub(super) type Named = (&'static str, Vec<u8>);

/// A picture of a report, as SVG and as PNG.
pub(super) fn picture(
    (svg_name, png_name): (&'static str, &'static str),
    svg: Result<String, crate::report::plot::PlotError>,
) -> Result<[Named; 2], CliError> {
    let svg = svg.map_err(|error| failed(svg_name, &error))?;
    let png = crate::report::plot::png(&svg).map_err(|error| failed(png_name, &error))?;
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

pub(super) fn io_error(what: &str, path: &Path, source: io::Error) -> CliError {
    CliError::Io { what: format!("{what} {}", path.display()), source }
}

/// The folder of a command's report: the one that is named, that of the report that is kept, or, if
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
                "got --check for a part or for other seeds, and reports/{command} to compare with"
            ),
            help: "name the --out of a report on the same, or leave --only and --seeds out"
                .to_owned(),
        }),
        None => Ok(Path::new("reports/out").join(command)),
    }
}

/// Makes a folder, in which files can be made.
pub(super) fn make_folder(out: &Path) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|source| io_error("create", out, source))?;
    let probe = out.join(format!(".{}.part", std::process::id()));
    fs::write(&probe, "").map_err(|source| io_error("write into", out, source))?;
    fs::remove_file(&probe).map_err(|source| io_error("write into", out, source))
}

/// Where runs write unless something else is said. It is no place for what is committed.
const OUT: &str = "reports/out";

/// Makes a folder for runs. One that is made within `reports/out` is ignored by git.
pub(super) fn make_out(out: &Path) -> Result<(), CliError> {
    let is_new = !out.exists();
    make_folder(out)?;
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if is_new && whole(out).starts_with(whole(Path::new(OUT))) {
        replace(&out.join(".gitignore"), b"*\n")?;
    }
    Ok(())
}

/// Makes sure that a file that is there can be written.
pub(super) fn check_writable(path: &Path) -> Result<(), CliError> {
    // A pipe or a device is opened when there is something to write.
    if !path.is_file() {
        return Ok(());
    }
    let opened = OpenOptions::new().append(true).open(path);
    opened.map(drop).map_err(|source| CliError::Usage {
        message: format!("{}: cannot be written: {source}", path.display()),
        help: "make it writable, or name another file".to_owned(),
    })
}

/// Writes a file as a whole: beside it, then in its place, so that a full disk or a kill leaves the
/// earlier one. What is no regular file is written into.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |source| io_error("write", path, source);
    let found = fs::metadata(path);
    if found.as_ref().is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    // What a link names is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let part = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        if let Ok(found) = &found {
            file.set_permissions(found.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&part, &target)
    });
    written.map_err(|source| {
        let _ = fs::remove_file(&part);
        failed(source)
    })
}

/// Waits until no other command works in a folder, and keeps others away until it is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, CliError> {
    let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| io_error("lock", folder, source))
}

/// Makes room for files that are written when all is done. They are not in the folders of the
/// reports, which are replaced as wholes, and are none of those that were read.
pub(super) fn make_room<'a>(
    files: impl Iterator<Item = &'a Path>,
    reports: &[PathBuf],
    read: &[PathBuf],
) -> Result<(), CliError> {
    let mut known = BTreeSet::new();
    let refused = |file: &Path, what: &str, help: &str| {
        let message = format!("got {} to write{what}", file.display());
        Err(CliError::Usage { message, help: help.to_owned() })
    };
    for file in files {
        let is_folder = file.is_dir() || file.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_folder {
            return refused(file, ", which is a folder, wanted a file", "name a file in it");
        }
        let is_in = |report: &PathBuf| real(file).starts_with(real(report));
        if reports.iter().any(is_in) {
            let help = "that folder is replaced as a whole; name a file outside it";
            return refused(file, " in the folder of a scenario's report, wanted another", help);
        }
        if read.iter().any(|read| real(file) == real(read)) {
            let help = "it would be written over; name another file";
            return refused(file, ", which is read, wanted another", help);
        }
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        check_writable(file)?;
        if !known.insert(real(file)) {
            let help = "the second would be written over the first";
            return refused(file, " twice, wanted a file for each", help);
        }
    }
    Ok(())
}

/// The one name of a file or folder, which may be still to be made.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let found = |above: &Path| {
        let rest = path.strip_prefix(above).ok()?;
        Some(fs::canonicalize(above).ok()?.join(rest))
    };
    path.ancestors().find_map(found).unwrap_or_else(|| path.clone())
}

/// Writes a report into its folder.
pub(super) fn write(out: &Path, files: &[Named]) -> Result<(), CliError> {
    fs::create_dir_all(out).map_err(|source| io_error("create", out, source))?;
    files.iter().try_for_each(|(name, bytes)| replace(&out.join(name), bytes))
}

fn is_picture(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "svg" || extension == "png")
}

/// Compares a report with the one in its folder. Only data counts: pictures are the same on one
/// machine, not on all.
pub(super) fn check(
    command: &str,
    out: &Path,
    files: &[Named],
    quiet: bool,
) -> Result<ExitStatus, CliError> {
    let mut differs = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| !is_picture(name)) {
        let path = out.join(name);
        let golden = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => CliError::Usage {
                message: format!("got no {} to compare with", path.display()),
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

/// The threads to work on: so many, or one for each core.
pub(super) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}
