//! Parts of a study in files: played by many processes, joined by one.

use std::fs;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::cli::args::TuneArgs;
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk, jobs};
use crate::study::tune::shard::{Header, Shard};
use crate::study::tune::trials::{Results, TrialId, TrialResult};
use crate::study::tune::{StudySpec, TuneError, shard, trials};

/// Where parts lie within `--out`.
const FOLDER: &str = "parts";

/// Which part is to be played, if not all of it.
#[expect(clippy::disallowed_methods, reason = "a Kubernetes Indexed Job tells its pods apart so")]
pub(super) fn shard(args: &TuneArgs) -> Result<Option<Shard>, CliError> {
    if args.shard.is_some() {
        return Ok(args.shard);
    }
    let name = "JOB_COMPLETION_INDEX";
    let index = std::env::var(name).ok();
    let usage = |message: String| CliError::Usage {
        message,
        help: format!(
            "--shards N takes the number of the part from {name}, counted from 0; --shard K/N names it, counted from 1"
        ),
    };
    match (args.shards, index) {
        (None, None) => Ok(None),
        // Each pod would play everything, and none would know of the others.
        (None, Some(index)) => Err(usage(format!("{name}={index} needs --shards"))),
        (Some(count), None) => Err(usage(format!("--shards {count} needs {name}"))),
        (Some(count), Some(text)) => match text.parse::<u64>() {
            Ok(index) if index < count => Ok(Some(Shard { index: index + 1, count })),
            _ => Err(usage(format!("expected a number below {count}, found {name}={text}"))),
        },
    }
}

/// Plays a part into its file; what is in it already is not played again.
pub(super) fn play(
    args: &TuneArgs,
    specs: &[StudySpec],
    shard: Shard,
) -> Result<ExitStatus, CliError> {
    let folder = args.out.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|source| disk::io_error("create", &folder, source))?;
    let path = folder.join(shard.file());
    let header = Header::of(specs, shard);
    let known = match fs::read_to_string(&path) {
        Ok(text) if text.contains('\n') => known(&path, &header, &text)?,
        // Not even a first line.
        Ok(_) => Results::new(),
        Err(error) if error.kind() == ErrorKind::NotFound => Results::new(),
        Err(error) => {
            return Err(CliError::Usage {
                message: format!("{}: cannot read: {error}", path.display()),
                help: "choose another --out, or remove the file to play the part anew".to_owned(),
            });
        }
    };
    let in_path = |source| disk::io_error("write", &path, source);
    // Anew, without a last line that was cut off; in a file beside it, so that nothing is lost.
    let whole = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&whole).map_err(in_path)?);
    shard::write_header(&header, &mut file).map_err(in_path)?;
    for (trial, played) in &known {
        shard::write_trial(*trial, played, &mut file).map_err(in_path)?;
    }
    file.flush().map_err(in_path)?;
    fs::rename(&whole, &path).map_err(in_path)?;
    let trials = shard.trials(specs);
    let left: Vec<TrialId> =
        trials.iter().filter(|trial| !known.contains_key(trial)).copied().collect();
    let progress = Progress::new(args.play.quiet, "simulations");
    progress.of(left.len());
    let file = Mutex::new(file);
    let on_trial = |trial: TrialId, played: &TrialResult| {
        let mut file = file.lock();
        let written = shard::write_trial(trial, played, &mut *file).and_then(|()| file.flush());
        progress.inc();
        written.map_err(|source| TuneError::Io { path: path.clone(), source })
    };
    let runner = jobs::runner(args.play.jobs)?;
    let played = trials::play(specs, &left, &runner, &on_trial);
    progress.finish();
    played.map_err(CliError::from)?;
    if !args.play.quiet {
        let Shard { index, count } = shard;
        let (all, left) = (trials.len(), left.len());
        print(&format!(
            "part {index} of {count}: {left} of {all} simulations played, the others were there; in {}\n",
            path.display()
        ));
    }
    Ok(ExitStatus::Met)
}

/// The trials of a part that was begun earlier.
fn known(path: &Path, header: &Header, text: &str) -> Result<Results, CliError> {
    let unfit = |message: String| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "choose another --out, or remove the file to play the part anew".to_owned(),
    };
    let (known, results) = shard::read_part(text).map_err(unfit)?;
    if known == *header {
        Ok(results)
    } else {
        Err(unfit("expected a shard of this study, found one of another".to_owned()))
    }
}

/// Joins the parts of a folder.
pub(super) fn merge(folder: &Path) -> Result<(Vec<StudySpec>, Results), CliError> {
    let within = folder.join(FOLDER);
    let folder = if within.is_dir() { within } else { folder.to_path_buf() };
    let unfit = |path: &Path, message: String| CliError::Usage {
        message: format!("{}: {message}", path.display()),
        help: "--merge takes the --out that all parts of one study share".to_owned(),
    };
    let unreadable = |error: std::io::Error| unfit(&folder, format!("cannot read: {error}"));
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut all, mut first): (Results, Option<(&PathBuf, Header)>) = (Results::new(), None);
    for path in &paths {
        let text = fs::read_to_string(path).map_err(|error| unfit(path, error.to_string()))?;
        let (header, results) = shard::read_part(&text).map_err(|message| unfit(path, message))?;
        if first.as_ref().is_some_and(|(_, first)| first.digest != header.digest) {
            return Err(unfit(
                path,
                "this shard belongs to another study than the others".to_owned(),
            ));
        }
        if results.iter().any(|(trial, played)| all.get(trial).is_some_and(|known| known != played))
        {
            return Err(unfit(
                path,
                "a trial is in another part too, with other figures".to_owned(),
            ));
        }
        all.extend(results);
        first.get_or_insert((path, header));
    }
    let (path, header) = first
        .ok_or_else(|| unfit(&folder, "expected at least one shard, found none".to_owned()))?;
    let specs = header.specs().map_err(|message| unfit(path, message))?;
    let count = header.shard.count;
    let missing = header.shard.missing(&specs, &all);
    let missing: Vec<String> = missing
        .into_iter()
        .map(|(index, all, played)| format!("{index}/{count} ({played} of {all} simulations)"))
        .collect();
    if missing.is_empty() {
        return Ok((specs, all));
    }
    Err(CliError::Usage {
        message: format!("{}: no whole shard {}", folder.display(), missing.join(", ")),
        help: "play what is missing with --shard, and then merge again".to_owned(),
    })
}
