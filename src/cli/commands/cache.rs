//! `tagspace cache`: the answers that `tag` has kept.

use std::fmt::Write;

use super::tag::answers::{existing, failed};
use crate::cli::ExitStatus;
use crate::cli::args::{CacheAction, CacheArgs};
use crate::cli::error::CliError;
use crate::cli::terminal::{note, print};
use crate::pipeline::store::{SqliteStore, StoreError};
use crate::report::format;

/// Answers whose lines are printed at once.
const PRINTED_BYTES: usize = 64 * 1024;

/// Does what is asked with the store.
pub(crate) fn cache(args: &CacheArgs) -> Result<ExitStatus, CliError> {
    let Some(store) = existing(args.store.as_deref())? else { return Ok(ExitStatus::Met) };
    let failed = |error| failed(&store, error);
    match &args.action {
        CacheAction::Stats => print(&stats(&store).map_err(failed)?),
        CacheAction::Clear { model, unused_for } => {
            let gone = store.clear(model.as_deref(), u64::from(*unused_for)).map_err(failed)?;
            let what = format::counted(gone, "answer");
            print(&format!("{what} forgotten; the pages are asked about again\n"));
            if let Err(error) = store.compact() {
                note(&format!("warning: the file stays as large as it was: {error}"));
            }
        }
        CacheAction::Export => export(&store).map_err(failed)?,
    }
    Ok(ExitStatus::Met)
}

fn stats(store: &SqliteStore) -> Result<String, StoreError> {
    let stats = store.stats()?;
    let mut text = format!("{}: {}\n", store.path().display(), size(stats.bytes));
    for (model, answers) in &stats.answers {
        let _ = writeln!(text, "  {model}: {}", format::counted(*answers, "answer"));
    }
    let _ = match stats.oldest_days {
        None => writeln!(text, "  no answer is kept"),
        Some(0) => writeln!(text, "  all of them were used today"),
        Some(days) => {
            writeln!(text, "  the oldest was used {} ago", format::counted(days, "day"))
        }
    };
    Ok(text)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

fn export(store: &SqliteStore) -> Result<(), StoreError> {
    let mut lines = "key,model,unused_days,tags\n".to_owned();
    store.each(|answer| {
        let mut row = csv::Writer::from_writer(Vec::new());
        let days = answer.unused_days.to_string();
        // Rows in memory cannot fail to be written.
        let _ = row.write_record([&answer.key, &answer.model, &days, &answer.tags]);
        lines.push_str(&String::from_utf8_lossy(&row.into_inner().unwrap_or_default()));
        if lines.len() >= PRINTED_BYTES {
            print(&std::mem::take(&mut lines));
        }
        Ok::<(), StoreError>(())
    })?;
    print(&lines);
    Ok(())
}
