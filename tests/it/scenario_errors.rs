//! One test per bad value: where it is, what was expected, what was found.

use std::path::Path;

use tagspace::internals::pipeline::config::BatchSize;
use tagspace::internals::sim::scenario::{Scenario, overrides};
use tagspace::internals::study::verdict::target_syntax;

use crate::common::PLAIN;

/// The first line of the problem that `text` has.
fn problem(text: &str) -> String {
    let problem = Scenario::parse("bad", "bad.toml", text, Path::new("."))
        .and_then(|scenario| target_syntax::of(&scenario).map(drop))
        .expect_err("the scenario is valid");
    problem.to_string().lines().next().unwrap().to_owned()
}

/// The problem of the plain scenario after one replacement.
pub(crate) fn check(from: &str, to: &str, expected: &str) {
    assert!(PLAIN.contains(from), "{from}");
    assert_eq!(problem(&PLAIN.replacen(from, to, 1)), expected);
}

/// The problem of the plain scenario with something added at its end.
fn check_added(added: &str, expected: &str) {
    assert_eq!(problem(&format!("{PLAIN}{added}")), expected);
}

#[test]
fn a_batch_size_is_a_number_or_auto() {
    let wanted = "expected a whole number from 1 to 1000, or `auto`";
    for (set, got) in [("\"large\"", "`large`"), ("0", "0"), ("1001", "1001"), ("2.5", "2.5")] {
        let text = format!("{PLAIN}batch_size = {set}\n");
        let said = problem(&text);
        assert!(said.contains(&format!("{wanted}, found {got}")), "{said}");
    }
    let said = problem(&format!("{PLAIN}batch_size = true\n"));
    assert!(said.contains("or `auto`"), "{said}");
}

#[test]
fn the_plain_scenario_is_valid() {
    assert!(Scenario::parse("ok", "ok.toml", PLAIN, Path::new(".")).is_ok());
}

#[test]
fn empty_and_without_a_question() {
    let wanted = "expected a first line with the scenario's question: `# Does ...?`";
    assert_eq!(problem(""), format!("bad.toml:1:1: {wanted}, found an empty file"));
    check("# Plain?\n", "", &format!("bad.toml:1:1: {wanted}, found no question"));
}

#[test]
fn not_toml() {
    check(
        "pages = 20",
        "pages = = 20",
        "bad.toml:5:9: this is not TOML: extra `=`, expected nothing",
    );
}

#[test]
fn unknown_keys() {
    check("pages = 20", "pagess = 20", "bad.toml:5:1: unknown key `pagess`");
    check_added("batchsize = 3", "bad.toml:18:1: unknown key `batchsize`");
    let text = format!("{PLAIN}batchsize = 3");
    let problem = Scenario::parse("bad", "bad.toml", &text, Path::new(".")).unwrap_err();
    assert!(problem.help.unwrap().starts_with("did you mean `batch_size`?"));
}

#[test]
fn numbers_out_of_range() {
    check(
        "pages = 20",
        "pages = -1",
        "bad.toml:5:9: expected a whole number from 0 to 1000000, found -1",
    );
    check(
        "seed = 7",
        "seed = -7",
        "bad.toml:3:8: expected a whole number from 0 to 9007199254740991, found -7",
    );
    check("schema = 1", "schema = 2", "bad.toml:2:10: expected 1, found 2");
    check(
        "pages = 20",
        "pages = 2.5",
        "bad.toml:5:9: expected a whole number from 0 to 1000000, found 2.5",
    );
    check_added(
        "concurrency = 0",
        "bad.toml:18:15: expected a whole number from 1 to 1024, found 0",
    );
    check_added("backoff_jitter = 1.5", "bad.toml:18:18: expected a ratio from 0 to 1, found 1.5");
    check_added("backoff_jitter = nan", "bad.toml:18:18: expected a ratio from 0 to 1, found NaN");
}

#[test]
fn a_negative_ratio() {
    check(
        "pages = 20",
        "pages = 20\nduplicate_ratio = -0.1",
        "bad.toml:6:19: expected a ratio from 0 to 1, found -0.1",
    );
}

#[test]
fn a_quota_of_nothing() {
    check(
        "[openai]",
        "quota = { requests = 0 }\n[openai]",
        "bad.toml:13:22: expected a whole number from 1 to 1000000000, found 0",
    );
}

#[test]
fn changes_of_a_quota_that_make_no_sense() {
    let with = |quota: &str, message: &str| {
        check("[openai]", &format!("quota = {quota}\n[openai]"), message);
    };
    with(
        "{ requests = 9, change = [{ at_s = 5 }] }",
        "bad.toml:13:25: expected `requests` or `tokens` in the change at 5 s, found neither",
    );
    with(
        "{ requests = 9, change = [{ at_s = 5, requests = 1 }, { at_s = 5, requests = 2 }] }",
        "bad.toml:13:25: expected each change later than the one before, found 5 s after 5 s",
    );
    with(
        "{ requests = 9, change = [{ at_s = 5, tokens = 1 }] }",
        "bad.toml:13:25: expected `tokens` in the quota as well, found a change at 5 s of `tokens`",
    );
}

#[test]
fn a_neighbour_without_a_quota_to_share() {
    check(
        "[openai]",
        "neighbour = { requests = 8 }\n[openai]",
        "bad.toml:13:1: a neighbour needs a `quota` that it uses as well",
    );
}

#[test]
fn a_neighbour_that_leaves_before_it_comes() {
    check(
        "[openai]",
        "quota = { requests = 9 }\nneighbour = { requests = 8, from_s = 9, until_s = 9 }\n[openai]",
        "bad.toml:14:1: expected a neighbour to come before it leaves, found from_s = 9 and until_s = 9",
    );
}

#[test]
fn windows_beside_the_first() {
    let with = |quota: &str, message: &str| {
        check("[openai]", &format!("quota = {quota}\n[openai]"), message);
    };
    with(
        "{ requests = 9, also = [{ per_s = 5 }] }",
        "bad.toml:13:25: expected `requests` or `tokens` in the window of 5 s, found neither",
    );
    with(
        "{ requests = 9, also = [{ requests = 5, per_s = 60 }] }",
        "bad.toml:13:25: expected windows of different lengths, found two of 60 s",
    );
    with(
        "{ requests = 9, also = [{ tokens = 5, per_s = 10 }] }",
        "bad.toml:13:25: expected `tokens` in the quota as well, found it in the window of 10 s",
    );
    with("{ requests = 9, also = [{ requests = 5 }] }", "bad.toml:13:33: `per_s` is missing");
}

#[test]
fn a_word_that_is_not_a_choice() {
    check(
        "profile = \"documented\"",
        "profile = \"documentd\"",
        "bad.toml:17:11: expected `before`, `documented`, `conservative`, `recommended`, found `documentd`",
    );
}

#[test]
fn a_value_of_another_kind() {
    check(
        "pages = 20",
        "pages = \"many\"",
        "bad.toml:5:9: expected a whole number from 0 to 1000000, found string \"many\"",
    );
}

#[test]
fn latencies_that_lack_something() {
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = nan",
        "bad.toml:8:11: expected a table, found floating point `NaN`",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"fixed\" }",
        "bad.toml:8:1: dist = \"fixed\" needs `ms`, such as `ms = 250`",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"uniform\", min_ms = 9, max_ms = 3 }",
        "bad.toml:8:1: expected min_ms at most max_ms, found latencies from 9 to 3",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"fixed\", ms = 10, median_ms = 9 }",
        "bad.toml:8:1: `median_ms` does not go with dist = \"fixed\": it belongs to \"lognormal\"",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"empirical\", quantiles_ms = [1], csv = \"a.csv\" }",
        "bad.toml:8:1: expected `quantiles_ms` or `csv`, found both",
    );
}

#[test]
fn a_model_without_a_price() {
    check(
        "gpt-6-luna",
        "gpt-6-lunar",
        "bad.toml:14:10: the model `gpt-6-lunar` has no price: expected one of the price table or `price`",
    );
}

#[test]
fn a_start_above_its_ceiling() {
    check_added(
        "concurrency = 5\nmax_concurrency = 4",
        "bad.toml:16:1: expected a concurrency of at most max_concurrency, found 5 above 4 (leave max_concurrency out and it follows; what is not set is the profile's)",
    );
    // The ceiling follows if only the start was set.
    let text = format!("{PLAIN}concurrency = 50");
    assert!(Scenario::parse("ok", "ok.toml", &text, Path::new(".")).is_ok());
}

#[test]
fn faults_without_sense() {
    check(
        "[openai]",
        "[[gemini.fault]]\nreply = {}\n[openai]",
        "bad.toml:13:1: expected `status`, `kind`, `latency_factor` or `output_tokens_per_s`, found a \
         reply without effect",
    );
    check(
        "[openai]",
        "[[gemini.fault]]\nwhen = { from_s = 9, until_s = 9 }\nreply = { status = 500 }\n[openai]",
        "bad.toml:13:1: expected `from_s` below `until_s`, found 9 and 9",
    );
    let about_spaces = "when = { pages = [3], operations = [\"spaces\"] }";
    check(
        "[openai]",
        &format!("[[confluence.fault]]\n{about_spaces}\nreply = {{ status = 500 }}\n[openai]"),
        "bad.toml:14:23: expected an operation on pages, because of `pages` or `page_ratio`, found `spaces` alone",
    );
    for kind in ["blocked", "missing-pages", "insufficient-quota"] {
        check(
            "[openai]",
            &format!("[[confluence.fault]]\nreply = {{ kind = \"{kind}\" }}\n[openai]"),
            &format!(
                "bad.toml:14:11: expected a kind of fault that confluence has, found `{kind}`"
            ),
        );
    }
}

#[test]
fn values_that_make_no_sense_together() {
    check(
        "median = 400, sigma = 0.2, max = 1000",
        "median = 400, sigma = 0.2, max = 100",
        "bad.toml:6:11: expected a `median` of at most `max`, found 400 above 100",
    );
    let quota = |quota: &str, message: &str| {
        check("[openai]", &format!("quota = {quota}\n[openai]"), message);
    };
    quota(
        "{ per_s = 60 }",
        "bad.toml:13:1: expected `requests`, `tokens`, `per_day` or `tokens_per_day`, found a quota \
         of nothing",
    );
    quota(
        "{ requests = 9, burst = 3 }",
        "bad.toml:13:25: expected `burst` with window = \"bucket\", found it with another window",
    );
    quota(
        "{ tokens = 9, window = \"bucket\", burst = 3 }",
        "bad.toml:13:42: expected `burst` with `requests`, found it without",
    );
    check(
        "[openai]",
        "[[gemini.fault]]\nreply = { kind = \"timeout\", retry_after_s = 3 }\n[openai]",
        "bad.toml:14:29: expected `retry_after_s` with `status`, found it with `kind`",
    );
    check_added(
        "[[run]]\nname = \"a\"\nfresh = true\nchanged_ratio = 0.3",
        "bad.toml:21:1: expected no `changed_ratio` in a run that is `fresh`, found 0.3: in a new \
         world nothing has changed",
    );
    check_added(
        "limiter = \"pace\"\nquota = { per_s = 9 }",
        "bad.toml:19:1: expected `requests` or `tokens`, found a quota of nothing",
    );
}

#[test]
fn an_unreadable_folder() {
    let got = problem(&PLAIN.replacen("pages = 20", "dir = \"no/such/folder\"", 1));
    assert!(got.starts_with("bad.toml:5:1: cannot read the folder ./no/such/folder: "), "{got}");
}

#[test]
fn a_moment_that_is_none() {
    check(
        "seed = 7",
        "seed = 7\nstart = \"yesterday\"",
        "bad.toml:4:9: expected a moment such as `2026-01-05T09:00:00Z`, found `yesterday`",
    );
}

#[test]
fn runs_with_bad_names() {
    check_added(
        "[[run]]\nname = \"a\"\n[[run]]\nname = \"a\"",
        "bad.toml:21:8: expected each run name once, found `a` twice",
    );
    check_added(
        "[[run]]\nname = \"a/b\"",
        "bad.toml:19:8: expected a run name of letters, digits, `-`, `_` and `.`, found `a/b`",
    );
}

#[test]
fn targets_on_what_does_not_exist() {
    check_added(
        "[targets.second]\nai_calls = \"<= 2\"",
        "bad.toml:18:10: expected targets of a run, one of: run, found `second`",
    );
    check_added("[targets.run]\nai_call = \"<= 2\"", "bad.toml:19:1: unknown metric `ai_call`");
}

#[test]
fn limits_that_cannot_be_read() {
    let added = |limit: &str, expected: &str| {
        check_added(&format!("[targets.run]\n{limit}"), &format!("bad.toml:19:{expected}"));
    };
    added(
        "ai_calls = \"20\"",
        "12: expected a limit of a comparison (<=, >=, <, >, ==) and a value, found `20`",
    );
    added(
        "ai_calls = \"<= many\"",
        "12: expected a whole number such as 20, found the value `many` for ai_calls",
    );
    added("ai_calls = \"p95 <= 3\"", "12: ai_calls is one number: it has no statistic `p95`");
    added(
        "makespan = \"<= 60\"",
        "12: expected a duration such as 800ms, 45s, 2m or 1h, found the value `60` for makespan",
    );
    added(
        "cache_hit_ratio = \">= 0.6\"",
        "19: expected a share from 0% to 100%, such as 3%, found the value `0.6` for cache_hit_ratio",
    );
    added("cost = \"<= 2\"", "8: expected dollars such as $0.20, found the value `2` for cost");
    added(
        "page_latency = \"<= 3s\"",
        "16: expected a statistic of page_latency, one of: p50, p95, p99, max, sum, count, found none",
    );
    added("ai_calls = 20", "12: expected a limit such as \"<= 20\", or a list of them, found 20");
}

#[test]
fn settings_on_the_command_line() {
    let apply = |setting: &str| {
        let text = overrides::apply(PLAIN, &[setting.to_owned()], Path::new("/"))
            .map_err(|p| p.message)?;
        Scenario::parse("set", "x", &text, Path::new(".")).map_err(|p| p.message)
    };
    assert_eq!(
        apply("pipeline.batch_size=9").unwrap().runs[0].config.batch_size,
        BatchSize::Pages(9)
    );
    assert_eq!(
        apply("gemini.quota={ requests = 2 }")
            .unwrap()
            .world
            .gemini
            .0
            .quota
            .unwrap()
            .requests
            .unwrap()
            .get(),
        2
    );
    assert_eq!(
        apply("pipeline").unwrap_err(),
        "expected `key=value` with a dotted key, such as `pipeline.batch_size=10`, found `pipeline`"
    );
    assert_eq!(apply("pipeline.batch_sise=9").unwrap_err(), "unknown key `batch_sise`");
    assert_eq!(apply("seed.x=9").unwrap_err(), "`seed.x` cannot be set: `seed` holds no keys");
}
