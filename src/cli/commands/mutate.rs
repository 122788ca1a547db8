//! `tagspace run --mutate`: which targets notice a weaker pipeline.

use std::collections::BTreeMap;

use indicatif::ProgressBar;

use super::run::options;
use crate::cli::args::RunArgs;
use crate::cli::error::CliError;
use crate::cli::outputs::Failures;
use crate::cli::scenarios::Loaded;
use crate::cli::terminal::{note, print};
use crate::cli::{ExitStatus, jobs, scenarios};
use crate::study::experiment::mutation::Mutant;
use crate::study::experiment::trial;
use crate::study::verdict::judge;
use crate::study::verdict::judge::JudgedScenario;
use crate::study::verdict::target::JudgedTarget;

/// What came of a scenario as it is, or with a weaker pipeline.
struct MutantResult {
    digests: Vec<String>,
    targets: Vec<JudgedTarget>,
}

impl MutantResult {
    fn of(judged: &JudgedScenario) -> Self {
        let targets = judged.runs.iter().flat_map(|run| run.targets.clone());
        Self { digests: judged.digests(), targets: targets.collect() }
    }
}

/// Every scenario as it is, and with every weakening that changes it.
struct MutantRuns {
    /// By scenario.
    unweakened: Vec<MutantResult>,
    /// By mutant and scenario, where it changes a setting; nothing of one that does not even end.
    weakened: BTreeMap<(usize, usize), Option<MutantResult>>,
}

impl MutantRuns {
    fn play(args: &RunArgs, loaded: &[Loaded]) -> Result<Self, CliError> {
        let failures = Failures::default();
        let options = options(args, &ProgressBar::hidden(), &failures)?;
        let runner = jobs::runner(args.jobs)?;
        let unweakened = runner.each(loaded.len(), |at| {
            let (scenario, targets) = &loaded[at];
            Ok::<_, CliError>(MutantResult::of(&judge::run(scenario, targets, &options)?))
        })?;
        let mut weak = Vec::new();
        for (number, mutant) in Mutant::ALL.iter().enumerate() {
            for (at, (scenario, _)) in loaded.iter().enumerate() {
                weak.extend(mutant.of(scenario).map(|scenario| ((number, at), scenario)));
            }
        }
        let weakened = runner.each(weak.len(), |index| {
            let (place, scenario) = &weak[index];
            let judged = trial::ended(judge::run(scenario, &loaded[place.1].1, &options))?;
            Ok::<_, CliError>((*place, judged.as_ref().map(MutantResult::of)))
        })?;
        Ok(Self { unweakened, weakened: weakened.into_iter().collect() })
    }
}

/// Runs every scenario with every weakening that changes it. A target notices if the weakening
/// makes it miss: one that is missed anyway notices nothing. A mutant that no scenario notices has
/// survived, and the exit code says so; unless all histories are the same with it, so that there
/// was nothing to notice.
pub(crate) fn mutate(args: &RunArgs) -> Result<ExitStatus, CliError> {
    let loaded = scenarios::load(&args.scenarios)?;
    let runs = MutantRuns::play(args, &loaded)?;
    let say = |text: &str| {
        if !args.quiet {
            print(text);
        }
    };
    for ((scenario, _), played) in loaded.iter().zip(&runs.unweakened) {
        let missed: Vec<String> = played.targets.iter().filter(|t| !t.met).map(name).collect();
        if !missed.is_empty() && !args.quiet {
            let missed = missed.join("; ");
            note(&format!(
                "{} misses these as it is, so they notice nothing: {missed}",
                scenario.name
            ));
        }
    }
    let (mut survivors, mut noticed_all, mut harmless) = (Vec::new(), 0, 0);
    for (number, mutant) in Mutant::ALL.iter().enumerate() {
        say(&format!("{}\n", mutant.name()));
        let (mut noticed, mut applied, mut is_harmless) = (0, 0, true);
        for (at, ((scenario, _), before)) in loaded.iter().zip(&runs.unweakened).enumerate() {
            let Some(weakened) = runs.weakened.get(&(number, at)) else { continue };
            applied += 1;
            let Some(weakened) = weakened else {
                noticed += 1;
                say(&format!("  noticed by {}: it does not end\n", scenario.name));
                continue;
            };
            is_harmless &= before.digests == weakened.digests;
            let flipped = before.targets.iter().zip(&weakened.targets);
            let flipped = flipped.filter(|(before, now)| before.met && !now.met);
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

fn name(judged: &JudgedTarget) -> String {
    let target = &judged.target;
    format!("{} {} {}", target.run, target.metric.name(), target.text)
}
