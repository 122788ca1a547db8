//! `tagspace run --clock real`: what was foretold, played in real time.

use super::args::RunArgs;
use super::find::Loaded;
use super::{CliError, note, print};
use crate::report::{format, prediction as table};
use crate::sim::{Clock, Options};
use crate::study::figures::Figures;
use crate::study::judge::{self, JudgedScenario};
use crate::study::prediction;

/// Plays a scenario in real time, as often as it is wanted, and compares. Whether all agree.
pub(super) fn compare(
    args: &RunArgs,
    (scenario, targets): &Loaded,
    predicted: &JudgedScenario,
    options: &Options,
) -> Result<bool, CliError> {
    let times = args.repeat.unwrap_or(1);
    let span_ms: u64 = predicted
        .runs
        .iter()
        .zip(&scenario.runs)
        .map(|(judged, run)| judged.figures.number("makespan") + run.start_after_s * 1000)
        .sum();
    if !args.quiet {
        let each = format::millis(span_ms);
        let often = if times > 1 { format!("{times} times, each") } else { "once,".to_owned() };
        note(&format!("{}: playing it in real time {often} about {each}", scenario.name));
    }
    let options = Options { clock: Clock::Real, on_progress: None, ..options.clone() };
    let mut measured = Vec::new();
    for _ in 0..times {
        measured.push(judge::run(scenario, targets, &options)?);
    }
    let mut agree = true;
    for (index, run) in predicted.runs.iter().enumerate() {
        let of_run: Vec<&Figures> =
            measured.iter().filter_map(|one| Some(&one.runs.get(index)?.figures)).collect();
        let rows = prediction::compare(&run.figures, &of_run);
        agree &= rows.iter().all(|row| row.agrees() != Some(false));
        if !args.quiet {
            print(&format!("{}\n", table::text(&run.name, &rows)));
        }
    }
    Ok(agree)
}
