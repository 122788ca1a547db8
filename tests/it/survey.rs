//! What `plan` says beforehand, held against what `tag` then does.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::scripted::{Server, Tagged, page, piece};
use crate::store::calls;
use crate::wiki::Wiki;

fn plan(server: &Server, folder: &Path, args: &[&str]) -> Tagged {
    let command = server.command(folder, &[]);
    let mut planned = std::process::Command::new(command.get_program());
    let all = ["plan", "DOCS", "--state", "quotas.json", "--store", "answers.db"];
    planned.args(all).args(args).current_dir(folder).env_clear();
    planned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Tagged::of(&planned.output().unwrap())
}

/// What a row of the plan says.
fn row<'a>(planned: &'a Tagged, name: &str) -> &'a str {
    let of = |line: &'a str| Some(line.trim_start().strip_prefix(name)?.trim_start());
    planned.out.lines().find_map(of).unwrap_or_else(|| panic!("no {name}: {planned:?}"))
}

#[test]
fn a_plan_costs_nothing_and_says_what_the_run_takes() {
    let wiki = Wiki::default();
    let server = wiki.serve(45, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let set = ["--set", "batch_size=10"];
    let planned = plan(&server, folder.path(), &set);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let said = planned.out.replace(&server.port.to_string(), "PORT");
    insta::assert_snapshot!(said, @r"
    45 pages listed at http://127.0.0.1:PORT/wiki
      answered        0 pages: their answers are kept, and cost nothing
      same text       0 pages: asked about once
      to ask          45 pages of gemini-3.5-flash-lite
      AI calls        5 at least, with 10 pages in each; 45 with each page alone
      tokens          about 1,546 in and 2,800 out, in the fewest calls
      cost            about 0.0074 USD in the fewest calls, 0.0110 with each page alone
      time            not known: no quota was learned yet
      labels          as the answers say
      never written   titles, texts, and labels outside the taxonomy
    ");
    let is_change = |head: &str| head.starts_with("DELETE ") || head.starts_with("POST ");
    assert_eq!(server.asked().iter().filter(|asked| is_change(&asked.head)).count(), 0);
    // What it said is what the run takes.
    let least: usize = row(&planned, "AI calls").split(' ').next().unwrap().parse().unwrap();
    assert_eq!(calls(&server, folder.path(), &set), least);
    let planned = plan(&server, folder.path(), &set);
    assert!(row(&planned, "answered").starts_with("45 pages: "), "{planned:?}");
    assert!(row(&planned, "to ask").starts_with("0 pages"), "{planned:?}");
    assert!(row(&planned, "labels").starts_with("45 to add to 45 pages "), "{planned:?}");
    assert!(!planned.out.contains("AI calls"), "{planned:?}");
    calls(&server, folder.path(), &["--write"]);
    wiki.edit([7, 9]);
    let planned = plan(&server, folder.path(), &set);
    assert!(row(&planned, "answered").starts_with("43 pages: "), "{planned:?}");
    assert!(row(&planned, "to ask").starts_with("2 pages of gemini-"), "{planned:?}");
    assert!(row(&planned, "labels").starts_with("0 to add to 0 pages "), "{planned:?}");
    // All of them are asked about where that is wanted.
    let planned = plan(&server, folder.path(), &["--fresh", "--set", "batch_size=10"]);
    assert!(row(&planned, "to ask").starts_with("45 pages"), "{planned:?}");
}

#[test]
fn pages_that_say_the_same_and_pages_without_text_are_counted_as_such() {
    let server = Server::start(4, |asked| {
        let mut pages = [page(1), page(2), page(3), page(4)];
        pages[1]["title"] = json!("Page 1");
        pages[1]["body"] = pages[0]["body"].clone();
        pages[3]["body"] = json!({});
        asked.target.contains("/pages?").then(|| piece(&pages, ""))
    });
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&server, folder.path(), &[]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert!(planned.out.starts_with("4 pages listed at http"), "{planned:?}");
    for (name, said) in [
        ("without text", "1 page"),
        ("answered", "0 pages: "),
        ("same text", "1 page: asked about once"),
        ("to ask", "2 pages of "),
    ] {
        assert!(row(&planned, name).starts_with(said), "{name}: {planned:?}");
    }
}

#[test]
fn a_space_that_is_not_there_has_no_plan() {
    let server = Server::start(3, |asked| {
        let is_space = asked.target.contains("/spaces?");
        is_space.then(|| piece(&[], ""))
    });
    let folder = tempfile::tempdir().unwrap();
    let planned = plan(&server, folder.path(), &[]);
    assert_eq!((planned.code, planned.out.as_str()), (Some(5), ""), "{planned:?}");
    assert!(
        planned.err.contains("these credentials see no space with the key `DOCS`"),
        "{planned:?}"
    );
}
