//! What is used of a quota when a run begins, how exactly a service counts, and what it says.

use proptest::prelude::*;
use serde_json::{Value, json};
use tagspace::Metric;
use tagspace::internals::fakes::calendar::Calendar;
use tagspace::internals::fakes::observation::{Observation, Use};
use tagspace::internals::fakes::quota::{Leeway, Quota, QuotaConfig};
use tagspace::internals::study::measure::quota_usage;

use crate::common::{PLAIN, judged, plain, same_cases, scenario};
use crate::wire_formats::{Service, body, header, status};

fn calendar() -> Calendar {
    Calendar::new("2026-01-05T09:00:00Z".parse().unwrap())
}

fn config(text: &str) -> QuotaConfig {
    toml::from_str(text).unwrap()
}

/// How many of `calls` calls at this time are taken.
fn taken(quota: &mut Quota, at_ms: u64, calls: u64, leeway: Leeway) -> u64 {
    let admitted = |_: &u64| quota.admit_with(at_ms, 10, &calendar(), leeway).is_ok();
    (0..calls).filter(admitted).count() as u64
}

#[test]
fn what_others_used_is_free_again_when_their_window_is_over() {
    for (kind, at_29_s, at_60_s) in [("sliding", 0, 10), ("fixed", 0, 10), ("bucket", 4, 6)] {
        let text = format!("requests = 10\nwindow = \"{kind}\"\nused = {{ requests = 7 }}");
        let mut quota = Quota::new(&config(&text));
        assert_eq!(taken(&mut quota, 0, 20, Leeway::None), 3, "{kind}");
        assert_eq!(taken(&mut quota, 29_000, 20, Leeway::None), at_29_s, "{kind}");
        let later = taken(&mut quota, 60_000, 20, Leeway::None);
        assert_eq!(later, at_60_s, "{kind}");
    }
    let mut tokens = Quota::new(&config("tokens = 100\nused = { tokens = 75 }"));
    assert_eq!(taken(&mut tokens, 0, 20, Leeway::None), 2);
}

#[test]
fn what_others_used_of_the_day_is_of_the_day_of_virtual_zero() {
    let text = "per_day = 10\nused = { per_day = 8 }";
    let midnight = calendar().pacific_midnight_after(0);
    let mut quota = Quota::new(&config(text));
    assert_eq!(taken(&mut quota, 5_000, 20, Leeway::None), 2);
    assert_eq!(taken(&mut quota, midnight, 20, Leeway::None), 10);
    // The first call may come on the next day.
    assert_eq!(taken(&mut Quota::new(&config(text)), midnight, 20, Leeway::None), 10);
    let tokens = "tokens_per_day = 100\nused = { tokens_per_day = 95 }";
    assert_eq!(taken(&mut Quota::new(&config(tokens)), 0, 20, Leeway::None), 0);
}

#[test]
fn a_run_that_begins_in_a_used_window_is_refused_earlier_and_the_report_says_how_much_was_used() {
    let quota = |used: &str| {
        let setting = format!("gemini.quota={{ requests = 8, per_day = 50{used} }}");
        let scenario = scenario(
            PLAIN,
            &[&setting, "pipeline.profile=\"recommended\"", "pipeline.batch_size=5"],
        );
        let run = judged(&scenario).runs.remove(0);
        let peaks = quota_usage::of(&scenario, &run.log);
        let used: Vec<u64> = peaks.iter().map(|peak| peak.used).collect();
        (run.figures.number(Metric::QuotaRefusals), run.figures.number(Metric::Makespan), used)
    };
    let (refused, makespan, used) = quota(", used = { requests = 7, per_day = 40 }");
    let (usual_refused, usual, usual_used) = quota("");
    assert_eq!((usual_refused, usual_used), (0, vec![4, 4]));
    assert!(refused > 0 && makespan > usual + 50_000, "{refused} refusals, {makespan} ms");
    assert_eq!(used, [8, 44]);
}

#[test]
fn a_loose_service_takes_one_more_or_one_fewer_and_states_its_limit() {
    let mut counts = std::collections::BTreeMap::new();
    let mut service =
        Service::new(&["gemini.quota={ requests = 6, window = \"fixed\", looseness = 0.5 }"]);
    for window in 0..60 {
        let mut taken = 0;
        for call in 0..12 {
            let asked = json!({"contents": [{"parts": [{"text": format!("{window} {call}")}]}]});
            let reply = service.gemini(window * 60_000 + call, "generateContent", &asked);
            taken += u64::from(status(&reply) == 200);
            if status(&reply) == 429 {
                let violation = &body(&reply)["error"]["details"][1]["violations"][0];
                assert_eq!(violation["quotaValue"], "6");
            }
        }
        *counts.entry(taken).or_insert(0) += 1;
    }
    // Refused too early, the next call may be taken: six or seven at the end of most windows.
    assert!(counts.keys().all(|taken| (5..=7).contains(taken)), "{counts:?}");
    assert!(counts[&7] > 10 && counts[&6] > 2, "{counts:?}");
    let exact = plain(&["gemini.quota={ requests = 3, looseness = 0 }"]);
    let usual = plain(&["gemini.quota={ requests = 3 }"]);
    assert_eq!(exact.events_sha256(), usual.events_sha256());
}

#[test]
fn no_run_is_quicker_than_its_bound_where_the_service_counts_loosely() {
    for window in ["sliding", "fixed", "bucket"] {
        for seed in 1..=8 {
            let quota = format!(
                "gemini.quota={{ requests = 3, per_s = 10, window = \"{window}\", looseness = 1 }}"
            );
            let seed = format!("seed={seed}");
            let run = plain(&[
                &quota,
                &seed,
                "space.pages=60",
                "pipeline.profile=\"recommended\"",
                "pipeline.batch_size=3",
            ]);
            let number = |metric| run.figures.number(metric);
            assert!(number(Metric::BoundMakespan) <= number(Metric::Makespan), "{window} {seed}");
        }
    }
}

fn leeways() -> impl Strategy<Value = Leeway> {
    prop_oneof![Just(Leeway::None), Just(Leeway::OneMore), Just(Leeway::OneFewer)]
}

proptest! {
    #![proptest_config(same_cases(400))]

    #[test]
    fn leeway_gives_out_one_more_at_most_and_none_changes_nothing(
        kind in prop_oneof![Just("sliding"), Just("fixed"), Just("bucket")],
        limit in 1_u64..9,
        burst in 1_u64..9,
        calls in proptest::collection::vec((0_u64..9_000, leeways()), 1..80),
    ) {
        let burst = if kind == "bucket" { format!("burst = {burst}") } else { String::new() };
        let exact = format!("requests = {limit}\nper_s = 20\nwindow = \"{kind}\"\n{burst}");
        let loose = config(&format!("{exact}\nlooseness = 1"));
        let exact = config(&exact);
        let (mut one, mut other) = (Quota::new(&exact), Quota::new(&loose));
        let (mut never, mut loosest) = (Quota::new(&loose), Quota::new(&loose.loosest()));
        let mut now_ms = 0;
        for (later_ms, leeway) in calls {
            now_ms += later_ms;
            let calendar = calendar();
            let admitted = one.admit(now_ms, 1, &calendar);
            prop_assert_eq!(&admitted, &other.admit_with(now_ms, 1, &calendar, Leeway::None));
            prop_assert_eq!(one.left(now_ms), other.left(now_ms));
            // All that leeway lets through, a quota of one more lets through as well.
            if never.admit_with(now_ms, 1, &calendar, leeway).is_ok() {
                prop_assert!(loosest.admit(now_ms, 1, &calendar).is_ok());
            }
        }
    }
}

#[test]
fn a_refusal_that_tells_only_the_time_names_no_quota() {
    let quota = "{ requests = 1, hint = \"time-only\" }";
    let settings = ["gemini", "openai"].map(|service| format!("{service}.quota={quota}"));
    let mut service = Service::new(&[&settings[0], &settings[1]]);
    let asked = json!({"contents": [{"parts": [{"text": "x"}]}]});
    assert_eq!(status(&service.gemini(0, "generateContent", &asked)), 200);
    let refused = service.gemini(21_500, "generateContent", &asked);
    let text = String::from_utf8_lossy(refused.response.body()).into_owned();
    assert_eq!(status(&refused), 429);
    let error = &body(&refused)["error"];
    assert!(error["message"].as_str().unwrap().ends_with("Please retry in 38.500s."), "{text}");
    assert_eq!(error["details"].as_array().unwrap().len(), 1);
    assert_eq!(error["details"][0]["retryDelay"], "38s");
    assert!(
        !text.contains("uota\"") && !text.contains("quotaId") && !text.contains("limit:"),
        "{text}"
    );
    let Some(Observation::Prompt(prompt)) = refused.about.as_deref() else { panic!("{refused:?}") };
    assert_eq!((prompt.use_of, prompt.hint_ms), (Use::Nothing, Some(38_000)));

    let asked = json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": "x"}]});
    let answered = service.openai("chat/completions", &asked);
    let refused = service.openai("chat/completions", &asked);
    assert_eq!((status(&answered), status(&refused)), (200, 429));
    for reply in [&answered, &refused] {
        let names = reply.response.headers().keys();
        assert!(names.into_iter().all(|name| !name.as_str().contains("ratelimit")), "{reply:?}");
    }
    assert_eq!(
        (header(&refused, "retry-after"), header(&refused, "retry-after-ms")),
        ("60", "60000")
    );
    let message = body(&refused)["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message, "Rate limit reached. Please try again in 1m0s.");
    assert_eq!(body(&refused)["error"]["param"], Value::Null);
}
