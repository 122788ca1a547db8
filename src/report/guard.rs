//! The targets that keep a setting as it was found.

use std::fmt::Write;

use crate::study::tune::guard::Guard;

/// The table of a scenario.
pub fn targets(guard: &Guard) -> String {
    let run = guard.targets.first().map_or("run", |target| target.run.as_str());
    let mut out = format!("[targets.{}]\n", key(run));
    for target in &guard.targets {
        let _ = writeln!(out, "{} = \"{}\"", target.metric.name, target.text);
    }
    out
}

/// A name as a TOML key: quoted if it must be.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.chars().all(is_bare) { name.to_owned() } else { format!("{name:?}") }
}

/// The table, and what it notices.
pub fn text(guard: &Guard) -> String {
    let mut out = format!(
        "Targets to commit with it: what was measured at worst, and a tenth more.\n\n```toml\n{}```\n\n",
        targets(guard)
    );
    let (noticed, missed): (Vec<_>, Vec<_>) =
        guard.noticed.iter().partition(|(_, by)| !by.is_empty());
    let noticed: Vec<String> = noticed
        .iter()
        .map(|(mutant, by)| format!("{} ({})", mutant.name(), by.join(", ")))
        .collect();
    let missed: Vec<&str> = missed.iter().map(|(mutant, _)| mutant.name()).collect();
    if !noticed.is_empty() {
        let _ = writeln!(out, "They notice these weakenings: {}.", noticed.join("; "));
    }
    if !missed.is_empty() {
        let _ = writeln!(
            out,
            "They do not notice {}: in this world it does no harm.",
            missed.join(", ")
        );
    }
    out
}
