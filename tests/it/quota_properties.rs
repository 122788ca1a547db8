//! What holds whatever the quota, the order of the pages and the luck.

use proptest::prelude::*;
use tagspace::Metric;
use tagspace::internals::fakes::quota::WindowKind;
use tagspace::internals::study::verdict::judge::JudgedRun;

use crate::common::{PLAIN, judged, same_cases, scenario};
use crate::quota::{Service, job_of, limiter};

const KINDS: [WindowKind; 3] = [WindowKind::Sliding, WindowKind::Fixed, WindowKind::Bucket];

fn kinds() -> impl Strategy<Value = WindowKind> {
    prop_oneof![Just(KINDS[0]), Just(KINDS[1]), Just(KINDS[2])]
}

/// A number that looks drawn, the same in every run.
pub(crate) fn mixed(seed: u64, index: u64) -> u64 {
    let mixed = (seed * 1_000_003 + index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)) % 1_000_000
}

fn latencies(seed: u64, calls: u64) -> Vec<u64> {
    (0..calls).map(|index| 400 + mixed(seed, index) % 1_600).collect()
}

proptest! {
    #![proptest_config(same_cases(3000))]

    #[test]
    fn no_call_is_early_whatever_the_quota(
        kind in kinds(),
        limit in 1_u64..80,
        per_s in prop_oneof![Just(60_u64), Just(10), 1_u64..100],
        calls in 1_u64..250,
        starts_ms in 0_u64..100_000,
        (says, refused_count) in any::<(bool, bool)>(),
        seed in 0_u64..1_000_000,
    ) {
        let service = Service { says, refused_count, ..Service::new(kind, limit, per_s * 1000) };
        let done = job_of(&mut limiter(None), service, &latencies(seed, calls), starts_ms);
        prop_assert_eq!(done.early, 0, "{:?} {:?}", service, done);
    }
}

/// A kind of window, and two lengths that it may have.
type World = (WindowKind, [u64; 2]);

/// Every kind, of usual lengths and of lengths that nobody names.
fn worlds() -> Vec<World> {
    let of = |lengths| KINDS.map(|kind| (kind, lengths));
    [of([60_000, 10_000]), of([3_000, 25_000])].concat()
}

/// What did not hold, by the kind of window: how often, of how many, and the worst.
fn listed((kind, lengths): World, cases: u64, violations: &[(u64, String)]) -> String {
    let worst = violations.iter().max_by_key(|(size, _)| *size);
    let worst = worst.map_or(String::new(), |(_, what)| format!(", the worst: {what}"));
    let [one, other] = lengths.map(|ms| ms / 1000);
    format!("{kind:?}, {one} or {other} s: {} of {cases}{worst}\n", violations.len())
}

#[test]
fn more_quota_is_hardly_ever_slower_by_more_than_a_window() {
    let mut text = String::new();
    for (kind, lengths) in worlds() {
        let mut violations = Vec::new();
        for seed in 0..1_000 {
            let per_ms = lengths[usize::try_from(seed % 2).unwrap()];
            let (limit, more) = (1 + mixed(seed, 1) % 100, 1 + mixed(seed, 2) % 50);
            let latencies = latencies(seed, 20 + mixed(seed, 3) % 280);
            let took = |limit| {
                let service = Service::new(kind, limit, per_ms);
                job_of(&mut limiter(None), service, &latencies, 300).makespan_ms
            };
            let (less, most) = (took(limit), took(limit + more));
            if most > less + per_ms {
                let calls = latencies.len();
                let what = format!(
                    "{calls} calls, {limit} per {} s took {less} ms, {} took {most} ms",
                    per_ms / 1000,
                    limit + more
                );
                violations.push((most - less, what));
            }
        }
        text.push_str(&listed((kind, lengths), 1_000, &violations));
    }
    insta::assert_snapshot!(text, @r"
    Sliding, 60 or 10 s: 0 of 1000
    Fixed, 60 or 10 s: 0 of 1000
    Bucket, 60 or 10 s: 0 of 1000
    Sliding, 3 or 25 s: 0 of 1000
    Fixed, 3 or 25 s: 0 of 1000
    Bucket, 3 or 25 s: 4 of 1000, the worst: 279 calls, 46 per 3 s took 17110 ms, 53 took 37697 ms
    ");
}

#[test]
fn the_order_of_the_pages_changes_the_number_of_calls_at_the_first_wall() {
    let mut text = String::new();
    for (kind, lengths) in worlds() {
        let mut violations = Vec::new();
        for seed in 0..1_000 {
            let per_ms = lengths[usize::try_from(seed % 2).unwrap()];
            let service = Service::new(kind, 1 + mixed(seed, 1) % 100, per_ms);
            let mut latencies = latencies(seed, 20 + mixed(seed, 3) % 280);
            let calls = |latencies: &[u64]| {
                latencies.len() as u64 + job_of(&mut limiter(None), service, latencies, 300).refused
            };
            let one = calls(&latencies);
            latencies.sort_by_key(|latency| mixed(seed, *latency));
            let other = calls(&latencies);
            if one.abs_diff(other) > 1 {
                let what = format!("{service:?}: {one} calls, or {other}");
                violations.push((one.abs_diff(other), what));
            }
        }
        text.push_str(&listed((kind, lengths), 1_000, &violations));
    }
    insta::assert_snapshot!(text, @r"
    Sliding, 60 or 10 s: 429 of 1000, the worst: Service { kind: Sliding, limit: 61, per_ms: 60000, burst: 61, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 229 calls, or 253
    Fixed, 60 or 10 s: 429 of 1000, the worst: Service { kind: Fixed, limit: 61, per_ms: 60000, burst: 61, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 229 calls, or 253
    Bucket, 60 or 10 s: 452 of 1000, the worst: Service { kind: Bucket, limit: 93, per_ms: 10000, burst: 93, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 255 calls, or 279
    Sliding, 3 or 25 s: 431 of 1000, the worst: Service { kind: Sliding, limit: 61, per_ms: 3000, burst: 61, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 229 calls, or 253
    Fixed, 3 or 25 s: 438 of 1000, the worst: Service { kind: Fixed, limit: 78, per_ms: 3000, burst: 78, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 332 calls, or 276
    Bucket, 3 or 25 s: 452 of 1000, the worst: Service { kind: Bucket, limit: 42, per_ms: 25000, burst: 42, says: true, refused_count: false, change: None, neighbour_every_ms: None }: 242 calls, or 428
    ");
}

fn number(run: &JudgedRun, name: Metric) -> u64 {
    run.figures.number(name)
}

proptest! {
    #![proptest_config(same_cases(2000))]

    #[test]
    fn every_page_ends_once_and_none_has_the_tags_of_another(
        seed in 0_u64..1_000_000,
        pages in 1_u64..40,
        batch in 1_u64..9,
        profile in prop_oneof![Just("before"), Just("documented"), Just("recommended")],
        requests in 1_u64..60,
        kind in prop_oneof![Just("sliding"), Just("fixed"), Just("bucket")],
        hint in prop_oneof![Just("none"), Just("retry-info")],
        malformed in prop_oneof![Just(0.0), Just(0.3)],
        cancel in prop_oneof![Just(None), (1_u64..60).prop_map(Some)],
    ) {
        let cancel = cancel.map_or(String::new(), |at| format!("cancel_at_s = {at}\n"));
        let text = format!("{PLAIN}[[run]]\nname = \"run\"\n{cancel}");
        let settings = [
            format!("seed={seed}"),
            format!("space.pages={pages}"),
            "space.duplicate_ratio=0.2".to_owned(),
            format!("pipeline.profile=\"{profile}\""),
            format!("pipeline.batch_size={batch}"),
            format!("gemini.quota={{ requests = {requests}, per_s = 10, window = \"{kind}\", hint = \"{hint}\" }}"),
            format!("gemini.answer.malformed_ratio={malformed}"),
            "gemini.error_429_ratio=0.05".to_owned(),
            "openai.answer={ miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }"
                .to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        // Judging checks page by page that each ends once.
        let run = judged(&scenario(&text, &settings)).runs.remove(0);
        let ends = [Metric::PagesTagged, Metric::PagesCached, Metric::PagesFailed, Metric::PagesNotDone];
        let ended: u64 = ends.into_iter().map(|metric| number(&run, metric)).sum();
        prop_assert_eq!(ended, number(&run, Metric::Pages));
        prop_assert_eq!(number(&run, Metric::PagesMistagged), 0);
        if profile == "recommended" {
            prop_assert_eq!(number(&run, Metric::EarlyCalls), 0);
        }
    }
}
