//! Answers that are nearly right: read for what they say, and no further.

use tagspace::internals::pipeline::answer;
use tagspace::internals::pipeline::answer::Reading;
use tagspace::internals::pipeline::page::{Page, PageId};
use tagspace::internals::pipeline::taxonomy::Taxonomy;

fn taxonomy() -> Taxonomy {
    let of = |name: &str, tags: &[&str]| {
        (name.to_owned(), tags.iter().map(|tag| (*tag).to_owned()).collect())
    };
    Taxonomy::new(vec![of("doc", &["guide", "runbook"]), of("tool", &["Kafka", "unit-test"])])
}

fn read(answer: &str) -> Reading {
    let page = |id| Page { id: PageId(id), version: 1, title: String::new(), text: String::new() };
    answer::read(answer, &[page(7), page(8)], &taxonomy())
}

/// The tags of page 7, if it was answered, and how much was dropped.
fn of_seven(answer: &str) -> (Option<Vec<String>>, u64) {
    let reading = read(answer);
    let tags = reading.tags.get(&PageId(7));
    (tags.map(|tags| tags.all().map(str::to_owned).collect()), reading.dropped)
}

#[test]
fn whatever_form_an_answer_has_its_tags_are_read() {
    for answer in [
        r#"{"pages": [{"id": "7", "tags": {"doc": ["runbook"], "tool": ["Kafka"]}}]}"#,
        r#"{"pages": [{"id": 7, "tags": {"doc": "runbook", "tool": ["Kafka", null]}}]}"#,
        r#"{"pages": [{"id": "page 7", "tags": {"doc": ["Runbook "], "tool": ["KAFKA"]}}]}"#,
        r#"{"pages": [null, {"id": "7", "tags": {"Doc": ["runbook"], "tool": "kafka"}}]}"#,
        r#"{"pages": [{"id": "7", "tags": ["doc: runbook", "tool: kafka"]}]}"#,
        r#"{"pages": [{"id": "7", "tags": "runbook, kafka"}]}"#,
        r#"{"pages": [{"id": "7", "doc": ["runbook"], "tool": ["Kafka"]}]}"#,
        r#"{"pages": {"7": {"tags": {"doc": ["runbook"], "tool": ["Kafka"]}}}}"#,
        r#"[{"id": "7", "tags": {"doc": ["runbook"], "tool": ["Kafka"]}}]"#,
        r#"{"id": "7", "tags": {"doc": ["runbook"], "tool": ["Kafka"]}}"#,
        "```json\n{\"pages\": [{\"id\": \"7\", \"tags\": {\"doc\": [\"runbook\"], \"tool\": [\"Kafka\"]}}]}\n```",
        "Here it is: [{\"id\": \"7\", \"tags\": {\"doc\": [\"runbook\"], \"tool\": [\"Kafka\"]}}] Bye.",
        r#"{"pages": [{"id": "7", "tags": {"doc": ["runbook"], "tool": ["Kafka"]}}, {"id": "8", "ta"#,
        r#""[{\"id\": 7, \"tags\": {\"doc\": \"runbook\", \"tool\": \"Kafka\"}}]""#,
    ] {
        let tags = ["runbook", "Kafka"].map(str::to_owned).to_vec();
        assert_eq!(of_seven(answer), (Some(tags), 0), "{answer}");
    }
}

#[test]
fn what_cannot_be_read_is_no_answer_and_nothing_is_none() {
    for answer in [
        r#"{"pages": [{"id": "7"}]}"#,
        r#"{"pages": [{"id": "7", "tags": null}]}"#,
        r#"{"pages": [{"id": "7", "tags": {"doc": [5]}}]}"#,
        r#"{"pages": [{"id": "7", "tags": {"doc": [{"name": "runbook"}]}}]}"#,
        r#"{"pages": [{"id": "7", "tags": {"doc": ["runbook"], "to"#,
        "no JSON at all",
        "",
    ] {
        assert_eq!(of_seven(answer).0, None, "{answer}");
    }
    for answer in [
        r#"{"pages": [{"id": "7", "tags": {"doc": null, "tool": []}}]}"#,
        r#"{"pages": [{"id": "7", "tags": {}}]}"#,
    ] {
        assert_eq!(of_seven(answer), (Some(Vec::new()), 0), "{answer}");
    }
}

#[test]
fn what_nobody_asked_for_is_dropped_and_counted() {
    let answer = r#"{"pages": [
        {"id": "7", "tags": {"doc": ["runbook", "poem", "runbook"], "tool": ["guide"], "x": ["y"]}},
        {"id": "99", "tags": {"doc": ["guide"]}},
        {"id": "7 or 8", "tags": {"doc": ["guide"]}},
        {"id": "7", "tags": {"doc": ["guide"]}}
    ]}"#;
    let (tags, dropped) = of_seven(answer);
    // A tag of another category is none of this one; the first entry about a page counts.
    assert_eq!(tags.unwrap(), ["runbook"]);
    assert_eq!(dropped, 4 + 2);
    assert!(!read(answer).tags.contains_key(&PageId(8)));
}

#[test]
fn a_tag_is_found_by_its_label_and_an_exact_one_first() {
    for said in ["unit-test", "Unit Test", "unit_test ", "tool: unit test", "TOOL:Unit-Test"] {
        let answer = format!(r#"{{"pages": [{{"id": 7, "tags": {{"tool": ["{said}"]}}}}]}}"#);
        let expected = (said != "unit_test ").then(|| "unit-test".to_owned());
        assert_eq!(
            of_seven(&answer).0.unwrap(),
            expected.into_iter().collect::<Vec<_>>(),
            "{said}"
        );
    }
}
