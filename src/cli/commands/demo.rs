//! `tagspace demo`: scenarios that come with the program, written into a folder and played.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::{fs, io};

use clap::Parser;

use super::run::run;
use crate::cli::args::{Cli, Command, DemoArgs};
use crate::cli::error::{CliError, quoted};
use crate::cli::terminal::print;
use crate::cli::{ExitStatus, disk};

/// The scenarios, by the names of their files.
const SCENARIOS: [(&str, &str); 3] = [
    ("before-after.toml", include_str!("../../../scenarios/before-after.toml")),
    ("free-tier-profiles.toml", include_str!("../../../scenarios/free-tier-profiles.toml")),
    ("second-run.toml", include_str!("../../../scenarios/second-run.toml")),
];

/// Writes the scenarios, and plays them as `run` does.
pub(crate) fn demo(args: &DemoArgs) -> Result<ExitStatus, CliError> {
    let folder = &args.folder;
    refuse_foreign(folder)?;
    for (name, text) in SCENARIOS {
        place(&folder.join(name), text)?;
    }
    let reports = folder.join("reports");
    // With `=` and after `--` a name may begin with a hyphen.
    let mut out = OsString::from("--out=");
    out.push(&reports);
    let words: [&OsStr; 7] = [
        "tagspace".as_ref(),
        "run".as_ref(),
        "--color".as_ref(),
        args.color.name().as_ref(),
        out.as_ref(),
        "--".as_ref(),
        folder.as_ref(),
    ];
    let Ok(Cli { command: Command::Run(played) }) = Cli::try_parse_from(words) else {
        return Err(unusable(folder, &io::ErrorKind::InvalidFilename.into()));
    };
    let status = run(&played)?;
    let (shown, out) = (folder.to_string_lossy(), reports.to_string_lossy());
    let again = quoted(["tagspace", "run", &shown, "--out", &out]);
    print(&format!(
        "\nThe scenarios are in {shown}; after a change, `{again}` plays them again.\n\
         Next: `tagspace new first` writes a scenario of your own, `tagspace guide` explains.\n"
    ));
    Ok(status)
}

/// Writes a scenario, unless it is there already; never over another file.
fn place(path: &Path, text: &str) -> Result<(), CliError> {
    match fs::read(path) {
        Ok(found) if found == text.as_bytes() => return Ok(()),
        Ok(_) => {
            let command = path.parent().map_or_else(String::new, |folder| {
                quoted(["tagspace", "run", &folder.to_string_lossy()])
            });
            return Err(CliError::Usage {
                message: format!(
                    "{}: expected the scenario of the demo, found a file with other content",
                    path.display()
                ),
                help: format!(
                    "`{command}` plays what is there; `tagspace demo DIR` takes a new folder"
                ),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(path, &error)),
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
    }
    disk::replace(path, text.as_bytes())
}

/// A folder with other scenarios is somebody's own: they would be played as well.
fn refuse_foreign(folder: &Path) -> Result<(), CliError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = SCENARIOS.iter().any(|(own, _)| *own == name);
        if name.to_lowercase().ends_with(".toml") && !is_ours {
            return Err(CliError::Usage {
                message: format!(
                    "{}: expected a folder for the demo, found other scenarios in it ({name})",
                    folder.display()
                ),
                help: "`tagspace demo DIR` takes a new folder".to_owned(),
            });
        }
    }
    Ok(())
}

fn unusable(path: &Path, error: &io::Error) -> CliError {
    CliError::Usage {
        message: format!("{}: {error}", path.display()),
        help: "`tagspace demo DIR` takes another folder, in which files can be made".to_owned(),
    }
}
