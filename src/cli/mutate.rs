//! `tagspace run --mutate`: which targets notice a weaker pipeline.

use indicatif::ProgressBar;

use super::args::RunArgs;
use super::run::options;
use super::{CliError, ExitStatus, find, print};
use crate::study::judge;
use crate::study::mutate::Mutant;

/// Runs every scenario with every weakening that changes it. A mutant that no scenario notices
/// has survived, and the exit code says so.
pub(super) fn mutate(args: &RunArgs) -> Result<ExitStatus, CliError> {
    let loaded = find::load(&args.scenarios)?;
    let options = options(args, &ProgressBar::hidden())?;
    let mut survivors = Vec::new();
    for mutant in Mutant::ALL {
        let mut noticed = 0;
        print(&format!("{}\n", mutant.name()))?;
        for (scenario, targets) in &loaded {
            let Some(weakened) = mutant.of(scenario) else { continue };
            let judged = judge::run(&weakened, targets, &options)?;
            let missed = judged.runs.iter().flat_map(|run| &run.targets).filter(|t| !t.met);
            let missed: Vec<String> = missed
                .map(|judged| {
                    let target = &judged.target;
                    format!("{} {} {}", target.run, target.metric.name, target.text)
                })
                .collect();
            if !missed.is_empty() {
                noticed += 1;
                print(&format!("  noticed by {}: {}\n", scenario.name, missed.join("; ")))?;
            }
        }
        if noticed == 0 {
            survivors.push(mutant.name());
            print("  SURVIVED: no target of these scenarios notices\n")?;
        }
    }
    if survivors.is_empty() {
        print(&format!("all {} mutants were noticed\n", Mutant::ALL.len()))?;
        Ok(ExitStatus::Met)
    } else {
        print(&format!("survived: {}\n", survivors.join(", ")))?;
        Ok(ExitStatus::Missed)
    }
}
