//! The targets that keep a setting as it was found.

use std::fmt::Write;

use crate::study::experiment::mutation::Mutant;
use crate::study::tune::regression_targets::{Noticed, RegressionTargets};
use crate::study::verdict::target::Target;

/// The table of a scenario.
pub fn targets(regression: &RegressionTargets) -> String {
    let run = regression.targets.first().map_or("run", |target| target.run.as_str());
    let mut out = format!(
        "# In the place of the scenario's own table of this name.\n[targets.{}]\n",
        key(run)
    );
    for (at, target) in regression.targets.iter().enumerate() {
        let metric = target.metric;
        if regression.targets[..at].iter().any(|known| known.metric == metric) {
            continue;
        }
        let is_same = |at: &usize| regression.targets[*at].metric == metric;
        let same = || (0..regression.targets.len()).filter(is_same);
        let limits: Vec<String> =
            same().map(|at| format!("\"{}\"", regression.targets[at].text)).collect();
        let limits = match limits.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let killers = regression.killers.iter().filter(|(at, _)| is_same(at));
        let only: Vec<&str> = killers.map(|(_, mutant)| mutant.name()).collect();
        let why = match only.as_slice() {
            [] => String::new(),
            mutants => format!(" # to notice {}", mutants.join(" and ")),
        };
        let _ = writeln!(out, "{} = {limits}{why}", metric.name());
    }
    out
}

/// A name as a TOML key: quoted if it must be.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.chars().all(is_bare) { name.to_owned() } else { format!("{name:?}") }
}

fn names(targets: &[Target]) -> String {
    let name =
        |target: &Target| format!("`{} {} {}`", target.run, target.metric.name(), target.text);
    targets.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The table, and what it notices.
pub fn text(regression: &RegressionTargets) -> String {
    let mut out = format!(
        "Targets to commit with it: what was measured at worst with seeds {} to {}, and a tenth more. Another seed may be worse.\n\n```toml\n{}```\n\n",
        regression.seeds.start(),
        regression.seeds.end(),
        targets(regression)
    );
    let seed = regression.seed;
    if !regression.missed.is_empty() {
        let _ = writeln!(
            out,
            "With the scenario's own seed, {seed}, these are missed as they are: {}. Tune with more seeds, that one among them.",
            names(&regression.missed)
        );
    }
    if !regression.own_missed.is_empty() {
        let _ = writeln!(
            out,
            "With these settings the scenario misses targets of its own (seed {seed}): {}.",
            names(&regression.own_missed)
        );
    }
    let noticed = regression.noticed.iter().filter_map(|(mutant, noticed)| match noticed {
        Noticed::By(metrics) => {
            let metrics: Vec<&str> = metrics.iter().map(|metric| metric.name()).collect();
            Some(format!("{} ({})", mutant.name(), metrics.join(", ")))
        }
        Noticed::Not | Noticed::Harmless => None,
    });
    let noticed: Vec<String> = noticed.collect();
    let that_are = |wanted: &Noticed| -> Vec<&str> {
        let such = regression.noticed.iter().filter(|(_, noticed)| noticed == wanted);
        such.map(|(mutant, _)| mutant.name()).collect()
    };
    let (missed, harmless) = (that_are(&Noticed::Not), that_are(&Noticed::Harmless));
    if !noticed.is_empty() {
        let _ =
            writeln!(out, "With seed {seed} they notice these weakenings: {}.", noticed.join("; "));
    }
    if !missed.is_empty() {
        let _ = writeln!(
            out,
            "They do not notice {}: something else happens then, but none of these figures gets that much worse.",
            missed.join(", ")
        );
    }
    let applied: Vec<Mutant> = regression.noticed.iter().map(|(mutant, _)| *mutant).collect();
    let weak = Mutant::ALL.iter().filter(|mutant| !applied.contains(mutant));
    let weak: Vec<&str> = weak.map(|mutant| mutant.name()).collect();
    if !weak.is_empty() {
        let _ = writeln!(out, "These settings are that weak already: {}.", weak.join(", "));
    }
    if !harmless.is_empty() {
        let _ = writeln!(out, "Nothing else happens in this world with {}.", harmless.join(", "));
    }
    out
}
