//! Reads a scenario's types past its errors: what is wrong is noted and passed over, and the rest
//! is read.

use std::collections::BTreeSet;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Finding;
use super::file::ScenarioFile;
use super::tree;
use super::tree::{Path, Step, path};

/// The most errors that are looked for: each takes another pass over the file.
const MOST_PASSES: usize = 1000;

/// What stands in for a key that a scenario cannot be without, where it is missing or wrong, so that
/// what follows can be checked. Such a scenario is never run.
const STAND_INS: [(&[&str], &str); 6] = [
    (&["schema"], "1"),
    (&["seed"], "0"),
    (&["space"], "{}"),
    (&["gemini"], "{ model = \"gemini-3.5-flash-lite\" }"),
    (&["gemini", "model"], "\"gemini-3.5-flash-lite\""),
    (&["openai", "model"], "\"gpt-6-luna\""),
];

/// A scenario file as far as it could be read.
#[derive(Debug)]
pub(super) struct Recovered {
    /// What was read, unless what is missing has no stand-in.
    pub(super) file: Option<ScenarioFile>,
    /// What does not fit, in the order in which it was found.
    pub(super) findings: Vec<Finding>,
    /// The paths of what is missing, or does not fit: a check that looks at one of them says nothing
    /// that is not known.
    pub(super) wrong: BTreeSet<Path>,
    /// The paths that are not part of `file`.
    pub(super) skipped: BTreeSet<Path>,
}

impl Recovered {
    /// Whether something at this path, or below it, is wrong.
    pub(super) fn is_wrong(&self, at: &[Step]) -> bool {
        self.wrong.range(at.to_vec()..).next().is_some_and(|wrong| wrong.starts_with(at))
    }

    /// Whether no run was passed over, so that the names of all are known.
    pub(super) fn has_all_runs(&self) -> bool {
        let run = Step::Key("run".to_owned());
        !self.skipped.iter().any(|skipped| skipped.len() <= 2 && skipped.first() == Some(&run))
    }

    /// The positions in the text of the entries that a list still has.
    pub(super) fn kept(&self, list: &[&str], count: usize) -> Vec<usize> {
        let kept = |index: &usize| {
            let mut at = path(list);
            at.push(Step::Entry(*index));
            !self.skipped.contains(&at)
        };
        (0..).filter(kept).take(count).collect()
    }
}

/// Reads the types of a document.
pub(super) fn read(document: Spanned<DeTable<'_>>) -> Recovered {
    let span = document.span();
    let mut root = Spanned::new(span, DeValue::Table(document.into_inner()));
    let mut recovered = Recovered {
        file: None,
        findings: Vec::new(),
        wrong: BTreeSet::new(),
        skipped: BTreeSet::new(),
    };
    while recovered.findings.len() < MOST_PASSES {
        let misfit = match tree::read::<ScenarioFile>(&root, &recovered.skipped) {
            Ok(file) => {
                recovered.file = Some(file);
                break;
            }
            Err(misfit) => misfit,
        };
        let (at, span) = misfit.at.unwrap_or_default();
        let finding = Finding { span, message: misfit.message, help: misfit.help };
        let goes_on = match misfit.missing {
            None => {
                recovered.findings.push(finding);
                recovered.wrong.insert(at.clone());
                !at.is_empty() && recovered.skipped.insert(at)
            }
            Some(key) => recovered.without(&mut root, at, key, finding),
        };
        if !goes_on {
            break;
        }
    }
    recovered
}

impl Recovered {
    /// Goes on without a key that is missing: with a stand-in for it, or without its table.
    fn without(
        &mut self,
        root: &mut Spanned<DeValue<'_>>,
        table: Path,
        key: &str,
        finding: Finding,
    ) -> bool {
        let mut at = table.clone();
        at.push(Step::Key(key.to_owned()));
        // What was passed over is missing, and was told already.
        if !self.skipped.contains(&at) {
            self.findings.push(finding);
        }
        self.wrong.insert(at.clone());
        let stand_in = STAND_INS.iter().find(|(keys, _)| path(keys) == at);
        match stand_in.and_then(|(_, value)| DeValue::parse(value).ok()) {
            Some(value) => {
                self.skipped.remove(&at);
                put(root.get_mut(), &at, value)
            }
            None => !table.is_empty() && self.skipped.insert(table),
        }
    }
}

/// Puts a value at a path of keys; the tables on the way are there.
fn put<'t>(value: &mut DeValue<'t>, at: &[Step], new: Spanned<DeValue<'t>>) -> bool {
    let (Some((Step::Key(key), rest)), DeValue::Table(table)) = (at.split_first(), value) else {
        return false;
    };
    if rest.is_empty() {
        // A key that was there is there under the same place.
        match table.get_mut(key.as_str()) {
            Some(old) => *old = new,
            None => drop(table.insert(Spanned::new(0..0, key.clone().into()), new)),
        }
        return true;
    }
    table.get_mut(key.as_str()).is_some_and(|below| put(below.get_mut(), rest, new))
}
