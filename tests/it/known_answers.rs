//! Results that can be worked out by hand: tests that could prove the simulator wrong.

use tagspace::Metric;
use tagspace::internals::fakes::world_event::WorldEvent;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::sim::recorder::entry::What;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::measure::timeline;
use tagspace::internals::study::measure::value::Value;
use tagspace::internals::study::verdict::judge::JudgedRun;
use tagspace::verdict::Stat;

use crate::common::{PLAIN, judged, plain, scenario};

fn makespan_ms(run: &JudgedRun) -> u64 {
    run.figures.number(Metric::Makespan)
}

/// When the first call to a provider started and the last one ended.
fn calls_span_ms(run: &JudgedRun) -> (u64, u64) {
    let of = |wanted: fn(&Event) -> bool| {
        run.log.entries.iter().filter_map(move |entry| match &entry.what {
            What::Event(event) if wanted(event) => Some(entry.t_ms),
            _ => None,
        })
    };
    let started = of(|event| matches!(event, Event::AttemptStarted { .. })).min();
    let ended = of(|event| matches!(event, Event::AttemptFinished { .. })).max();
    (started.unwrap(), ended.unwrap())
}

#[test]
fn without_faults_and_quota_there_are_no_retries() {
    let run = plain(&[]);
    for metric in [
        Metric::Retries,
        Metric::RateLimited,
        Metric::Fallbacks,
        Metric::PagesFailed,
        Metric::FaultsFired,
        Metric::PagesMistagged,
    ] {
        assert_eq!(run.figures.number(metric), 0, "{metric}");
    }
    assert_eq!(run.figures.number(Metric::PagesTagged), 20);
    assert_eq!(run.figures.number(Metric::AiCalls), 4);
}

#[test]
fn calls_take_as_many_rounds_as_the_limit_needs() {
    // 20 batches of one page, 4 at a time, a second each: 5 s.
    let run = plain(&[
        "pipeline.batch_size=1",
        "pipeline.limiter=fixed",
        "pipeline.concurrency=4",
        "pipeline.max_concurrency=4",
    ]);
    let (start, end) = calls_span_ms(&run);
    assert_eq!(end - start, 5_000);
}

#[test]
fn calls_in_flight_are_throughput_times_latency() {
    let run = plain(&[
        "space.pages=60",
        "pipeline.batch_size=1",
        "pipeline.limiter=fixed",
        "pipeline.concurrency=3",
        "pipeline.max_concurrency=3",
    ]);
    let rows = timeline::rows(&run.log);
    let area: u64 =
        rows.windows(2).map(|pair| pair[0].in_flight * (pair[1].t_ms - pair[0].t_ms)).sum();
    let Some(Value::Distribution(latencies)) = run.figures.get(Metric::AiLatency) else { panic!() };
    // Little's law, both sides times the length of the run.
    assert_eq!(area, latencies.stat(Stat::Sum).unwrap());
    assert_eq!(area, 60_000);
}

#[test]
fn a_fixed_quota_gives_the_closed_form() {
    // One call at a time of 100 ms, five in any ten seconds, 15 calls: the sixth meets a refusal
    // and waits for the first to leave the window, and so does the eleventh.
    let run = plain(&[
        "space.pages=15",
        "gemini.quota={ requests = 5, per_s = 10 }",
        "gemini.latency={ dist = \"fixed\", ms = 100, refusal_ms = 100 }",
        "pipeline.batch_size=1",
        "pipeline.concurrency=1",
        "pipeline.max_concurrency=1",
        "pipeline.retry_hints=true",
    ]);
    assert_eq!(run.figures.number(Metric::RateLimited), 2);
    assert_eq!(run.figures.number(Metric::AiCalls), 17);
    let (start, end) = calls_span_ms(&run);
    // Two windows and the last five calls; a hint is overstayed by at most 5 %.
    assert!((20_500..=21_600).contains(&(end - start)), "{}", end - start);
}

#[test]
fn a_quota_without_hints_costs_the_attempts_of_the_plan() {
    // No call ever succeeds at the primary after the first: 3 further batches take 4 attempts
    // each with waits of 0.5, 1 and 2 s, then go to the fallback.
    let run = plain(&[
        "gemini.quota={ requests = 1, per_s = 3600 }",
        "pipeline.concurrency=1",
        "pipeline.max_concurrency=1",
        "pipeline.in_flight_batches=1",
    ]);
    assert_eq!(run.figures.number(Metric::RateLimited), 12);
    assert_eq!(run.figures.number(Metric::Fallbacks), 3);
    assert_eq!(run.figures.number(Metric::AiCalls), 1 + 12 + 3);
    let (start, end) = calls_span_ms(&run);
    assert_eq!(end - start, 1_000 + 3 * (4 * 100 + 3_500 + 2_000));
}

#[test]
fn the_makespan_is_the_sum_of_its_stages_when_nothing_overlaps() {
    // Space, one list, one call, then labels read and written.
    let run = plain(&["space.pages=1"]);
    assert_eq!(makespan_ms(&run), 10 + 10 + 1_000 + 10 + 10);
}

#[test]
fn production_is_reproduced() {
    let path = std::path::Path::new("scenarios/production.toml");
    let run = judged(&Scenario::read(path, &[]).unwrap()).runs.remove(0);
    // Which provider answered each operation, in order.
    let answered: Vec<bool> = run
        .log
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Event(Event::AttemptFinished { provider, class: None, .. }) => {
                Some(provider == "gemini")
            }
            _ => None,
        })
        .collect();
    let mut blocks: Vec<(bool, usize)> = Vec::new();
    for good in &answered {
        match blocks.last_mut() {
            Some((kind, length)) if kind == good => *length += 1,
            _ => blocks.push((*good, 1)),
        }
    }
    assert_eq!(answered.len(), 35);
    let [(true, first), (false, second), (true, third), (false, last)] = blocks[..] else {
        panic!("{blocks:?}")
    };
    assert_eq!(first, 12);
    assert!((9..=10).contains(&second), "{blocks:?}");
    assert!((11..=12).contains(&third), "{blocks:?}");
    assert!(last >= 1);
    let good = answered.iter().filter(|good| **good).count();
    assert!((23..=25).contains(&good), "{good} by Gemini");
    assert!((90_240..=101_760).contains(&makespan_ms(&run)), "{} ms", makespan_ms(&run));
}

#[test]
fn the_peak_of_a_quota_is_the_most_at_a_time_not_the_last() {
    // Three calls at once, and a fourth when the first is answered, a second later.
    let scenario = scenario(PLAIN, &["gemini.quota={ requests = 9, tokens = 100000, per_s = 1 }"]);
    let log = &judged(&scenario).runs[0].log;
    let peaks = tagspace::internals::study::measure::quota_usage::of(&scenario, log);
    let [requests, tokens] = peaks.try_into().unwrap();
    assert_eq!((requests.what.as_str(), requests.used, requests.limit), ("requests", 3, 9));
    assert_eq!((tokens.what.as_str(), tokens.refused), ("input tokens", 0));
}

#[test]
fn the_peak_of_a_bucket_is_what_was_drawn_from_it_and_a_day_ends_at_midnight() {
    // Three calls at once empty the bucket. The fourth comes when one is back, after midnight.
    let quota =
        "gemini.quota={ requests = 60, per_s = 120, window = \"bucket\", burst = 3, per_day = 3 }";
    let scenario = scenario(PLAIN, &[quota, "start=\"2026-01-01T07:59:59.300Z\""]);
    let log = &judged(&scenario).runs[0].log;
    let peaks = tagspace::internals::study::measure::quota_usage::of(&scenario, log);
    let [bucket, day] = peaks.try_into().unwrap();
    assert_eq!((bucket.what.as_str(), bucket.used, bucket.limit), ("requests", 3, 3));
    assert!(bucket.refused > 0);
    assert_eq!((day.what.as_str(), day.used, day.limit, day.refused), ("requests a day", 3, 3, 0));
}

#[test]
fn of_two_windows_each_has_its_own_peak_and_refusals_though_the_limits_are_the_same() {
    // Three calls at once in ten seconds, and in the minute no more than three either.
    let quota = "gemini.quota={ requests = 3, also = [{ requests = 3, per_s = 10 }] }";
    let settings = [quota, "pipeline.batch_size=1", "space.pages=5", "pipeline.attempts=99"];
    let scenario = scenario(PLAIN, &settings);
    let log = &judged(&scenario).runs[0].log;
    let peaks = tagspace::internals::study::measure::quota_usage::of(&scenario, log);
    let [minute, short] = peaks.try_into().unwrap();
    assert_eq!((minute.what.as_str(), minute.used, minute.limit), ("requests", 3, 3));
    assert_eq!((short.what.as_str(), short.used, short.limit), ("requests in 10 s", 3, 3));
    // The minute refuses as long as both are full, because its wait is the longer one.
    let refused = log
        .entries
        .iter()
        .filter(|entry| matches!(entry.what, What::World(WorldEvent::QuotaRefused { .. })));
    assert!(minute.refused > 0 && short.refused == 0, "{} {}", minute.refused, short.refused);
    assert_eq!(minute.refused, refused.count() as u64);
}
