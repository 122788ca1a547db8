//! `tagspace run --clock real`: what was predicted, played in real time.

use crate::cli::args::{Format, RunArgs};
use crate::cli::error::CliError;
use crate::cli::scenarios::Loaded;
use crate::cli::terminal::{note, print};
use crate::report::folder::Folder;
use crate::report::format;
use crate::report::run::realtime_check as table;
use crate::sim::{Clock, Options};
use crate::study::experiment::counterpart;
use crate::study::experiment::realtime_check::{RealTime, RealTimeCheck, RealTimeVerdict};
use crate::study::measure::metric::Metric;
use crate::study::verdict::judge;
use crate::study::verdict::judge::JudgedScenario;

/// Plays a scenario in real time, as often as it is wanted, adds the logs to its report, and compares
/// each run with what was predicted.
pub(crate) fn compare(
    args: &RunArgs,
    (scenario, targets): &Loaded,
    predicted: &JudgedScenario,
    folder: Option<&Folder>,
    options: &Options,
) -> Result<RealTime, CliError> {
    let times = args.repeat.unwrap_or(1);
    let span_ms: u64 = predicted
        .runs
        .iter()
        .zip(&scenario.runs)
        .map(|(judged, run)| judged.figures.number(Metric::Makespan) + run.start_after_s * 1000)
        .sum();
    if !args.quiet {
        let each = format::millis(span_ms);
        let often = if times > 1 { format!("{times} times, each") } else { "once,".to_owned() };
        note(&format!("{}: playing it in real time {often} about {each}", scenario.name));
    }
    let options = Options { clock: Clock::Real, on_progress: None, ..options.clone() };
    let mut measured = Vec::new();
    for number in 1..=times {
        let judged = judge::run(scenario, targets, &options)?;
        if let Some(folder) = folder {
            folder.add_real_log(number.into(), &judged)?;
        }
        measured.push(judged);
    }
    let mut real_time = RealTime { runs: Vec::new() };
    for (index, run) in predicted.runs.iter().enumerate() {
        let prediction = RealTimeCheck::of(index, predicted, &measured);
        real_time.runs.push((run.name.clone(), prediction.clone()));
        if args.quiet {
            continue;
        }
        let mut text = table::text(&run.name, &prediction);
        if prediction.verdict() != RealTimeVerdict::Agrees {
            let logs = measured.iter().filter_map(|one| Some(&one.runs.get(index)?.log));
            let unmatched = logs.filter_map(|log| counterpart::first_unmatched(&run.log, log));
            let first = unmatched.min_by_key(|unmatched| unmatched.t_ms);
            text.extend(first.map(|first| table::unmatched(&first)));
        }
        // Only the document goes to the standard output.
        if args.format == Format::Text {
            print(&format!("{text}\n"));
        } else {
            note(text.trim_end());
        }
    }
    Ok(real_time)
}
