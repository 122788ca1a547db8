//! Which pages of a space are tagged.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::scripted::{Server, Tagged, page, piece};
use crate::wiki::Wiki;

/// The pages that `tag` with these arguments tags, and what it is called to do.
fn tagged(server: &Server, args: &[&str]) -> BTreeSet<u64> {
    let tagged = server.tag(args);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let id = |line: &str| line.split_once(": ")?.0.parse().ok();
    tagged.out.lines().filter_map(id).collect()
}

#[test]
fn a_limit_takes_the_first_pages_and_lists_no_more() {
    let server = Server::start(30, |asked| {
        let is_second = asked.target.contains("cursor=2");
        let (first, next) =
            if is_second { (16, "") } else { (1, "/wiki/api/v2/spaces/9/pages?cursor=2") };
        let pages: Vec<_> = (first..first + 15).map(page).collect();
        asked.target.contains("/pages?").then(|| piece(&pages, next))
    });
    assert_eq!(tagged(&server, &["--limit", "7"]), (1..=7).collect());
    assert_eq!(server.count("cursor=2"), 0);
    assert_eq!(tagged(&server, &["--limit", "20"]), (1..=20).collect());
    assert_eq!(tagged(&server, &["--limit", "99"]), (1..=30).collect());
    assert_eq!(server.tag(&["--limit", "0"]).code, Some(2));
}

#[test]
fn a_sample_is_always_the_same_and_part_of_a_larger_one() {
    let server = Wiki::default().serve(1000, Duration::ZERO);
    let tenth = tagged(&server, &["--sample", "10%"]);
    assert!((70..=130).contains(&tenth.len()), "{} of 1000", tenth.len());
    assert_eq!(tagged(&server, &["--sample", "10%"]), tenth);
    let half = tagged(&server, &["--sample", "50%"]);
    assert!(tenth.is_subset(&half) && (430..=570).contains(&half.len()), "{}", half.len());
    assert_eq!(tagged(&server, &["--sample", "100%"]).len(), 1000);
    for wrong in ["0%", "101%", "some"] {
        assert_eq!(server.tag(&["--sample", wrong]).code, Some(2), "{wrong}");
    }
}

#[test]
fn titles_are_included_and_excluded_by_pattern() {
    let titles = ["Runbook: backups", "runbook: old", "Minutes", "Runbook: old mail"];
    let server = Server::start(4, move |asked| {
        let named = titles.iter().zip(1..).map(|(title, id)| {
            let mut page = page(id);
            page["title"] = json!(title);
            page
        });
        asked.target.contains("/pages?").then(|| piece(&named.collect::<Vec<_>>(), ""))
    });
    assert_eq!(tagged(&server, &["--include", "Runbook"]), [1, 4].into());
    assert_eq!(tagged(&server, &["--include", "(?i)^runbook"]), [1, 2, 4].into());
    assert_eq!(tagged(&server, &["--include", "Minutes", "--include", "mail"]), [3, 4].into());
    assert_eq!(tagged(&server, &["--exclude", "old"]), [1, 3].into());
    assert_eq!(tagged(&server, &["--include", "Runbook", "--exclude", "old"]), [1].into());
    let wrong = server.tag(&["--include", "("]);
    assert!(wrong.code == Some(2) && wrong.err.contains("--include"), "{wrong:?}");
}

#[test]
fn a_plan_is_of_the_same_pages() {
    let server = Wiki::default().serve(50, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--no-state", "--limit", "12"];
    let mut plan = server.command_of("plan", folder.path(), &args);
    let planned = Tagged::of(&plan.output().unwrap());
    assert!(planned.out.starts_with("12 pages listed at "), "{planned:?}");
}
