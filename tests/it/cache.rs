//! What is the same to the cache, and what is asked about once.

use std::fs;
use tagspace::Metric;

use tagspace::internals::pipeline::cache::{Cache, Content, Fingerprint, Key};
use tagspace::internals::pipeline::config::CacheKey;
use tagspace::internals::pipeline::page::{Page, PageId, Tags};
use tagspace::internals::pipeline::taxonomy::Taxonomy;

use crate::common::{PLAIN, judged, scenario};

fn taxonomy(tags: &[&str]) -> Taxonomy {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    Taxonomy::new(vec![("doc".to_owned(), tags)])
}

fn page(id: u64, version: u64, title: &str, text: &str) -> Page {
    Page { id: PageId(id), version, title: title.to_owned(), text: text.to_owned() }
}

#[test]
fn each_kind_of_key_knows_what_is_the_same() {
    let kept = page(1, 1, "Backups", "how to restore one");
    let asked = [
        (page(1, 1, "Backups", "how to restore one"), [true, true, true]),
        (page(1, 2, "Backups", "how to restore one"), [false, true, true]),
        (page(2, 1, "Backups", "how to restore one"), [false, true, true]),
        (page(2, 1, "Copy of Backups", "how to restore one"), [false, false, true]),
        (page(1, 1, "Backups", "how to restore two"), [false, false, false]),
        // Where a title ends and a text begins makes a difference.
        (page(1, 1, "Backupshow", " to restore one"), [false, false, false]),
    ];
    let fingerprint = Fingerprint::new(&taxonomy(&["runbook"]), "a-model", "https://ai.example");
    for (kind, key) in [CacheKey::PageVersion, CacheKey::Content, CacheKey::Text].iter().enumerate()
    {
        let mut cache = Cache::new(std::num::NonZeroUsize::new(8));
        cache.put(Key::new(Content::new(&kept, *key), fingerprint), Tags::default());
        for (page, hits) in &asked {
            let found = cache.get(&Key::new(Content::new(page, *key), fingerprint));
            assert_eq!(found.is_some(), hits[kind], "{key:?}: {page:?}");
        }
    }
}

#[test]
fn another_taxonomy_or_model_is_a_miss() {
    let content = Content::new(&page(1, 1, "Backups", "how to restore one"), CacheKey::Content);
    let key = |tags: &[&str], model: &str| {
        Key::new(content, Fingerprint::new(&taxonomy(tags), model, "https://ai.example"))
    };
    let mut cache = Cache::new(std::num::NonZeroUsize::new(8));
    cache.put(key(&["runbook"], "a-model"), Tags::default());
    assert!(cache.get(&key(&["runbook"], "a-model")).is_some());
    for (tags, model) in [
        (&["runbook", "how-to"][..], "a-model"),
        (&["how-to"], "a-model"),
        (&[], "a-model"),
        (&["runbook"], "another-model"),
    ] {
        assert!(cache.get(&key(tags, model)).is_none(), "{tags:?} {model}");
    }
}

#[test]
fn a_copy_under_another_title_is_asked_about_once_where_the_key_is_the_text() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two", "three"] {
        let text =
            format!("<title>{name}</title><p>Where the runbook of the database is kept.</p>");
        fs::write(folder.path().join(format!("{name}.html")), text).unwrap();
    }
    let dir = format!("dir = {:?}", folder.path());
    let text = PLAIN.replacen("pages = 20", &dir, 1)
        + "[[run]]\nname = \"first\"\n[[run]]\nname = \"again\"\n";
    let calls_and_hits = |key: &str| {
        let key = format!("pipeline.cache_key=\"{key}\"");
        let settings = ["pipeline.profile=\"recommended\"", "pipeline.batch_size=1", &key];
        let judged = judged(&scenario(&text, &settings));
        [0, 1].map(|run: usize| {
            let figures = &judged.runs[run].figures;
            (figures.number(Metric::AiCalls), figures.number(Metric::CacheHits))
        })
    };
    assert_eq!(calls_and_hits("content"), [(3, 0), (0, 3)]);
    assert_eq!(calls_and_hits("text"), [(1, 2), (0, 3)]);
}
