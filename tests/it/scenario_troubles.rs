//! One test per fault, spell or part of a quota that makes no sense: where it is, and why.

use std::path::Path;

use tagspace::internals::sim::scenario::Scenario;

use crate::common::PLAIN;
use crate::scenario_errors::check;

#[test]
fn conditions_that_no_call_could_meet() {
    let with = |service: &str, when: &str, message: &str| {
        let rule =
            format!("[[{service}.fault]]\nwhen = {{ {when} }}\nreply = {{ status = 500 }}\n");
        check("[openai]", &format!("{rule}[openai]"), message);
    };
    with(
        "gemini",
        "pages = [3, 21]",
        "bad.toml:14:10: expected places of at most 20 pages, found 21",
    );
    with(
        "gemini",
        "pages = []",
        "bad.toml:14:10: expected the place of at least one page, found none",
    );
    with(
        "gemini",
        "pages = [3], page_ratio = 0.1",
        "bad.toml:14:23: expected `pages` or `page_ratio`, found both",
    );
    with(
        "gemini",
        "operations = [\"pages\"]",
        "bad.toml:14:10: expected `operations` with confluence, found it with gemini",
    );
    with(
        "confluence",
        "operations = [\"page\"]",
        "bad.toml:14:24: expected `spaces`, `pages`, `labels`, `add-labels`, `remove-label`, `edit-page`, found `page`",
    );
    with(
        "confluence",
        "operations = []",
        "bad.toml:14:10: expected at least one operation, found none",
    );
    // A later run may have more pages.
    let text = format!(
        "{PLAIN}[[run]]\nname = \"a\"\npages = 30\n[[gemini.fault]]\nwhen = {{ pages = [25] }}\nreply = {{ status = 500 }}\n"
    );
    assert!(Scenario::parse("ok", "ok.toml", &text, Path::new(".")).is_ok());
}

#[test]
fn replies_that_a_service_does_not_have() {
    for (service, kind) in
        [("gemini", "invalid-prompt"), ("confluence", "billing"), ("confluence", "content-filter")]
    {
        check(
            "[openai]",
            &format!("[[{service}.fault]]\nreply = {{ kind = \"{kind}\" }}\n[openai]"),
            &format!("bad.toml:14:11: expected a kind of fault that {service} has, found `{kind}`"),
        );
    }
}

#[test]
fn slow_answers_without_sense() {
    let with = |service: &str, reply: &str, message: &str| {
        let rule = format!("[[{service}.fault]]\nreply = {{ {reply} }}\n[openai]");
        check("[openai]", &rule, message);
    };
    with(
        "gemini",
        "latency_factor = 0.5",
        "bad.toml:13:1: expected a `latency_factor` of at least 1, found 0.5",
    );
    with(
        "gemini",
        "output_tokens_per_s = 0",
        "bad.toml:13:1: expected an `output_tokens_per_s` above 0, found 0",
    );
    with(
        "gemini",
        "status = 503, latency_factor = 2",
        "bad.toml:13:1: expected `status`, `kind` or a slow answer, found two",
    );
    with(
        "gemini",
        "latency_factor = 2, retry_after_s = 1",
        "bad.toml:14:31: expected `retry_after_s` with `status`, found it with a slow answer",
    );
    with(
        "confluence",
        "output_tokens_per_s = 20",
        "bad.toml:14:11: expected `output_tokens_per_s` with a model, found it with confluence",
    );
}

#[test]
fn spells_without_sense() {
    let spell = |spell: &str, message: &str| {
        check("[openai]", &format!("spell = {spell}\n[openai]"), message);
    };
    spell(
        "{ every_s = 9, min_s = 3, max_s = 2, reply = { status = 503 } }",
        "bad.toml:13:1: expected a `min_s` of at most `max_s`, found 3 above 2",
    );
    spell(
        "{ every_s = 9, min_s = 3, max_s = 4, reply = {} }",
        "bad.toml:13:1: expected `status`, `kind`, `latency_factor` or `output_tokens_per_s`, found a \
         reply without effect",
    );
    spell(
        "{ every_s = 9, min_s = 3, reply = { status = 503 } }",
        "bad.toml:13:9: `max_s` is missing",
    );
    spell(
        "{ every_s = 9, min_s = 3, max_s = 4, replay = { status = 503 } }",
        "bad.toml:13:9: `reply` is missing",
    );
    spell("7", "bad.toml:13:9: expected a table, or a list of them, found integer `7`");
    // Of several, the place of the one that is wrong.
    spell(
        "[{ every_s = 9, min_s = 3, max_s = 4, reply = { status = 503 } }, { every_s = 9, min_s = 3, max_s = 4, reply = { kind = \"invalid-prompt\" } }]",
        "bad.toml:13:122: expected a kind of fault that gemini has, found `invalid-prompt`",
    );
}

#[test]
fn parts_of_a_quota_that_is_not_there() {
    let quota = |quota: &str, message: &str| {
        check("[openai]", &format!("quota = {quota}\n[openai]"), message);
    };
    quota(
        "{ requests = 9, used = { tokens = 5 } }",
        "bad.toml:13:34: expected `tokens` in the quota as well, found none",
    );
    quota(
        "{ requests = 9, used = { requests = 10 } }",
        "bad.toml:13:34: expected at most 9 to be used, found 10",
    );
    quota(
        "{ requests = 9, window = \"bucket\", burst = 3, used = { requests = 4 } }",
        "bad.toml:13:64: expected at most 3 to be used, found 4",
    );
    quota(
        "{ tokens = 9, looseness = 0.5 }",
        "bad.toml:13:23: expected `looseness` with `requests` or `per_day`, found it without",
    );
    check(
        "[gemini]",
        "rate_limit = { requests = 9, per_s = 1, hint = \"reset\", retry_after_s = 3 }\n[gemini]",
        "bad.toml:9:57: expected `retry_after_s` with hint = \"retry-after\", found it with another",
    );
}
