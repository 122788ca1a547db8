//! Rows of pages: as text, as CSV, as JSON, and the CSV read again.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tagspace::internals::pipeline::page::PageId;
use tagspace::internals::pipeline::store::LabelChange;
use tagspace::internals::report::changes::cell::{guarded, plain};
use tagspace::internals::report::changes::row::{COLUMNS, ChangeRow};
use tagspace::internals::report::changes::{csv as written, read};

use crate::common::same_cases;
use crate::scripted::{Asked, Reply, Server, page, piece};
use crate::store::tag;
use crate::wiki::Wiki;

/// A space with a formula as a title, a page twice, a page without its text, and one that has its label;
/// the model names a tag that there is not.
fn odd_space() -> Server {
    let wiki = Wiki::default();
    wiki.label(4, "guide");
    Server::start(5, move |asked: &Asked| {
        if asked.target.contains("/spaces/9/pages?") {
            let mut pages: Vec<Value> = (1..=5).map(page).collect();
            pages[0]["title"] = json!("=HYPERLINK(\"http://x\",\"a\")\nb\u{202e}");
            pages[1]["body"] = Value::Null;
            pages[2]["title"] = json!("Page 4");
            pages[2]["body"] = pages[3]["body"].clone();
            return Some(piece(&pages, ""));
        }
        if asked.target.contains("generateContent") {
            let ids = crate::scripted::sections(&asked.body.replace("\\n", "\n"));
            let tags = json!({"doc": ["guide"], "tool": ["Flink SQL", "+zeppelin"]});
            let pages: Vec<Value> = ids.iter().map(|id| json!({"id": id, "tags": tags})).collect();
            let text = json!({ "pages": pages }).to_string();
            let parts = json!({"parts": [{ "text": text }]});
            let usage = json!({"promptTokenCount": 1000, "candidatesTokenCount": 100});
            let candidates = json!([{"content": parts, "finishReason": "STOP"}]);
            let body = json!({"candidates": candidates, "usageMetadata": usage});
            return Some(Reply::of(200, &body));
        }
        wiki.reply(asked, 5)
    })
}

#[test]
fn the_csv_of_a_dry_run_has_a_row_for_each_page_and_nothing_else() {
    let server = odd_space();
    let folder = tempfile::tempdir().unwrap();
    let rows = |args: &[&str]| {
        let said = tag(&server, folder.path(), args);
        assert_eq!(said.code, Some(4), "{said:?}");
        assert!(said.err.contains("dry run, no label written"), "{said:?}");
        let said = said.out.replace(&format!("127.0.0.1:{}", server.port), "HOST");
        let mut rows: Vec<String> = said.lines().map(str::to_owned).collect();
        // The header stays first.
        rows[1..].sort();
        rows.join("\n")
    };
    insta::assert_snapshot!(rows(&["--format", "csv", "--set", "batch_size=10"]), @r#"
    page,title,url,added,removed,already_there,dropped,source,cost_usd,error
    1,"'=HYPERLINK(""http://x"",""a"") b",http://HOST/wiki/pages/viewpage.action?pageId=1,guide,,,flink-sql zeppelin,gemini-3.5-flash-lite,0.000183,
    2,Page 2,http://HOST/wiki/pages/viewpage.action?pageId=2,,,,,,0.000000,failed after a listing without its text of confluence
    3,Page 4,http://HOST/wiki/pages/viewpage.action?pageId=3,guide,,,flink-sql zeppelin,gemini-3.5-flash-lite,0.000183,
    4,Page 4,http://HOST/wiki/pages/viewpage.action?pageId=4,,,guide,,copy,0.000000,
    5,Page 5,http://HOST/wiki/pages/viewpage.action?pageId=5,guide,,,flink-sql zeppelin,gemini-3.5-flash-lite,0.000184,
    "#);
    // What was asked is kept, and costs nothing again.
    insta::assert_snapshot!(rows(&["--format", "csv", "--set", "batch_size=10"]), @r#"
    page,title,url,added,removed,already_there,dropped,source,cost_usd,error
    1,"'=HYPERLINK(""http://x"",""a"") b",http://HOST/wiki/pages/viewpage.action?pageId=1,guide,,,,kept,0.000000,
    2,Page 2,http://HOST/wiki/pages/viewpage.action?pageId=2,,,,,,0.000000,failed after a listing without its text of confluence
    3,Page 4,http://HOST/wiki/pages/viewpage.action?pageId=3,guide,,,,kept,0.000000,
    4,Page 4,http://HOST/wiki/pages/viewpage.action?pageId=4,,,guide,,kept,0.000000,
    5,Page 5,http://HOST/wiki/pages/viewpage.action?pageId=5,guide,,,,kept,0.000000,
    "#);
}

#[test]
fn the_json_of_a_run_is_one_list_of_the_same() {
    let server = odd_space();
    let folder = tempfile::tempdir().unwrap();
    let said = tag(&server, folder.path(), &["--format", "json", "--set", "batch_size=10"]);
    let pages: Vec<Value> = serde_json::from_str(&said.out).unwrap();
    assert_eq!(pages.len(), 5);
    for page in &pages {
        let keys: Vec<&String> = page.as_object().unwrap().keys().collect();
        let mut columns = COLUMNS;
        columns.sort_unstable();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(sorted, columns, "{page}");
    }
    let of = |id: u64| pages.iter().find(|page| page["page"] == id).unwrap();
    assert_eq!(of(1)["title"], "=HYPERLINK(\"http://x\",\"a\") b");
    assert_eq!((&of(1)["added"], &of(1)["error"]), (&json!(["guide"]), &Value::Null));
    assert_eq!(of(4)["already_there"], json!(["guide"]));
    assert_eq!(of(2)["error"], "failed after a listing without its text of confluence");
    let costs: f64 = pages.iter().map(|page| page["cost_usd"].as_f64().unwrap()).sum();
    // 1,000 tokens at $0.30 and 100 at $2.50 a million.
    assert!((costs - 0.000_55).abs() < 1e-9, "{costs}");
}

#[test]
fn text_shows_what_is_added_and_what_was_there() {
    let server = odd_space();
    let folder = tempfile::tempdir().unwrap();
    let said = tag(&server, folder.path(), &["--set", "batch_size=10"]);
    let mut lines: Vec<&str> = said.out.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    1: guide  +guide  =HYPERLINK("http://x","a") b
    2: failed after a listing without its text of confluence  Page 2
    3: guide  +guide  Page 4
    4: guide  (has guide)  Page 4
    5: guide  +guide  Page 5
    "#);
}

#[test]
fn pages_that_a_bounded_run_leaves_have_rows_as_well() {
    let server = Wiki::default().serve(30, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let bounded = ["--format", "csv", "--max-calls", "1", "--set", "batch_size=5"];
    let said = tag(&server, folder.path(), &bounded);
    assert_eq!(said.code, Some(6), "{said:?}");
    assert_eq!(said.out.lines().count(), 31, "{said:?}");
    let left = said.out.lines().filter(|row| row.ends_with(",not done: the run ended before"));
    assert_eq!(left.count(), 25, "{said:?}");
}

#[test]
fn pages_link_to_where_people_see_them() {
    let server = Server::start(1, |asked| {
        let links = json!({"base": "https://acme.atlassian.net/wiki"});
        let body = json!({"results": [page(1)], "_links": links});
        asked.target.contains("/pages?").then(|| Reply::of(200, &body))
    });
    let said = server.tag(&["--format", "csv"]);
    let url = ",https://acme.atlassian.net/wiki/pages/viewpage.action?pageId=1,";
    assert!(said.out.contains(url), "{said:?}");
}

/// Titles of people who mean no good, and of those who mean nothing by it.
fn titles() -> impl Strategy<Value = String> {
    let formula = "['=+@\t\r\n＝＋－＠-]{0,3}[a-z\"',;|!\\\\\u{202e}\u{0}é]{0,12}";
    prop_oneof![formula.prop_map(String::from), any::<String>()]
}

fn label_lists() -> impl Strategy<Value = Vec<String>> {
    let labels = prop::collection::btree_set("[-+=a-zäß0-9_/'\"]{1,8}", 0..4);
    labels.prop_map(|labels| labels.into_iter().collect())
}

proptest! {
    #![proptest_config(same_cases(512))]

    #[test]
    fn a_cell_is_no_formula_and_says_what_it_was_made_of(text in titles()) {
        let cell = guarded(&text);
        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']));
        prop_assert_eq!(plain(&cell), text.as_str());
    }

    #[test]
    fn a_row_is_read_as_it_was_written(
        page in 1..=9_223_372_036_854_775_807_u64,
        title in titles(),
        added in label_lists(),
        removed in label_lists(),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
    ) {
        let removed: Vec<String> =
            removed.into_iter().filter(|label| !added.contains(label)).collect();
        let row = ChangeRow {
            title: title.clone(),
            url: title.clone(),
            added: added.clone(),
            removed: removed.clone(),
            source: Some(title.clone()),
            error: Some(title),
            ..ChangeRow::of(PageId(page))
        };
        let file = format!("{}{}", written::head(), written::row(&row));
        // As a spreadsheet saves it.
        let mut cells = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
        let mut saved = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        for record in cells.records() {
            let record = record.unwrap();
            for cell in record.iter().filter(|cell| !cell.is_empty()) {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
            }
            saved.write_record(&record).unwrap();
        }
        let saved = String::from_utf8(saved.into_inner().unwrap()).unwrap();
        for file in [&file, &saved, &saved.replace('\n', "\r\n")] {
            let read = read::read("changes.csv", file).unwrap();
            let is_none = added.is_empty() && removed.is_empty();
            let change = LabelChange { page: PageId(page), added: added.clone(), removed: removed.clone() };
            prop_assert_eq!(&read.changes, &if is_none { Vec::new() } else { vec![change] });
        }
    }

    #[test]
    fn whatever_a_file_holds_it_is_read_or_refused(text in any::<String>(), rows in titles()) {
        for text in [text.clone(), format!("page,added\n{text}"), format!("page;added\n1;{rows}\n2;faq")] {
            match read::read("changes.csv", &text) {
                Ok(read) => prop_assert!(read.changes.iter().all(|change| change.page.0 > 0)),
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    // Each can be shown.
                    for problem in problems {
                        prop_assert!(problem.to_string().starts_with("changes.csv:"));
                    }
                }
            }
        }
    }
}
