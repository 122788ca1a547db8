//! No file depends on itself, however far around: the paths that each file names, followed through
//! re-exports to the file that defines them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit;
use syn::visit::Visit;

type Module = Vec<String>;

/// The module that a file of `src` is.
fn module(path: &Path) -> Module {
    let inside = path.strip_prefix("src").unwrap().with_extension("");
    let mut parts: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    if parts == ["lib"] { Vec::new() } else { parts }
}

/// The paths that a file names, and those that it re-exports under a name.
#[derive(Default)]
struct Paths {
    named: Vec<Module>,
    exported: Vec<(String, Module)>,
}

fn leaves(tree: &syn::UseTree, before: &[String], found: &mut Vec<(String, Module)>) {
    let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, &with(&path.ident), found),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| leaves(tree, before, found));
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.to_vec()));
        }
        syn::UseTree::Name(name) => found.push((name.ident.to_string(), with(&name.ident))),
        syn::UseTree::Rename(name) => found.push((name.rename.to_string(), with(&name.ident))),
        syn::UseTree::Glob(_) => found.push((String::new(), before.to_vec())),
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut found = Vec::new();
        leaves(&item.tree, &[], &mut found);
        if matches!(item.vis, syn::Visibility::Inherited) {
            self.named.extend(found.into_iter().map(|(_, path)| path));
        } else {
            self.exported.extend(found);
        }
    }

    // `pub(super)` names no file.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.named.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// A path as it is seen from the crate's root; nothing for one that begins elsewhere.
fn absolute(path: &[String], from: &[String]) -> Option<Module> {
    let (mut base, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (from.to_vec(), &path[1..]),
        "super" => (from.to_vec(), path),
        _ => return None,
    };
    while rest.first().is_some_and(|part| part == "super") {
        base.pop();
        rest = &rest[1..];
    }
    base.extend_from_slice(rest);
    Some(base)
}

/// The files, by their modules, and where names lead that a module exports for another.
#[derive(Default)]
struct Map {
    files: BTreeMap<Module, PathBuf>,
    exports: BTreeMap<Module, Module>,
}

impl Map {
    /// The file that defines what a path names.
    fn file(&self, path: &[String], depth: u32) -> Option<&PathBuf> {
        for length in (0..=path.len()).rev() {
            let (begin, rest) = path.split_at(length);
            if depth < 8
                && let Some(target) = self.exports.get(begin)
            {
                return self.file(&[target.as_slice(), rest].concat(), depth + 1);
            }
            if let Some(file) = self.files.get(begin) {
                return Some(file);
            }
        }
        None
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Which files each file of `src` names.
fn arrows() -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut paths = Vec::new();
    rust_files(Path::new("src"), &mut paths);
    paths.retain(|path| !path.ends_with("main.rs"));
    let mut map = Map::default();
    let mut named = Vec::new();
    for path in paths {
        let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut found = Paths::default();
        found.visit_file(&file);
        let own = module(&path);
        for (name, target) in found.exported {
            if let Some(target) = absolute(&target, &own) {
                map.exports.insert([own.as_slice(), &[name]].concat(), target);
            }
        }
        let absolutes = found.named.iter().filter_map(|path| absolute(path, &own));
        named.push((path.clone(), absolutes.collect::<Vec<_>>()));
        map.files.insert(own, path);
    }
    let arrows = named.into_iter().map(|(path, targets)| {
        let files = targets.iter().filter_map(|target| map.file(target, 0));
        let others = files.filter(|file| **file != path && !file.ends_with("mod.rs"));
        let others: BTreeSet<PathBuf> = others.cloned().collect();
        (path, others)
    });
    arrows.collect()
}

#[test]
fn no_file_depends_on_itself() {
    let mut left = arrows();
    assert!(left.len() > 300, "{} files", left.len());
    assert!(left.values().map(BTreeSet::len).sum::<usize>() > 1000);
    // A file that names no other one that is left is in no cycle, nor one that no other names.
    loop {
        let named: BTreeSet<&PathBuf> = left.values().flatten().collect();
        let is_done = |path: &PathBuf, others: &BTreeSet<PathBuf>| {
            !named.contains(path) || others.iter().all(|other| !left.contains_key(other))
        };
        let done: Vec<PathBuf> = left
            .iter()
            .filter(|(path, others)| is_done(path, others))
            .map(|(path, _)| path.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        for path in done {
            left.remove(&path);
        }
    }
    let cycle: Vec<String> = left
        .iter()
        .map(|(path, others)| {
            let others = others.iter().filter(|other| left.contains_key(*other));
            let others: Vec<String> = others.map(|other| other.display().to_string()).collect();
            format!("{} -> {}", path.display(), others.join(", "))
        })
        .collect();
    assert!(cycle.is_empty(), "in cycles, or between them:\n{}", cycle.join("\n"));
}
