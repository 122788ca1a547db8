//! What holds for every input.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::content::space::{Space, SpaceConfig};
use tagspace::internals::fakes::llm::{completion, model};
use tagspace::internals::fakes::quota::{Quota, QuotaConfig, Window, WindowKind};
use tagspace::internals::pipeline::backoff::{Budget, Schedule};
use tagspace::internals::pipeline::batch::{Batch, Batcher, Room};
use tagspace::internals::pipeline::cache::Content;
use tagspace::internals::pipeline::config::CacheKey;
use tagspace::internals::pipeline::estimate::Estimates;
use tagspace::internals::pipeline::limiter::Limiter;
use tagspace::internals::pipeline::limiter::algorithm::Outcome;
use tagspace::internals::pipeline::limiter::halving::Halving;
use tagspace::internals::pipeline::page::{Page, PageId};
use tagspace::internals::pipeline::taxonomy::{TAGS_PER_CATEGORY, Taxonomy};
use tagspace::internals::pipeline::{answer as reading, backoff, prompt, taxonomy, text};
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::scenario::{Scenario, default_taxonomy};
use tagspace::internals::study::measure::figures::Distribution;
use tagspace::internals::units::{float, whole};

use crate::common::{PLAIN, same_cases};

fn page(id: u64, text: &str) -> Page {
    Page { id: PageId(id), version: 1, title: format!("page {id}"), text: text.to_owned() }
}

const PROMPT_TOKENS: u64 = 300;

/// The batches that these pages make, each as soon as it is full.
fn batches(pages: impl Iterator<Item = Page>, room: &Room) -> Vec<Batch> {
    let estimates = Estimates::new(PROMPT_TOKENS);
    let (mut batcher, mut formed) = (Batcher::new(), Vec::new());
    for page in pages {
        batcher.push(page);
        while let Some(full) = batcher.filling(room, &estimates) {
            formed.extend(batcher.take(full));
        }
    }
    let rest = batcher.fitting(room, &estimates);
    formed.extend(batcher.take(rest));
    assert!(batcher.is_empty());
    formed
}

/// Whole milliseconds, exact.
fn millis(duration: Duration) -> f64 {
    float(u64::try_from(duration.as_millis()).unwrap())
}

proptest! {
    #![proptest_config(same_cases(256))]

    #[test]
    fn every_page_is_in_exactly_one_batch_and_in_order(pages in 0_u64..300, size in 0_usize..40) {
        let room = Room::of_pages(size.max(1));
        let batches = batches((0..pages).map(|id| page(id, "")), &room);
        for (index, batch) in batches.iter().enumerate() {
            prop_assert_eq!(batch.id.0, index as u64 + 1);
            prop_assert!(!batch.pages.is_empty() && batch.pages.len() <= size.max(1));
        }
        let ids: Vec<u64> = batches.iter().flat_map(|batch| &batch.pages).map(|page| page.id.0).collect();
        prop_assert_eq!(ids, (0..pages).collect::<Vec<_>>());
        prop_assert_eq!(batches.len() as u64, pages.div_ceil(size.max(1) as u64));
    }

    #[test]
    fn no_prompt_exceeds_its_budgets_unless_its_page_is_alone(
        lengths in prop::collection::vec(0_usize..4_000, 0..80), pages in 1_usize..20,
        input in prop::option::of(1_u64..8_000), output in prop::option::of(1_u64..1_000),
    ) {
        let room = Room { pages, input_tokens: input, output_tokens: output };
        let estimates = Estimates::new(PROMPT_TOKENS);
        let texts = (0..).zip(&lengths).map(|(id, length)| page(id, &"x".repeat(*length)));
        let batches = batches(texts, &room);
        let fits = |pages: &[Page]| {
            let within = |tokens: u64, limit: Option<u64>| limit.is_none_or(|limit| tokens <= limit);
            pages.len() <= room.pages
                && within(estimates.input_tokens(prompt::tokens(pages)), input)
                && within(estimates.output_tokens(pages.len() as u64), output)
        };
        for (batch, after) in batches.iter().zip(batches.iter().skip(1).map(Some).chain([None])) {
            prop_assert!(batch.pages.len() == 1 || fits(&batch.pages));
            // And none ends before it is full.
            if let Some(after) = after {
                let more: Vec<Page> = batch.pages.iter().chain(after.pages.first()).cloned().collect();
                prop_assert!(!fits(&more));
            }
        }
        let ids: Vec<u64> = batches.iter().flat_map(|batch| &batch.pages).map(|page| page.id.0).collect();
        prop_assert_eq!(ids, (0..lengths.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn no_two_pages_share_a_cache_key(text in "\\PC{1,20}", cut in any::<prop::sample::Index>(), id in 1_u64..9) {
        let page = |id, version, title: &str, text: &str| {
            Content::new(&Page { id: PageId(id), version, title: title.to_owned(), text: text.to_owned() }, CacheKey::PageVersion)
        };
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let (title, rest) = text.split_at(starts[cut.index(starts.len())]);
        let here = page(id, 1, title, rest);
        prop_assert_eq!(here, page(id, 1, title, rest));
        prop_assert_ne!(here, page(id, 1, &text, ""), "the same letters, cut elsewhere");
        prop_assert_ne!(here, page(id, 2, title, rest));
        prop_assert_ne!(here, page(id + 1, 1, title, rest));
    }

    #[test]
    fn prompts_are_the_same_up_to_their_first_page(
        first in prop::collection::vec((any::<u64>(), "\\PC{0,40}"), 1..6),
        second in prop::collection::vec((any::<u64>(), "\\PC{0,40}"), 1..6),
    ) {
        let taxonomy = Taxonomy::new(default_taxonomy());
        let prefix = prompt::render(&taxonomy, &[]);
        for pages in [first, second] {
            let pages: Vec<Page> = pages.into_iter().map(|(id, text)| page(id, &text)).collect();
            let whole = prompt::render(&taxonomy, &pages);
            let rest = whole.strip_prefix(&prefix);
            let start = format!("\n=== page {} ===\n", pages[0].id);
            prop_assert!(rest.is_some_and(|rest| rest.starts_with(&start)), "{}", whole);
        }
        // Nothing in it counts or dates: a number would be one of ours.
        prop_assert!(prefix.len() > 200);
        let numbers: String = prefix.chars().filter(char::is_ascii_digit).collect();
        prop_assert_eq!(numbers, TAGS_PER_CATEGORY.to_string());
    }

    #[test]
    fn a_backoff_stays_within_its_bounds(
        base_ms in 0_u64..5_000, factor in 1.0_f64..4.0, max_ms in 0_u64..60_000,
        jitter in 0.0_f64..1.0, failed in 1_u32..40, key in any::<u64>(),
    ) {
        let schedule = Schedule { base_ms, factor, max_ms, jitter };
        let draw = Seed(key).draw("test", 1, 1);
        let delay = millis(schedule.delay(failed, draw));
        let planned = float(base_ms) * factor.powi(i32::try_from(failed).unwrap() - 1);
        prop_assert!(delay <= float(max_ms));
        prop_assert!(delay <= planned * (1.0 + jitter) + 1.0);
        prop_assert!(delay + 1.0 >= (planned * (1.0 - jitter)).min(float(max_ms)));
    }

    #[test]
    fn a_hint_is_never_undercut_and_overstayed_by_five_percent(hint_ms in 0_u64..600_000, key in any::<u64>()) {
        let hint = Duration::from_millis(hint_ms);
        let waited = backoff::after_hint(hint, Seed(key).draw("test", 1, 1));
        prop_assert!(waited > hint);
        prop_assert!(millis(waited) <= float(hint_ms) * 1.05 + 2.0);
    }

    #[test]
    fn retries_never_exceed_the_budget(ratio in 0.0_f64..2.0, steps in prop::collection::vec(any::<bool>(), 0..400)) {
        let mut budget = Budget::new(ratio);
        let (mut first, mut retries) = (0_u64, 0_u64);
        for is_first in steps {
            if is_first {
                budget.deposit();
                first += 1;
            } else if budget.withdraw() {
                retries += 1;
            }
            prop_assert!(float(retries) <= 10.0 + float(first) * (ratio + 0.001));
        }
    }

    #[test]
    fn no_window_ever_admits_more_than_its_limit(
        limit in 1_u64..20, per_s in 1_u64..20, gaps in prop::collection::vec(0_u64..3_000, 1..150),
    ) {
        let per_ms = per_s * 1000;
        for kind in [WindowKind::Sliding, WindowKind::Fixed, WindowKind::Bucket] {
            let mut window = Window::new(kind, limit, limit, per_ms);
            let (mut now, mut taken) = (0, Vec::new());
            for gap in &gaps {
                now += gap;
                if window.wait(now, 1).is_none() {
                    window.take(now, 1);
                    taken.push(now);
                }
            }
            for start in &taken {
                let within = taken.iter().filter(|t| (*start..start + per_ms).contains(*t)).count() as u64;
                match kind {
                    WindowKind::Sliding => prop_assert!(within <= limit),
                    // A fixed window can be used at the end of one and the start of the next, and
                    // a full bucket refills while it is emptied.
                    WindowKind::Fixed | WindowKind::Bucket => prop_assert!(within <= 2 * limit),
                }
            }
        }
    }

    #[test]
    fn a_window_opens_exactly_when_it_says(
        limit in 1_u64..10, per_s in 1_u64..10, gaps in prop::collection::vec(0_u64..500, 1..60),
    ) {
        for kind in [WindowKind::Sliding, WindowKind::Fixed, WindowKind::Bucket] {
            let mut window = Window::new(kind, limit, limit, per_s * 1000);
            let mut now = 0;
            for gap in &gaps {
                now += gap;
                let Some(wait) = window.wait(now, 1) else {
                    window.take(now, 1);
                    continue;
                };
                prop_assert!(wait > 0);
                // At no earlier step, and then it does.
                prop_assert!(window.wait(now + wait - 1, 1).is_some(), "{kind:?} opened early");
                now += wait;
                prop_assert!(window.wait(now, 1).is_none(), "{kind:?} stayed shut");
                window.take(now, 1);
            }
        }
    }

    #[test]
    fn refusals_that_do_not_count_leave_the_quota_alone(limit in 1_u64..10, asked in 1_u64..60) {
        let text = format!("requests = {limit}\nper_s = 60");
        let config: QuotaConfig = toml::from_str(&text).unwrap();
        let mut quota = Quota::new(&config);
        let calendar = Calendar::new("2026-01-05T09:00:00Z".parse().unwrap());
        let admitted = (0..asked).filter(|_| quota.admit(0, 1, &calendar).is_ok()).count() as u64;
        prop_assert_eq!(admitted, asked.min(limit));
        prop_assert!(quota.admit(60_000, 1, &calendar).is_ok());
    }

    #[test]
    fn refusals_that_count_keep_the_quota_shut(limit in 1_u64..10, gap_ms in 1_u64..5_000) {
        let text = format!("requests = {limit}\nper_s = 60\nrefused_count = true");
        let config: QuotaConfig = toml::from_str(&text).unwrap();
        let mut quota = Quota::new(&config);
        let calendar = Calendar::new("2026-01-05T09:00:00Z".parse().unwrap());
        for _ in 0..limit {
            prop_assert!(quota.admit(0, 1, &calendar).is_ok());
        }
        // A client that goes on asking more than `limit` times a minute is never let in again.
        let gap_ms = gap_ms.min(59_000 / limit);
        for now in (1..=200).map(|turn| turn * gap_ms) {
            prop_assert!(quota.admit(now, 1, &calendar).is_err());
        }
        let last = 200 * gap_ms;
        prop_assert!(quota.admit(last + 60_000, 1, &calendar).is_ok());
    }

    #[test]
    fn fixed_windows_begin_at_whole_multiples(per_s in 1_u64..100, at_ms in 0_u64..10_000_000) {
        let per_ms = per_s * 1000;
        let mut window = Window::new(WindowKind::Fixed, 1, 1, per_ms);
        prop_assert_eq!(window.wait(at_ms, 1), None);
        window.take(at_ms, 1);
        prop_assert_eq!(window.wait(at_ms, 1), Some(per_ms - at_ms % per_ms));
    }

    #[test]
    fn the_limit_is_never_exceeded(start in 1_u64..12, steps in prop::collection::vec((0_u8..5, any::<prop::sample::Index>()), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limiter = Limiter::new(Box::new(Halving::new(start, 12, 1)));
            let (mut running, mut waiting) = (Vec::new(), Vec::new());
            for (step, index) in steps {
                match step {
                    0 | 1 => waiting.push(tokio_test::task::spawn({
                        let limiter = std::sync::Arc::clone(&limiter);
                        async move { limiter.acquire().await }
                    })),
                    // The calls that are served take their places only now: a cut may have come between.
                    4 => waiting.retain_mut(|waiter| match waiter.poll() {
                        std::task::Poll::Ready(permit) => {
                            running.push(permit);
                            let (in_flight, limit) = limiter.load();
                            assert!(in_flight <= limit, "number {in_flight} of {limit} started");
                            false
                        }
                        std::task::Poll::Pending => true,
                    }),
                    _ if running.is_empty() => {}
                    step => {
                        let permit: tagspace::internals::pipeline::limiter::Permit = running.swap_remove(index.index(running.len()));
                        permit.finish(if step == 2 { Outcome::Success } else { Outcome::RateLimited });
                    }
                }
                assert!(limiter.load().0 >= running.len() as u64);
            }
            // In the end nobody waits beside a free place, and every place is given back.
            loop {
                let before = waiting.len();
                waiting.retain_mut(|waiter| match waiter.poll() {
                    std::task::Poll::Ready(permit) => { running.push(permit); false }
                    std::task::Poll::Pending => true,
                });
                let (in_flight, limit) = limiter.load();
                assert!(waiting.is_empty() || in_flight >= limit);
                if waiting.is_empty() { break; }
                if waiting.len() == before { running.pop(); }
            }
            drop(running);
            assert_eq!(limiter.load().0, 0);
        });
    }

    #[test]
    fn an_answer_of_the_model_is_read_back(ids in prop::collection::btree_set(1_u64..1_000_000, 1..12), words in "[a-z ]{0,60}") {
        let taxonomy = Taxonomy::new(default_taxonomy());
        let pages: Vec<Page> = ids.iter().map(|id| page(*id, &format!("{words} kafka guide {id}"))).collect();
        let text = prompt::render(&taxonomy, &pages);
        let question = model::read(&text);
        prop_assert_eq!(question.pages.len(), pages.len());
        let known = default_taxonomy();
        let matcher = model::Matcher::new(known.iter().map(|(name, tags)| (name.as_str(), tags.as_slice()))).unwrap();
        let never = tagspace::internals::units::Ratio::ZERO;
        let flawless = completion::AnswerConfig {
            miss_ratio_per_extra_page: never, tag_miss_ratio_per_extra_page: never, ..completion::AnswerConfig::default()
        };
        let mut writer = completion::Writer::new(flawless, Seed(1), "test");
        let answered = writer.write(&question, &matcher, None, 0);
        let read = reading::read(&answered.0, &pages, &taxonomy).tags;
        prop_assert_eq!(read.len(), pages.len());
        for (id, tags) in &read {
            prop_assert!(ids.contains(&id.0));
            let expected = taxonomy.validate(&matcher.tags(&format!("{words} kafka guide")));
            prop_assert_eq!(tags, &expected);
        }
    }

    #[test]
    fn nothing_in_a_page_passes_for_another_page(
        parts in prop::collection::vec(prop::collection::vec("=== page [1-4] ===|kafka|> ", 0..4), 2..7),
    ) {
        let taxonomy = Taxonomy::new(default_taxonomy());
        let pages: Vec<Page> = parts.chunks_exact(2).zip(1..).map(|(parts, id)| {
            Page { title: parts[0].join("\n"), ..page(id, &parts[1].join("\n")) }
        }).collect();
        let text = prompt::render(&taxonomy, &pages);
        let found: Vec<String> = model::read(&text).pages.iter().filter_map(|(id, _)| id.map(str::to_owned)).collect();
        let asked: Vec<String> = pages.iter().map(|page| page.id.to_string()).collect();
        prop_assert_eq!(found, asked);
    }

    #[test]
    fn a_cut_off_answer_gives_whole_pages_only(count in 1_u64..8, cut in any::<prop::sample::Index>()) {
        let taxonomy = Taxonomy::new(vec![("doc".to_owned(), vec!["guide".to_owned(), "report".to_owned()])]);
        let pages: Vec<Page> = (1..=count).map(|id| page(id, "")).collect();
        let entries: Vec<String> = (1..=count).map(|id| format!("{{\"id\": \"{id}\", \"tags\": {{\"doc\": [\"guide\"]}}}}")).collect();
        let whole = format!("{{\"pages\": [{}]}}", entries.join(", "));
        let at = cut.index(whole.len());
        let read = reading::read(&whole[..at], &pages, &taxonomy).tags;
        let complete = entries.iter().scan("{\"pages\": [".len(), |end, entry| {
            *end += entry.len();
            let done = *end <= at;
            *end += 2;
            Some(done)
        }).filter(|done| *done).count();
        prop_assert_eq!(read.len(), complete);
        prop_assert!(read.values().all(|tags| tags.all().collect::<Vec<_>>() == ["guide"]));
    }

    #[test]
    fn no_answer_names_pages_that_were_not_asked_about(answer in ".{0,200}") {
        let taxonomy = Taxonomy::new(default_taxonomy());
        let read = reading::read(&answer, &[page(1, "")], &taxonomy).tags;
        prop_assert!(read.keys().all(|id| id.0 == 1));
    }

    #[test]
    fn only_known_tags_pass_and_none_twice(answered in prop::collection::btree_map("[a-z]{1,4}|doc|tool", prop::collection::vec("guide|report|kafka|x", 0..8), 0..5)) {
        let taxonomy = Taxonomy::new(default_taxonomy());
        let tags = taxonomy.validate(&answered);
        for (category, known) in taxonomy.categories() {
            let given = &tags.0[category];
            prop_assert!(given.len() <= TAGS_PER_CATEGORY);
            prop_assert!(given.iter().all(|tag| known.contains(tag)));
            prop_assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
        }
    }

    #[test]
    fn a_label_holds_nothing_that_confluence_splits_or_refuses(tag in "\\PC{0,300}") {
        let label = taxonomy::label(&tag);
        prop_assert!(label.chars().count() <= 255);
        prop_assert!(label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'), "{}", label);
    }

    #[test]
    fn the_text_of_a_generated_page_is_what_its_author_wrote(seed in 0_u64..10_000, ukrainian in prop::sample::select(vec!["0", "1"]), limit in 0_usize..4_000) {
        let config = format!("pages = 3\nukrainian_ratio = {ukrainian}\nchars = {{ median = 2000, sigma = 0.8, max = 9000 }}");
        let config: SpaceConfig = toml::from_str(&config).unwrap();
        let space = Space::new(config, default_taxonomy(), Vec::new(), Seed(seed));
        for id in space.ids() {
            let page = space.page(id).unwrap();
            prop_assert_eq!(&text::extract(&page.storage, usize::MAX), &page.text);
            let cut: String = page.text.chars().take(limit).collect();
            prop_assert_eq!(&text::extract(&page.storage, limit), &cut);
            // An element that is never closed sends it through the lenient reader.
            prop_assert_eq!(&text::extract(&format!("{}<div>", page.storage), usize::MAX), &page.text);
        }
    }

    #[test]
    fn no_input_stops_the_text_reader(storage in "(\\PC|<[a-z]{1,3}>|</[a-z]{1,3}>|<!\\[CDATA\\[|\\]\\]>|&|;|<!--|<ac:parameter>){0,60}", limit in 0_usize..80) {
        prop_assert!(text::extract(&storage, limit).chars().count() <= limit);
    }

    #[test]
    fn no_input_stops_the_scenario_reader(line in "\\PC{0,80}", at in any::<prop::sample::Index>()) {
        let mut lines: Vec<&str> = PLAIN.lines().collect();
        lines.insert(at.index(lines.len()), &line);
        if let Err(problem) = Scenario::parse("fuzz", "fuzz.toml", &lines.join("\n"), Path::new(".")) {
            prop_assert!(problem.to_string().starts_with("fuzz.toml:"));
        }
    }

    #[test]
    fn percentiles_are_of_nearest_rank(mut samples in prop::collection::vec(0_u64..1_000, 1..200), percent in 1_usize..=100) {
        let value = Distribution::new(samples.clone()).percentile(percent).unwrap();
        samples.sort_unstable();
        let at_most = samples.iter().filter(|sample| **sample <= value).count();
        let below = samples.iter().filter(|sample| **sample < value).count();
        prop_assert!(at_most * 100 >= percent * samples.len());
        prop_assert!(below * 100 < percent * samples.len());
    }
}

#[test]
fn draws_are_uniform_and_streams_independent() {
    let mut tenths: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut both_low = 0;
    for id in 0..20_000 {
        let draw = |stream: &'static str| Seed(42).draw(stream, 100_000 + id, 0).unit();
        let (a, b) = (draw("edit"), draw("duplicate"));
        for (stream, unit) in [("edit", a), ("duplicate", b)] {
            *tenths.entry((stream, whole((unit * 10.0).floor()))).or_insert(0) += 1;
        }
        both_low += u64::from(a < 0.5 && b < 0.5);
    }
    // Expected 2,000 and 5,000; the bounds are five standard deviations.
    assert_eq!(tenths.len(), 20);
    assert!(tenths.values().all(|count| (1_788..=2_212).contains(count)), "{tenths:?}");
    assert!((4_694..=5_306).contains(&both_low), "{both_low}");
}
