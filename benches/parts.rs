//! The parts of the pipeline, one by one: `cargo bench --bench parts`.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tagspace::internals::fakes::content::space::{Space, SpacePage};
use tagspace::internals::pipeline::batch::{Batcher, Room};
use tagspace::internals::pipeline::cache::{Cache, Content, Fingerprint, Key};
use tagspace::internals::pipeline::config::CacheKey;
use tagspace::internals::pipeline::estimate::Estimates;
use tagspace::internals::pipeline::limiter::Limiter;
use tagspace::internals::pipeline::limiter::algorithm::Outcome;
use tagspace::internals::pipeline::limiter::halving::Halving;
use tagspace::internals::pipeline::page::{Page, PageId, Tags};
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::pipeline::{answer, prompt, text};
use tagspace::internals::sim::scenario::{Scenario, default_taxonomy};

const PAGES: u64 = 100;

fn stored() -> Vec<SpacePage> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/medium.toml");
    let scenario = Scenario::read(&path, &[]).unwrap_or_else(|problem| panic!("{problem}"));
    let world = scenario.world;
    let space = Space::new(world.space, world.taxonomy, world.documents, world.seed);
    space.ids().filter_map(|id| space.page(id)).collect()
}

fn pages() -> Vec<Page> {
    let page = |page: SpacePage| Page {
        id: PageId(page.id),
        version: page.version,
        title: page.title,
        text: text::extract(&page.storage, 8_000),
    };
    stored().into_iter().map(page).collect()
}

fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch");
    group.throughput(Throughput::Elements(PAGES));
    let (room, estimates) = (Room::of_pages(10), Estimates::new(300));
    group.bench_function("100 pages by 10", |b| {
        b.iter_batched(
            pages,
            |pages| {
                let (mut batcher, mut formed) = (Batcher::new(), 0);
                for page in pages {
                    batcher.push(page);
                    while let Some(full) = batcher.filling(&room, &estimates) {
                        formed += batcher.take(full).map_or(0, |batch| batch.pages.len());
                    }
                }
                (formed, batcher)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn cache(c: &mut Criterion) {
    let pages = pages();
    let taxonomy = Taxonomy::new(default_taxonomy());
    let fingerprint = Fingerprint::new(&taxonomy, "gemini-3.5-flash-lite", "https://ai.example");
    let bytes: usize = pages.iter().map(|page| page.text.len()).sum();
    let mut group = c.benchmark_group("cache");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("keys of 100 pages", |b| {
        b.iter(|| {
            pages
                .iter()
                .map(|page| Key::new(Content::new(page, CacheKey::PageVersion), fingerprint))
                .collect::<Vec<_>>()
        });
    });
    group.throughput(Throughput::Elements(PAGES));
    let keys: Vec<Key> = pages
        .iter()
        .map(|page| Key::new(Content::new(page, CacheKey::PageVersion), fingerprint))
        .collect();
    group.bench_function("put and get 100 answers", |b| {
        b.iter(|| {
            let mut cache = Cache::new(50.try_into().ok());
            for key in &keys {
                cache.put(*key, Tags::default());
            }
            keys.iter().filter(|key| cache.get(key).is_some()).count()
        });
    });
    group.finish();
}

fn extract(c: &mut Criterion) {
    let stored = stored();
    let bytes: usize = stored.iter().map(|page| page.storage.len()).sum();
    let mut group = c.benchmark_group("text");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("extract 100 pages", |b| {
        b.iter(|| {
            stored.iter().map(|page| text::extract(&page.storage, 8_000).len()).sum::<usize>()
        });
    });
    group.finish();
}

fn limiter(c: &mut Criterion) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let mut group = c.benchmark_group("limiter");
    group.throughput(Throughput::Elements(1));
    for waiting in [0_u64, 100] {
        group.bench_function(format!("acquire and finish, {waiting} waiting"), |b| {
            b.iter_custom(|iterations| {
                runtime.block_on(async {
                    let limiter = Limiter::new(Box::new(Halving::new(8, 8, 1)));
                    let others: Vec<_> = (0..waiting)
                        .map(|_| {
                            let limiter = limiter.clone();
                            tokio::spawn(async move {
                                loop {
                                    let permit = limiter.acquire().await;
                                    tokio::task::yield_now().await;
                                    permit.finish(Outcome::Success);
                                }
                            })
                        })
                        .collect();
                    let start = std::time::Instant::now();
                    for _ in 0..iterations {
                        let permit = limiter.acquire().await;
                        black_box(permit.finish(Outcome::Success));
                    }
                    let spent = start.elapsed();
                    others.iter().for_each(tokio::task::JoinHandle::abort);
                    spent
                })
            });
        });
    }
    group.finish();
}

fn ask(c: &mut Criterion) {
    let pages: Vec<Page> = pages().into_iter().take(10).collect();
    let taxonomy = Taxonomy::new(default_taxonomy());
    let entries: Vec<_> = pages
        .iter()
        .map(|page| {
            let tags: std::collections::BTreeMap<_, _> = taxonomy
                .categories()
                .iter()
                .map(|(category, tags)| (category.clone(), tags[..2.min(tags.len())].to_vec()))
                .collect();
            serde_json::json!({"id": page.id.0.to_string(), "tags": tags})
        })
        .collect();
    let answer = serde_json::json!({ "pages": entries }).to_string();
    let cut = &answer[..answer.len() * 9 / 10];
    let mut group = c.benchmark_group("prompt");
    group.throughput(Throughput::Elements(10));
    group.bench_function("render 10 pages", |b| {
        b.iter(|| prompt::render(&taxonomy, black_box(&pages)));
    });
    for (name, answer) in [("read 10 pages", answer.as_str()), ("read a truncated answer", cut)] {
        group.bench_function(name, |b| {
            b.iter(|| answer::read(black_box(answer), &pages, &taxonomy));
        });
    }
    group.finish();
}

criterion_group!(parts, batch, cache, extract, limiter, ask);
criterion_main!(parts);
