//! What goes wrong on purpose: for some pages, for some operations, in spells.

use std::collections::BTreeSet;
use tagspace::Metric;

use serde_json::{Value, json};
use tagspace::internals::fakes::observation::{Observation, Use};
use tagspace::internals::fakes::{Broken, Reply, hosts};

use crate::common::{PLAIN, judged, plain, scenario};
use crate::wire_formats::{Service, body, header, status};

/// A prompt with these pages, by their places in the space.
fn prompt(places: &[u64]) -> String {
    let pages =
        places.iter().map(|place| format!("=== page {} ===\nT\na guide\n", 100_000 + place));
    format!("doc: guide, report\n\n{}", pages.collect::<String>())
}

fn gemini(service: &mut Service, now_ms: u64, places: &[u64]) -> Reply {
    let asked = json!({"contents": [{"parts": [{"text": prompt(places)}]}]});
    service.gemini(now_ms, "generateContent", &asked)
}

fn openai(service: &mut Service, places: &[u64]) -> Reply {
    let messages = json!([{"role": "user", "content": prompt(places)}]);
    service.openai("chat/completions", &json!({"model": "gpt-6-luna", "messages": messages}))
}

fn use_of(reply: &Reply) -> Use {
    let Some(Observation::Prompt(prompt)) = reply.about.as_deref() else { panic!("{reply:?}") };
    prompt.use_of
}

#[test]
fn a_fault_strikes_the_pages_that_it_names_each_time() {
    let rule = "{ when = { pages = [3, 5] }, reply = { status = 500 } }";
    let rules = ["gemini", "openai"].map(|service| format!("{service}.fault=[{rule}]"));
    let mut service = Service::new(&[&rules[0], &rules[1]]);
    for (places, struck) in
        [(&[3_u64][..], 500), (&[1, 2], 200), (&[1, 2, 3], 500), (&[4], 200), (&[5, 6], 500)]
    {
        for _ in 0..3 {
            assert_eq!(status(&gemini(&mut service, 0, places)), struck, "{places:?}");
            assert_eq!(status(&openai(&mut service, places)), struck, "{places:?}");
        }
    }
    // Page 13 is not page 3, and a page that only the text names is not in the prompt.
    assert_eq!(status(&gemini(&mut service, 0, &[13])), 200);
    let named = json!({"contents": [{"parts": [{"text": "doc: guide\n\nsee page 100003"}]}]});
    assert_eq!(status(&service.gemini(0, "generateContent", &named)), 200);
}

#[test]
fn conditions_on_pages_hold_together_with_the_others() {
    let rule = "gemini.fault=[{ when = { pages = [3], from_s = 5, until_s = 9, first_calls = 3 }, reply = { kind = \"timeout\" } }]";
    let mut service = Service::new(&[rule]);
    assert_eq!(gemini(&mut service, 4_999, &[3]).broken, None);
    assert_eq!(gemini(&mut service, 5_000, &[3]).broken, Some(Broken::Hang));
    assert_eq!(gemini(&mut service, 8_999, &[3]).broken, Some(Broken::Hang));
    assert_eq!(gemini(&mut service, 8_999, &[3]).broken, None, "the fourth call");
}

#[test]
fn a_share_of_the_pages_is_struck_and_the_same_ones_each_time() {
    let rule = "gemini.fault=[{ when = { page_ratio = 0.1 }, reply = { status = 500 } }]";
    let struck = |seed: &str, now_ms: u64| -> BTreeSet<u64> {
        let mut service = Service::new(&[rule, seed]);
        let mut one = |place: &u64| status(&gemini(&mut service, now_ms, &[*place])) == 500;
        let twice = (1..=1000).filter(|place| one(place) && one(place));
        twice.collect()
    };
    let first = struck("seed=1", 0);
    // A tenth of 1,000, and four standard deviations of 9.5.
    assert!(first.len().abs_diff(100) < 38, "{}", first.len());
    assert_eq!(first, struck("seed=1", 77_000));
    assert_ne!(first, struck("seed=2", 0));
    // A batch is struck if one of its pages is.
    let mut service = Service::new(&[rule, "seed=1"]);
    for batch in (1..=1000).collect::<Vec<u64>>().chunks(10) {
        let expected = batch.iter().any(|place| first.contains(place));
        assert_eq!(status(&gemini(&mut service, 0, batch)) == 500, expected, "{batch:?}");
    }
}

#[test]
fn a_page_that_always_fails_is_given_up_and_the_others_are_tagged() {
    let run = plain(&[
        "gemini.fault=[{ when = { pages = [3] }, reply = { status = 500 } }]",
        "openai.fault=[{ when = { pages = [3] }, reply = { status = 500 } }]",
        "pipeline.batch_size=1",
    ]);
    let number = |metric| run.figures.number(metric);
    assert_eq!((number(Metric::PagesFailed), number(Metric::PagesTagged)), (1, 19));
    assert!(number(Metric::FaultsFired) >= 2);
}

#[test]
fn confluence_faults_strike_operations_and_the_pages_in_paths() {
    let outage = "{ when = { operations = [\"pages\"], from_s = 5, until_s = 20 }, reply = { status = 503 } }";
    let conflict =
        "{ when = { operations = [\"add-labels\"], pages = [2] }, reply = { status = 409 } }";
    let mut service = Service::new(&[&format!("confluence.fault=[{outage}, {conflict}]")]);
    let mut ask = |now_ms: u64, method: &str, path: &str, sent: &Value| {
        let url = format!("https://{}/wiki{path}", hosts::CONFLUENCE);
        status(&service.send(now_ms, method, &url, sent))
    };
    let nothing = Value::Null;
    let listing = "/api/v2/spaces/9001/pages?limit=5";
    assert_eq!(ask(4_999, "GET", listing, &nothing), 200);
    assert_eq!(ask(5_000, "GET", listing, &nothing), 503);
    assert_eq!(ask(19_999, "GET", "/rest/api/content/100001", &nothing), 503);
    assert_eq!(ask(5_000, "GET", "/api/v2/spaces?keys=DOCS", &nothing), 200);
    assert_eq!(ask(5_000, "GET", "/api/v2/pages/100002/labels", &nothing), 200);
    assert_eq!(ask(20_000, "GET", listing, &nothing), 200);
    let label = json!([{"name": "a"}]);
    assert_eq!(ask(0, "POST", "/rest/api/content/100002/label", &label), 409);
    assert_eq!(ask(0, "POST", "/rest/api/content/100001/label", &label), 200);
    assert_eq!(ask(0, "GET", "/rest/api/content/100002/label", &nothing), 200);
    let url = format!("https://{}/wiki/rest/api/content/100002/label", hosts::CONFLUENCE);
    let refused = body(&service.send(0, "POST", &url, &label));
    assert!(refused["message"].as_str().unwrap().contains("ConflictException"), "{refused}");
}

#[test]
fn a_429_of_confluence_comes_with_or_without_retry_after() {
    for (reply, told) in [("{ status = 429 }", ""), ("{ status = 429, retry_after_s = 7 }", "7")] {
        let mut service = Service::new(&[&format!("confluence.fault=[{{ reply = {reply} }}]")]);
        let refused = service.confluence("GET", "/api/v2/spaces", &Value::Null);
        assert_eq!((status(&refused), header(&refused, "retry-after")), (429, told));
        assert_eq!(header(&refused, "ratelimit-reason"), "confluence-burst-based");
        assert_eq!(body(&refused)["message"], "Rate limit exceeded");
    }
}

#[test]
fn an_account_that_is_not_paid_for_gets_a_429_without_details() {
    let rules =
        ["gemini", "openai"].map(|s| format!("{s}.fault=[{{ reply = {{ kind = \"billing\" }} }}]"));
    let mut service = Service::new(&[&rules[0], &rules[1]]);
    let (one, other) = (gemini(&mut service, 0, &[1]), openai(&mut service, &[1]));
    assert_eq!((status(&one), status(&other)), (429, 429));
    assert_eq!((use_of(&one), use_of(&other)), (Use::Exhausted, Use::Exhausted));
    let error = &body(&one)["error"];
    assert_eq!((&error["status"], &error["details"]), (&json!("RESOURCE_EXHAUSTED"), &Value::Null));
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Your prepayment credits are depleted. "), "{message}");
    let error = &body(&other)["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("billing_not_active"), &json!("billing_not_active"))
    );
    assert_eq!(header(&other, "retry-after"), "");
}

#[test]
fn a_spending_cap_of_gemini_is_no_rate_limit() {
    let spent = "gemini.fault=[{ reply = { kind = \"insufficient-quota\" } }]";
    let mut service = Service::new(&[spent]);
    let refused = gemini(&mut service, 0, &[1]);
    assert_eq!((status(&refused), use_of(&refused)), (429, Use::Exhausted));
    // Its message alone says so; the pipeline falls back at once all the same.
    let played = judged(&scenario(PLAIN, &[spent]));
    let number = |metric| played.runs[0].figures.number(metric);
    assert_eq!((number(Metric::PagesTagged), number(Metric::RateLimited)), (20, 0));
    assert!(number(Metric::Fallbacks) > 0);
}

#[test]
fn content_is_withheld_in_the_way_of_each_service() {
    let of = |kind: &str| {
        ["gemini", "openai"].map(|s| format!("{s}.fault=[{{ reply = {{ kind = \"{kind}\" }} }}]"))
    };
    let rules = of("content-filter");
    let mut service = Service::new(&[&rules[0], &rules[1]]);
    let (one, other) = (gemini(&mut service, 0, &[1]), openai(&mut service, &[1]));
    assert_eq!(body(&one)["candidates"][0]["finishReason"], "SAFETY");
    assert!(body(&one)["candidates"][0]["content"].get("parts").is_none());
    let choice = &body(&other)["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("content_filter"), &json!(""))
    );
    assert_eq!((use_of(&one), use_of(&other)), (Use::Blocked, Use::Blocked));
    let response = service.openai("responses", &json!({"model": "gpt-6-luna", "input": "x"}));
    let response = body(&response);
    assert_eq!(response["status"], "incomplete");
    assert_eq!(response["incomplete_details"]["reason"], "content_filter");
    let mut service = Service::new(&[&of("invalid-prompt")[1]]);
    let refused = openai(&mut service, &[1]);
    assert_eq!(
        (status(&refused), &body(&refused)["error"]["code"]),
        (400, &json!("invalid_prompt"))
    );
}

/// When calls, one a second, are answered with a 503: whole runs of seconds, from and until.
fn spells(seed: u64, spell: &str) -> Vec<(u64, u64)> {
    let mut service = Service::new(&[&format!("gemini.spell={spell}"), &format!("seed={seed}")]);
    let mut found: Vec<(u64, u64)> = Vec::new();
    for second in 0..40_000 {
        if status(&gemini(&mut service, second * 1000, &[1])) != 503 {
            continue;
        }
        match found.last_mut().filter(|(_, until)| *until == second) {
            Some((_, until)) => *until += 1,
            None => found.push((second, second + 1)),
        }
    }
    found
}

#[test]
fn each_seed_draws_where_spells_are_and_how_long() {
    let spell = "{ every_s = 300, min_s = 20, max_s = 60, reply = { status = 503 } }";
    let found = spells(1, spell);
    assert_eq!(found, spells(1, spell), "the same seed, the same spells");
    assert_ne!(found, spells(2, spell), "another seed, others");
    // 40,000 s of 340 s each, and four standard deviations of about 10.
    assert!(found.len().abs_diff(117) < 40, "{}", found.len());
    let lengths = found.iter().map(|(from, until)| until - from);
    // Those that follow at once are one; few do.
    let odd = lengths.clone().filter(|length| !(20..=61).contains(length)).count();
    assert!(odd * 20 <= found.len(), "{odd} of {}: {found:?}", found.len());
    let mean = lengths.sum::<u64>() / found.len() as u64;
    assert!(mean.abs_diff(41) <= 6, "{mean}");
    let gaps: Vec<u64> = found.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
    let mean = gaps.iter().sum::<u64>() / gaps.len() as u64;
    assert!(mean.abs_diff(300) < 120, "{mean}");
    // Exponential gaps: about 28 % are shorter than a third of their mean, 5 % longer than three of it.
    let short = gaps.iter().filter(|gap| **gap < 100).count() * 100 / gaps.len();
    assert!((14..=45).contains(&short), "{short} %");
}

#[test]
fn within_a_spell_its_share_of_calls_is_struck() {
    let spell = "gemini.spell={ every_s = 1, min_s = 800000, max_s = 864000, reply = { status = 503 }, ratio = 0.8 }";
    let mut service = Service::new(&[spell]);
    let struck =
        (1..=1000).filter(|place| status(&gemini(&mut service, 100_000, &[*place])) == 503);
    let struck = struck.count();
    // 800 of 1,000, and four standard deviations of 12.6.
    assert!(struck.abs_diff(800) < 51, "{struck}");
    // Far in the future there are none, however long one would have to draw.
    assert_eq!(status(&gemini(&mut service, u64::MAX, &[1])), 200);
}

#[test]
fn answers_are_slow_in_a_spell_and_not_outside() {
    let always = "every_s = 1, min_s = 800000, max_s = 800000";
    let latency = |settings: &[&str]| {
        let mut service = Service::new(settings);
        gemini(&mut service, 100_000, &[1]).latency_ms
    };
    let usual = latency(&[]);
    assert_eq!(usual, 1_000);
    let slow = format!("gemini.spell={{ {always}, reply = {{ latency_factor = 5 }} }}");
    assert_eq!(latency(&[&slow]), 5_000);
    // Without figures: 20 output tokens a second.
    let slow = format!("gemini.spell={{ {always}, reply = {{ kind = \"slow\" }} }}");
    let stated = format!("gemini.spell={{ {always}, reply = {{ output_tokens_per_s = 20 }} }}");
    assert!(latency(&[&slow]) > 1_000);
    assert_eq!(latency(&[&slow]), latency(&[&stated]));
    let mut before = Service::new(&[
        "gemini.spell={ every_s = 8640000, min_s = 1, max_s = 1, reply = { latency_factor = 5 } }",
    ]);
    assert_eq!(gemini(&mut before, 0, &[1]).latency_ms, 1_000);
    // Output that took no time takes some, and a quicker speed than the usual changes nothing.
    let tokens = format!("gemini.spell={{ {always}, reply = {{ output_tokens_per_s = 20 }} }}");
    let with_tokens = latency(&[&tokens]);
    assert!(with_tokens > 1_500 && with_tokens < 4_000, "{with_tokens}");
    let usual_speed = "gemini.latency.output_tokens_per_s=10";
    assert_eq!(latency(&[&tokens, usual_speed]), latency(&[usual_speed]));
    // Of two kinds at once the first decides.
    let both = format!(
        "gemini.spell=[{{ {always}, reply = {{ latency_factor = 2 }} }}, {{ {always}, reply = {{ latency_factor = 3 }} }}]"
    );
    assert_eq!(latency(&[&both]), 2_000);
}

#[test]
fn answers_are_slow_at_stated_times_and_for_stated_pages() {
    let rule = "gemini.fault=[{ when = { pages = [2], from_s = 5, until_s = 60 }, reply = { latency_factor = 3 } }]";
    let mut service = Service::new(&[rule]);
    let mut latency = |now_ms: u64, places: &[u64]| gemini(&mut service, now_ms, places).latency_ms;
    assert_eq!(latency(4_999, &[2]), 1_000);
    assert_eq!(latency(5_000, &[2]), 3_000);
    assert_eq!(latency(5_000, &[1]), 1_000);
    assert_eq!(latency(60_000, &[2]), 1_000);
    let rule = "confluence.fault=[{ when = { operations = [\"spaces\"] }, reply = { latency_factor = 7 } }]";
    let mut service = Service::new(&[rule]);
    let slow = service.confluence("GET", "/api/v2/spaces", &Value::Null);
    assert_eq!((status(&slow), slow.latency_ms), (200, 70));
}

#[test]
fn a_spell_of_confluence_slows_and_refuses_as_well() {
    let always = "every_s = 1, min_s = 800000, max_s = 800000";
    let mut service = Service::new(&[&format!(
        "confluence.spell={{ {always}, reply = {{ latency_factor = 4 }} }}"
    )]);
    let url = format!("https://{}/wiki/api/v2/spaces", hosts::CONFLUENCE);
    assert_eq!(service.send(100_000, "GET", &url, &Value::Null).latency_ms, 40);
    let spell =
        format!("confluence.spell={{ {always}, reply = {{ status = 503, retry_after_s = 3 }} }}");
    let mut service = Service::new(&[&spell]);
    let refused = service.send(100_000, "GET", &url, &Value::Null);
    assert_eq!((status(&refused), header(&refused, "retry-after")), (503, "3"));
}

#[test]
fn a_run_meets_its_spells_and_says_so() {
    let spell = "gemini.spell={ name = \"slow\", every_s = 2, min_s = 5, max_s = 9, reply = { latency_factor = 6 } }";
    let one_by_one = ["pipeline.batch_size=1", "space.pages=60"];
    let (slow, usual) =
        (plain(&[spell, one_by_one[0], one_by_one[1]]), plain(&[one_by_one[0], one_by_one[1]]));
    let fired = slow.figures.number(Metric::FaultsFired);
    assert!(fired > 0 && fired <= slow.figures.number(Metric::AiCalls), "{fired}");
    assert!(slow.figures.number(Metric::Makespan) > usual.figures.number(Metric::Makespan));
    assert_eq!(usual.figures.number(Metric::FaultsFired), 0);
    assert!(slow.figures.number(Metric::BoundMakespan) <= slow.figures.number(Metric::Makespan));
    let lines = slow.log.entries.iter().map(|entry| slow.log.line(&entry));
    assert!(lines.into_iter().any(|line| line.contains("\"fault\":\"slow\"")));
}
