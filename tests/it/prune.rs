//! Labels that no longer apply go again, if an earlier job wrote them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::scripted::{Reply, Server, Tagged, sections};
use crate::wiki::Wiki;

/// A space of six pages whose model calls them guides, and runbooks once the switch is on.
fn changing(wiki: &Wiki) -> (Server, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let (wiki, is_on) = (wiki.clone(), Arc::clone(&switch));
    let server = Server::start(6, move |asked| {
        if !asked.target.contains("generateContent") {
            return wiki.reply(asked, 6);
        }
        if !is_on.load(Ordering::Relaxed) {
            return None;
        }
        let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
        let prompt = body["contents"][0]["parts"][0]["text"].as_str().unwrap();
        let pages: Vec<_> = sections(prompt)
            .iter()
            .map(|id| json!({"id": id, "tags": {"doc": ["runbook"]}}))
            .collect();
        let text = json!({ "pages": pages }).to_string();
        let content = json!({"parts": [{ "text": text }]});
        let usage = json!({"promptTokenCount": 100, "candidatesTokenCount": 10});
        let candidates = json!([{"content": content, "finishReason": "STOP"}]);
        Some(Reply::of(200, &json!({"candidates": candidates, "usageMetadata": usage})))
    });
    (server, switch)
}

fn tag(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let all = ["DOCS", "--state", "quotas.json", "--store", "answers.db", "--out", "report"];
    let all = [&all[..], args].concat();
    let tagged = Tagged::of(&server.command(folder, &all).output().unwrap());
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    tagged
}

#[test]
fn what_a_job_wrote_and_no_longer_applies_goes_and_what_people_wrote_stays() {
    let wiki = Wiki::default();
    let (server, is_runbook) = changing(&wiki);
    let folder = tempfile::tempdir().unwrap();
    // A person has called page 2 a guide before, and page 3 a policy.
    wiki.label(2, "guide");
    wiki.label(3, "policy");
    tag(&server, folder.path(), &["--write"]);
    assert_eq!(wiki.labelled("guide"), [1, 2, 3, 4, 5, 6]);
    is_runbook.store(true, Ordering::Relaxed);
    wiki.edit(1..=5);
    // Without the switch, and in a dry run, all of it stays.
    let shown = tag(&server, folder.path(), &["--prune"]);
    assert!(shown.out.contains("1: runbook  +runbook -guide  Page 1\n"), "{shown:?}");
    assert!(shown.out.contains("2: runbook  +runbook  Page 2\n"), "{shown:?}");
    assert_eq!(wiki.labelled("guide"), [1, 2, 3, 4, 5, 6]);
    tag(&server, folder.path(), &["--write"]);
    assert_eq!(wiki.labelled("guide"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(wiki.labelled("runbook"), [1, 2, 3, 4, 5]);
    let pruned = tag(&server, folder.path(), &["--write", "--prune"]);
    assert_eq!(wiki.labelled("guide"), [2, 6]);
    assert_eq!(wiki.labelled("policy"), [3]);
    assert!(pruned.err.contains("removed 4, on 4 pages"), "{pruned:?}");
    // What is gone belongs to nobody: if a person adds it again, it stays.
    wiki.label(4, "guide");
    tag(&server, folder.path(), &["--write", "--prune"]);
    assert_eq!(wiki.labelled("guide"), [2, 4, 6]);
    // The labels come back with the job.
    let args = ["DOCS-3", "--store", "answers.db"];
    let undone = Tagged::of(&server.command_of("undo", folder.path(), &args).output().unwrap());
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(wiki.labelled("guide"), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn nothing_can_be_pruned_without_a_store() {
    let server = Wiki::default().serve(2, std::time::Duration::ZERO);
    let refused = server.tag(&["--prune"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("--prune: there is no store"), "{refused:?}");
    assert_eq!(server.asked().len(), 0);
}
