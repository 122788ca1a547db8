//! The source text itself: layers, sizes, words that do not belong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit;
use syn::visit::Visit;
use tagspace::Metric;

/// From the top down. A layer may name those below it; siblings share a row and do not name each
/// other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["report"],
    &["study"],
    &["sim"],
    &["pipeline", "fakes"],
    &["units", "quantity", "rng", "price", "html", "guide"],
];

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The layer that a file of `src` belongs to, as its row and name.
fn layer(path: &Path) -> Option<(usize, String)> {
    let first = path.components().nth(1)?.as_os_str().to_string_lossy().into_owned();
    let name = first.trim_end_matches(".rs").to_owned();
    let row = LAYERS.iter().position(|row| row.contains(&name.as_str()))?;
    Some((row, name))
}

/// The layers that a text names after `crate::`.
fn named(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1));
    after.filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        LAYERS.iter().position(|row| row.contains(&name)).map(|row| (row, name))
    })
}

#[test]
fn a_layer_names_only_layers_below_it() {
    for (path, text) in sources("src") {
        let Some((row, own)) = layer(&path) else { continue };
        for (other_row, other) in named(&text) {
            let allowed =
                other == own || other_row > row || (row == other_row && row == LAYERS.len() - 1);
            assert!(allowed, "{} names {other}", path.display());
        }
    }
}

#[test]
fn every_file_belongs_to_a_layer_and_says_what_it_is() {
    for (path, text) in sources("src") {
        let root = ["src/lib.rs", "src/main.rs"].contains(&path.to_str().unwrap());
        assert!(root || layer(&path).is_some(), "{} has no layer", path.display());
        assert!(
            text.starts_with("//! ") && text.len() > 40,
            "{} has no module doc",
            path.display()
        );
    }
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in sources("src").into_iter().chain(sources("tests")).chain(sources("benches"))
    {
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines", path.display());
    }
    let main = fs::read_to_string("src/main.rs").unwrap();
    assert!(main.lines().count() <= 12);
}

#[test]
fn the_product_knows_no_clock_but_tokios_and_no_simulation() {
    for (path, text) in
        sources("src/pipeline").into_iter().chain(sources("src/fakes")).chain(sources("src/sim"))
    {
        for word in [
            "std::time::Instant",
            "SystemTime",
            "thread::sleep",
            "HashMap",
            "HashSet",
            "sync::watch",
            "spawn_blocking",
        ] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
        for (index, _) in text.match_indices("select! {") {
            let next = text[index + "select! {".len()..].trim_start();
            assert!(
                next.starts_with("biased;"),
                "{} has a select that is not biased",
                path.display()
            );
        }
    }
    for (path, text) in sources("src/pipeline") {
        assert!(
            !text.to_lowercase().contains("simulated"),
            "{} knows of simulations",
            path.display()
        );
    }
}

#[test]
fn nothing_unfinished_is_left() {
    let words = ["todo!", "unimplemented!", "dbg!", "FIXME", "XXX", "#[ignore"];
    for (path, text) in sources("src").into_iter().chain(sources("benches")) {
        for word in words {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

/// Every file of `src`, parsed.
fn parsed() -> Vec<(PathBuf, syn::File)> {
    let parse = |(path, text): (PathBuf, String)| {
        let file =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, file)
    };
    sources("src").into_iter().map(parse).collect()
}

/// Collects the names of types, wherever they are defined.
#[derive(Default)]
struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.0.push(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }
    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.0.push(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }
    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.push(item.ident.to_string());
        visit::visit_item_trait(self, item);
    }
    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.0.push(item.ident.to_string());
    }
}

#[test]
fn no_type_name_is_defined_twice_in_a_layer() {
    let mut known: BTreeMap<(String, String), PathBuf> = BTreeMap::new();
    for (path, file) in parsed() {
        let Some((_, layer)) = layer(&path) else { continue };
        let mut types = Types::default();
        types.visit_file(&file);
        for name in types.0 {
            let first = known.insert((layer.clone(), name.clone()), path.clone());
            assert!(first.is_none(), "{} and {first:?} define {name}", path.display());
        }
    }
}

#[test]
fn a_mod_file_only_lists() {
    for (path, file) in parsed() {
        if !path.ends_with("mod.rs") {
            continue;
        }
        for item in &file.items {
            let is_listed = matches!(item, syn::Item::Mod(_) | syn::Item::Use(_));
            assert!(is_listed, "{} holds more than docs, `mod` and `use`", path.display());
        }
    }
}

#[test]
fn every_file_is_named_by_a_module() {
    let mut named: BTreeSet<PathBuf> =
        ["src/lib.rs", "src/main.rs"].into_iter().map(PathBuf::from).collect();
    for (path, file) in parsed() {
        // The modules of `a/mod.rs` lie in `a`, those of `a/b.rs` in `a/b`.
        let stem = path.file_stem().unwrap();
        let folder = path.parent().unwrap();
        let is_root = stem == "mod" || path.starts_with("src/lib.rs");
        let folder = if is_root { folder.to_owned() } else { folder.join(stem) };
        for item in &file.items {
            if let syn::Item::Mod(item) = item {
                let name = item.ident.to_string();
                named.insert(folder.join(format!("{name}.rs")));
                named.insert(folder.join(name).join("mod.rs"));
            }
        }
    }
    for (path, _) in sources("src") {
        assert!(named.contains(&path), "no module names {}", path.display());
    }
}

/// Collects functions that hide arguments in a tuple.
#[derive(Default)]
struct Tuples(Vec<String>);

impl Tuples {
    fn signature(&mut self, signature: &syn::Signature) {
        let has_tuple = signature.inputs.iter().any(|input| match input {
            syn::FnArg::Typed(typed) => {
                matches!(&*typed.ty, syn::Type::Tuple(tuple) if tuple.elems.len() > 2)
            }
            syn::FnArg::Receiver(_) => false,
        });
        if has_tuple {
            self.0.push(signature.ident.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Tuples {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.signature(&item.sig);
        visit::visit_item_fn(self, item);
    }
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.signature(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn no_function_hides_arguments_in_a_tuple() {
    for (path, file) in parsed() {
        let mut tuples = Tuples::default();
        tuples.visit_file(&file);
        assert!(tuples.0.is_empty(), "{}: {:?}", path.display(), tuples.0);
    }
}

#[test]
fn the_subject_of_a_sentence_is_a_thing() {
    let begins =
        regex::Regex::new(r#"(?m)(//[/!]? |^\s*"|[.:;] )(Who|So many|So often|So much|That of)\b"#);
    let begins = begins.unwrap();
    for (path, text) in sources("src").into_iter().chain(sources("benches")) {
        if let Some(found) = begins.find(&text) {
            let line = text[..found.start()].lines().count() + 1;
            panic!("{}:{line} begins with {}", path.display(), found.as_str().trim());
        }
    }
}

/// Collects texts that are the name of a metric, alone or with a statistic.
#[derive(Default)]
struct MetricNames(Vec<String>);

impl<'ast> Visit<'ast> for MetricNames {
    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        let text = literal.value();
        let name = text.split(' ').next().unwrap_or_default();
        // Names of one word are words of other things as well.
        if name.contains('_') && Metric::find(name).is_some() {
            self.0.push(text);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let literals = regex::Regex::new("\"([^\"\\\\]*)\"").unwrap();
        let tokens = called.tokens.to_string();
        for literal in literals.captures_iter(&tokens) {
            self.visit_lit_str(&syn::LitStr::new(&literal[1], called.span()));
        }
    }
}

#[test]
fn a_metric_is_a_string_in_its_table_alone() {
    // A field of events has the name of a metric.
    let others = ["study/experiment/counterpart.rs"];
    for (path, file) in parsed() {
        let inside = path.strip_prefix("src").unwrap();
        let is_above = ["study", "report", "cli"].iter().any(|layer| inside.starts_with(layer));
        if !is_above || others.iter().any(|other| inside == Path::new(other)) {
            continue;
        }
        let mut names = MetricNames::default();
        names.visit_file(&file);
        // The keys of the table itself have their units.
        names.0.retain(|name| {
            path != Path::new("src/study/measure/metric.rs")
                || !name.ends_with("_ms") && !name.ends_with("_micros")
        });
        assert!(names.0.is_empty(), "{}: {:?}", path.display(), names.0);
    }
}

/// The names that the crate's root gives out.
fn names_of_the_root(file: &syn::File) -> Vec<String> {
    fn leaves(tree: &syn::UseTree, names: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => leaves(&path.tree, names),
            syn::UseTree::Name(name) => names.push(name.ident.to_string()),
            syn::UseTree::Rename(rename) => names.push(rename.ident.to_string()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
            syn::UseTree::Glob(_) => {}
        }
    }
    let mut names = Vec::new();
    for item in &file.items {
        if let syn::Item::Use(item) = item
            && matches!(item.vis, syn::Visibility::Public(_))
        {
            leaves(&item.tree, &mut names);
        }
    }
    names
}

#[test]
fn each_name_of_the_root_has_an_example() {
    let root = syn::parse_file(&fs::read_to_string("src/lib.rs").unwrap()).unwrap();
    let names = names_of_the_root(&root);
    assert!(names.len() > 20, "{names:?}");
    let sources = sources("src");
    for name in names {
        let defined =
            regex::Regex::new(&format!(r"(?m)^ *pub (struct|enum|trait|fn) {name}\b")).unwrap();
        let has_example = sources.iter().any(|(_, text)| {
            defined.find_iter(text).any(|found| {
                let before = text[..found.start()].lines().rev();
                let documented = before.take_while(|line| !line.trim().is_empty());
                documented.filter(|line| line.trim() == "/// ```").count() > 0
            })
        });
        assert!(has_example, "`{name}` has no example");
    }
}

#[test]
fn a_constant_says_what_it_bounds() {
    let bare =
        regex::Regex::new(r"(?m)^ *(pub(\([a-z]+\))? )?const (MOST|LEAST|MAX|MIN|LIMIT):").unwrap();
    for (path, text) in sources("src") {
        let found = bare.find(&text);
        assert!(found.is_none(), "{} has `{}`", path.display(), found.unwrap().as_str());
    }
}
