//! `tagspace run --mutate`: which targets notice a weaker pipeline.

use indicatif::ProgressBar;

use super::run::options;
use crate::cli::args::RunArgs;
use crate::cli::error::CliError;
use crate::cli::outputs::Failures;
use crate::cli::terminal::{note, print};
use crate::cli::{ExitStatus, scenarios};
use crate::study::experiment::mutation::Mutant;
use crate::study::verdict::judge;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::target::JudgedTarget;

/// Runs every scenario with every weakening that changes it. A target notices if the weakening
/// makes it miss: one that is missed anyway notices nothing. A mutant that no scenario notices has
/// survived, and the exit code says so; unless all histories are the same with it, so that there
/// was nothing to notice.
pub(crate) fn mutate(args: &RunArgs) -> Result<ExitStatus, CliError> {
    let loaded = scenarios::load(&args.scenarios)?;
    let failures = Failures::default();
    let options = options(args, &ProgressBar::hidden(), &failures)?;
    let say = |text: &str| {
        if !args.quiet {
            print(text);
        }
    };
    let mut unweakened = Vec::new();
    for (scenario, targets) in &loaded {
        let judged = judge::run(scenario, targets, &options)?;
        let missed: Vec<String> = of(&judged).filter(|t| !t.met).map(name).collect();
        if !missed.is_empty() && !args.quiet {
            let missed = missed.join("; ");
            note(&format!(
                "{} misses these as it is, so they notice nothing: {missed}",
                scenario.name
            ));
        }
        unweakened.push(judged);
    }
    let (mut survivors, mut noticed_all, mut harmless) = (Vec::new(), 0, 0);
    for mutant in Mutant::ALL {
        let (mut noticed, mut applied, mut is_harmless) = (0, 0, true);
        say(&format!("{}\n", mutant.name()));
        for ((scenario, targets), before) in loaded.iter().zip(&unweakened) {
            let Some(weakened) = mutant.of(scenario) else { continue };
            applied += 1;
            let judged = judge::run(&weakened, targets, &options)?;
            is_harmless &= before.digests() == judged.digests();
            let flipped =
                of(before).zip(of(&judged)).filter(|(before, now)| before.met && !now.met);
            let missed: Vec<String> = flipped.map(|(_, now)| name(now)).collect();
            if !missed.is_empty() {
                noticed += 1;
                say(&format!("  noticed by {}: {}\n", scenario.name, missed.join("; ")));
            }
        }
        if applied == 0 {
            say("  does not apply: these pipelines are that weak already\n");
        } else if noticed > 0 {
            noticed_all += 1;
        } else if is_harmless {
            harmless += 1;
            say("  changes nothing in these scenarios: they do not need what it takes away\n");
        } else {
            survivors.push(mutant.name());
            say("  SURVIVED: no target of these scenarios notices\n");
        }
    }
    if survivors.is_empty() {
        let nothing = match harmless {
            0 => String::new(),
            _ => format!(", {harmless} changed nothing here"),
        };
        say(&format!(
            "{noticed_all} of {} mutants were noticed, none survived{nothing}\n",
            Mutant::ALL.len()
        ));
        Ok(ExitStatus::Met)
    } else {
        say(&format!("survived: {}\n", survivors.join(", ")));
        Ok(ExitStatus::Missed)
    }
}

fn of(judged: &JudgedScenario) -> impl Iterator<Item = &JudgedTarget> {
    judged.runs.iter().flat_map(|run| &run.targets)
}

fn name(judged: &JudgedTarget) -> String {
    let target = &judged.target;
    format!("{} {} {}", target.run, target.metric.name(), target.text)
}
