//! Labels that are read of a space once, label by label: as few calls as that takes, the same labels.

use std::collections::BTreeMap;

use serde_json::json;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::study::verdict::judge::JudgedScenario;
use tagspace::{Metric, Scenario};

use crate::common::{PLAIN, judged, scenario};
use crate::scripted::{Reply, Server};

/// A run over a new space, and one after a third of its pages has changed.
const TWICE: &str = r#"
[[run]]
name = "first"
[[run]]
name = "second"
changed_ratio = 0.3
"#;

fn twice(settings: &[&str]) -> Scenario {
    let base = ["pipeline.profile=\"recommended\"", "space.pages=600", "space.chars.median=200"];
    scenario(&format!("{PLAIN}{TWICE}"), &[&base[..], settings].concat())
}

/// What was written of each page, run by run.
fn written(judged: &JudgedScenario) -> Vec<BTreeMap<u64, (u64, u64)>> {
    let of = |event: Event| match event {
        Event::LabelsWritten { page, added, removed } => Some((page.0, (added, removed))),
        _ => None,
    };
    judged.runs.iter().map(|run| run.log.events().filter_map(of).collect()).collect()
}

#[test]
fn each_page_that_changes_costs_one_call_and_no_other_page_any() {
    for removes in [false, true] {
        let removes = format!("pipeline.remove_stale_labels={removes}");
        let by_label = judged(&twice(&[&removes]));
        let by_page = judged(&twice(&[&removes, "pipeline.label_reads=\"by-page\""]));
        assert_eq!(written(&by_label), written(&by_page), "{removes}");
        let figures = |at: usize, metric| by_label.runs[at].figures.number(metric);
        // The space, three pieces of the list, its labels; then one call for each page.
        let calls = figures(0, Metric::ConfluenceCalls);
        assert_eq!(calls, 1 + 3 + 1 + figures(0, Metric::LabelsWritten), "{removes}");
        assert!(figures(1, Metric::LabelsWritten) > 50, "{removes}");
        assert_eq!(figures(1, Metric::PagesFailed), 0);
    }
    // Of a second run the labels have pages: one piece each, or two.
    let second = &judged(&twice(&[])).runs[1].figures;
    let (calls, changed) =
        (second.number(Metric::ConfluenceCalls), second.number(Metric::LabelsWritten));
    assert!(calls <= changed + 100, "{calls} calls, {changed} pages changed");
}

#[test]
fn a_site_that_does_not_say_is_read_page_by_page() {
    for fault in [
        "confluence.fault=[{ when = { operations = [\"labels\"], first_calls = 3 }, reply = { status = 403 } }]",
        "confluence.fault=[{ when = { operations = [\"labels\"], first_calls = 3 }, reply = { kind = \"malformed\" } }]",
    ] {
        let judged = judged(&twice(&[fault]));
        let first = &judged.runs[0].figures;
        assert_eq!(first.number(Metric::PagesTagged), 600, "{fault}");
        // Each page is read, and written if it has a tag.
        let calls = first.number(Metric::ConfluenceCalls);
        let least = 600 + first.number(Metric::LabelsWritten);
        assert!(calls > least && first.number(Metric::LabelsWritten) > 500, "{fault}: {calls}");
    }
}

#[test]
fn of_data_center_the_labels_come_with_the_list() {
    let server = Server::start(3, |asked| {
        let target = &asked.target;
        if target.contains("/api/v2/") {
            return Some(Reply::of(404, &json!({})));
        }
        if target.contains("/rest/api/space") {
            return Some(Reply::of(200, &json!({"results": [{"key": "DOCS"}]})));
        }
        let page = |id: u64, labels: serde_json::Value| {
            json!({
                "id": id.to_string(), "title": format!("Page {id}"), "version": {"number": 1},
                "body": {"storage": {"value": "<p>a guide</p>"}},
                "metadata": {"labels": {"results": labels, "limit": 200}}
            })
        };
        let is_list = target.contains("/rest/api/content?");
        let guide = json!([{"prefix": "global", "name": "guide"}]);
        let pages = json!([page(1, json!([])), page(2, guide), page(3, json!([]))]);
        is_list.then(|| Reply::of(200, &json!({"results": pages, "_links": {}})))
    });
    let tagged = server.tag(&["--write"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    assert_eq!(server.count("metadata.labels"), 1);
    // The one that has its label is left alone, and none is read.
    let labels = |page: u64| server.count(&format!("/content/{page}/label"));
    assert_eq!([labels(1), labels(2), labels(3)], [1, 0, 1]);
}
