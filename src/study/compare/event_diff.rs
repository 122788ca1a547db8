//! Where two event logs differ first, and what led there on either side.

use std::collections::BTreeMap;
use std::io;
use std::io::BufRead;

use serde_json::Value as Json;

/// The first event that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The run.
    pub run: String,
    /// The number of the event within it, counted from 1.
    pub event: usize,
    /// The last event of the run that is the same.
    pub before: Option<String>,
    /// The event of the base; nothing if its log had ended.
    pub base: Option<String>,
    /// The event of the new side.
    pub new: Option<String>,
    /// What led to either: the last event before it of the same call, batch or page, or of anything
    /// in the run. Up to there both logs are the same, so that it is of both.
    pub causes: (Option<String>, Option<String>),
    /// What differs between them: a field, what it was, what it is.
    pub fields: Vec<(String, String, String)>,
}

fn run_of(line: &str) -> String {
    let line: Option<Json> = serde_json::from_str(line).ok();
    let run = line.as_ref().and_then(|line| line.get("run")?.as_str());
    run.unwrap_or("?").to_owned()
}

/// Whose event it is, the narrowest first: of a call, a batch, a page or several of them, within its
/// run.
fn owners(line: &str) -> Vec<(String, &'static str, u64)> {
    let Ok(event) = serde_json::from_str::<Json>(line) else { return Vec::new() };
    let run = run_of(line);
    let owner = |key: &'static str| Some((run.clone(), key, event.get(key)?.as_u64()?));
    let own = ["call", "batch", "page"].into_iter().filter_map(owner);
    let pages = event.get("pages").and_then(Json::as_array).into_iter().flatten().rev();
    let pages = pages.filter_map(|page| Some((run.clone(), "page", page.as_u64()?)));
    own.chain(pages).collect()
}

/// Compares two logs line by line.
pub fn first_difference(base: impl BufRead, new: impl BufRead) -> io::Result<Option<Difference>> {
    let (mut base, mut new) = (base.lines(), new.lines());
    let mut before: Option<String> = None;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut last = BTreeMap::new();
    loop {
        let (old, now) = (base.next().transpose()?, new.next().transpose()?);
        let Some(line) = old.as_ref().or(now.as_ref()) else { return Ok(None) };
        if old == now {
            *counts.entry(run_of(line)).or_default() += 1;
            last.extend(owners(line).into_iter().map(|owner| (owner, line.clone())));
            before = old;
            continue;
        }
        let run = run_of(line);
        let event = counts.get(&run).copied().unwrap_or(0) + 1;
        let before = before.filter(|before| run_of(before) == run);
        let fields = fields(old.as_deref(), now.as_deref());
        let cause = |line: &Option<String>| {
            let owners = line.as_deref().map(owners).unwrap_or_default();
            let of_owner = owners.iter().find_map(|owner| last.get(owner));
            line.as_ref().and(of_owner.or(before.as_ref())).cloned()
        };
        let causes = (cause(&old), cause(&now));
        return Ok(Some(Difference { run, event, before, base: old, new: now, causes, fields }));
    }
}

/// The fields in which two events of one kind differ.
fn fields(base: Option<&str>, new: Option<&str>) -> Vec<(String, String, String)> {
    let object = |line: Option<&str>| match serde_json::from_str(line?).ok()? {
        Json::Object(fields) => Some(fields),
        _ => None,
    };
    let Some((base, new)) = object(base).zip(object(new)) else { return Vec::new() };
    let shown = |value: Option<&Json>| value.map_or("nothing".to_owned(), Json::to_string);
    let names: std::collections::BTreeSet<&String> = base.keys().chain(new.keys()).collect();
    let differing = names.into_iter().filter(|name| base.get(*name) != new.get(*name));
    differing.map(|name| (name.clone(), shown(base.get(name)), shown(new.get(name)))).collect()
}
