//! A trace for Perfetto: whether it is sound, and agrees with the figures. Its format is described at
//! <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.

use std::collections::BTreeMap;

use serde_json::Value;
use tagspace::Metric;
use tagspace::internals::report::run::trace::TraceFile;

use super::common::{judged, scenario};

const WORLD: &str = r#"# What happened when?
schema = 1
seed = 7
[space]
pages = 30
[confluence]
latency = { dist = "uniform", min_ms = 50, max_ms = 150 }
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "uniform", min_ms = 400, max_ms = 900 }
error_429_ratio = 0.2
[openai]
model = "gpt-6-luna"
[pipeline]
profile = "documented"
"#;

/// The events of a trace, with the figures of its run.
fn traced(
    settings: &[&str],
) -> (Vec<Value>, tagspace::internals::study::measure::figures::Figures) {
    let scenario = scenario(WORLD, settings);
    let judged = judged(&scenario);
    let mut trace = TraceFile::new(Vec::new());
    trace.add(&scenario, &judged).unwrap();
    let trace: Value = serde_json::from_slice(&trace.finish().unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap().clone();
    (events, judged.runs[0].figures.clone())
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["ph"] == kind).collect()
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap()
}

#[test]
fn every_call_is_a_slice_and_no_two_share_a_lane() {
    let (events, figures) = traced(&[]);
    let names: BTreeMap<u64, String> = of_kind(&events, "M")
        .into_iter()
        .filter(|event| event["name"] == "process_name")
        .map(|event| (number(event, "pid"), event["args"]["name"].as_str().unwrap().to_owned()))
        .collect();
    let slices = of_kind(&events, "X");
    let of = |process: &str| {
        let is_it = |slice: &&&Value| names[&number(slice, "pid")].ends_with(process);
        slices.iter().filter(is_it).count() as u64
    };
    assert_eq!(of("gemini") + of("openai"), figures.number(Metric::AiCalls));
    assert_eq!(of("confluence"), figures.number(Metric::ConfluenceCalls));
    assert_eq!(of("pages"), figures.number(Metric::Pages));
    let mut lanes: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    for slice in &slices {
        let (start, duration) = (number(slice, "ts"), number(slice, "dur"));
        let lane = lanes.entry((number(slice, "pid"), number(slice, "tid"))).or_default();
        lane.push((start, start + duration));
    }
    for lane in lanes.values_mut() {
        lane.sort_unstable();
        assert!(lane.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{lane:?}");
    }
    let end = slices.iter().map(|slice| number(slice, "ts") + number(slice, "dur")).max().unwrap();
    assert_eq!(end, figures.number(Metric::Makespan) * 1000);
}

#[test]
fn a_batch_ends_with_its_last_call() {
    let (events, _) = traced(&[]);
    let slices = of_kind(&events, "X");
    let end = |slice: &Value| number(slice, "ts") + number(slice, "dur");
    let batches: Vec<&&Value> =
        slices.iter().filter(|slice| slice["args"]["pages"].is_array()).collect();
    assert!(batches.len() > 2);
    for batch in batches {
        let id = &batch["args"]["batch"];
        let calls = slices.iter().filter(|slice| slice["args"]["call"].is_u64());
        let last = calls.filter(|call| call["args"]["batch"] == *id).map(|call| end(call)).max();
        assert_eq!(Some(end(batch)), last, "{id}");
    }
}

#[test]
fn a_flow_leads_from_each_page_to_its_label() {
    let (events, figures) = traced(&["gemini.error_429_ratio=0"]);
    let slices = of_kind(&events, "X");
    let mut flows: BTreeMap<u64, Vec<(&str, String)>> = BTreeMap::new();
    for event in
        events.iter().filter(|event| ["s", "t", "f"].iter().any(|kind| event["ph"] == *kind))
    {
        // A step belongs to the slice that is open where it stands.
        let is_it = |slice: &&&Value| {
            slice["pid"] == event["pid"]
                && slice["tid"] == event["tid"]
                && number(slice, "ts") <= number(event, "ts")
                && number(event, "ts") <= number(slice, "ts") + number(slice, "dur")
        };
        // Of two that meet there, the one that begins.
        let open = slices.iter().filter(is_it).max_by_key(|slice| number(slice, "ts"));
        let slice = open.unwrap_or_else(|| panic!("no slice for {event}"));
        let word = slice["name"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        flows.entry(number(event, "id")).or_default().push((event["ph"].as_str().unwrap(), word));
    }
    assert_eq!(flows.len() as u64, figures.number(Metric::PagesTagged));
    for (page, steps) in flows {
        let kinds: String = steps.iter().map(|(kind, _)| *kind).collect();
        let words: Vec<&str> = steps.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(
            (kinds.as_str(), words.as_slice()),
            ("sttf", &["page", "batch", "call", "add"][..]),
            "{page}"
        );
    }
}

#[test]
fn counters_end_where_the_figures_do() {
    let (events, figures) = traced(&["gemini.error_429_ratio=0.5"]);
    let last = |name: &str| {
        let own = of_kind(&events, "C").into_iter().filter(|event| event["name"] == name);
        own.into_iter().next_back().map(|event| number(&event["args"], "value"))
    };
    let number = |metric| Some(figures.number(metric));
    assert!(figures.number(Metric::RateLimited) > 0);
    assert_eq!(last("429s"), number(Metric::RateLimited));
    assert_eq!(last("pages done"), number(Metric::Pages));
    assert_eq!(last("in flight"), Some(0));
    let cost = figures.number(Metric::Cost);
    assert!(
        last("cost in millionths of a dollar").unwrap().abs_diff(cost) < 50,
        "rounded call by call"
    );
}

#[test]
fn a_trace_of_nothing_is_one_too() {
    let trace = TraceFile::new(Vec::new()).finish().unwrap();
    let trace: Value = serde_json::from_slice(&trace).unwrap();
    assert_eq!(trace["traceEvents"], Value::Array(Vec::new()));
}

#[test]
fn what_is_left_of_a_quota_is_counted() {
    let quota = "gemini.quota={ requests = 3, per_s = 10 }";
    let (events, figures) = traced(&[quota, "gemini.error_429_ratio=0", "pipeline.batch_size=2"]);
    let counted: Vec<u64> = of_kind(&events, "C")
        .into_iter()
        .filter(|event| event["name"] == "gemini: requests left")
        .map(|event| number(&event["args"], "value"))
        .collect();
    // Each call that is billed takes one; what left the window is there again.
    let taken = counted.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(counted.contains(&0) && counted.iter().all(|left| *left <= 3), "{counted:?}");
    assert!(taken as u64 <= figures.number(Metric::Prompts), "{counted:?}");
    assert!(counted.windows(2).any(|pair| pair[1] > pair[0]), "{counted:?}");
}
