//! The source text itself: layers, sizes, words that do not belong.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down. A layer may name those below it; siblings share a row and do not name each
/// other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["report"],
    &["study"],
    &["sim"],
    &["pipeline", "fakes"],
    &["units", "rng", "price", "html", "guide"],
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
