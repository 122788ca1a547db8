//! One test per bad value: where it is, what was got, what was wanted.

use std::path::Path;

use tagspace::internals::pipeline::config::BatchSize;
use tagspace::internals::sim::scenario::{Scenario, overrides};
use tagspace::internals::study::verdict::target;

use crate::common::PLAIN;

/// The first line of the problem that `text` has.
fn problem(text: &str) -> String {
    let problem = Scenario::parse("bad", "bad.toml", text, Path::new("."))
        .and_then(|scenario| target::of(&scenario).map(drop))
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
    let wanted = "wanted a whole number from 1 to 1000, or `auto`";
    for (set, got) in [("\"large\"", "`large`"), ("0", "0"), ("1001", "1001"), ("2.5", "2.5")] {
        let text = format!("{PLAIN}batch_size = {set}\n");
        let said = problem(&text);
        assert!(said.contains(&format!("got {got}, {wanted}")), "{said}");
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
    let wanted = "wanted a first line with the scenario's question: `# Does ...?`";
    assert_eq!(problem(""), format!("bad.toml:1:1: got an empty file, {wanted}"));
    check("# Plain?\n", "", &format!("bad.toml:1:1: got no question, {wanted}"));
}

#[test]
fn not_toml() {
    check(
        "pages = 20",
        "pages = = 20",
        "bad.toml:5:9: got text that is not TOML: extra `=`, expected nothing",
    );
}

#[test]
fn unknown_keys() {
    check(
        "pages = 20",
        "pagess = 20",
        "bad.toml:5:1: got the unknown key `pagess`, wanted a known one",
    );
    check_added(
        "batchsize = 3",
        "bad.toml:18:1: got the unknown key `batchsize`, wanted a known one",
    );
    let text = format!("{PLAIN}batchsize = 3");
    let problem = Scenario::parse("bad", "bad.toml", &text, Path::new(".")).unwrap_err();
    assert!(problem.help.unwrap().starts_with("did you mean `batch_size`?"));
}

#[test]
fn numbers_out_of_range() {
    check(
        "pages = 20",
        "pages = -1",
        "bad.toml:5:9: got -1, wanted a whole number from 0 to 1000000",
    );
    check(
        "seed = 7",
        "seed = -7",
        "bad.toml:3:8: got -7, wanted a whole number from 0 to 9007199254740991",
    );
    check("schema = 1", "schema = 2", "bad.toml:2:10: got 2, wanted 1");
    check(
        "pages = 20",
        "pages = 2.5",
        "bad.toml:5:9: got 2.5, wanted a whole number from 0 to 1000000",
    );
    check_added("concurrency = 0", "bad.toml:18:15: got 0, wanted a whole number from 1 to 1024");
    check_added("backoff_jitter = 1.5", "bad.toml:18:18: got 1.5, wanted a ratio from 0 to 1");
    check_added("backoff_jitter = nan", "bad.toml:18:18: got NaN, wanted a ratio from 0 to 1");
}

#[test]
fn a_negative_ratio() {
    check(
        "pages = 20",
        "pages = 20\nduplicate_ratio = -0.1",
        "bad.toml:6:19: got -0.1, wanted a ratio from 0 to 1",
    );
}

#[test]
fn a_quota_of_nothing() {
    check(
        "[openai]",
        "quota = { requests = 0 }\n[openai]",
        "bad.toml:13:22: got 0, wanted a whole number from 1 to 1000000000",
    );
}

#[test]
fn changes_of_a_quota_that_make_no_sense() {
    let with = |quota: &str, message: &str| {
        check("[openai]", &format!("quota = {quota}\n[openai]"), message);
    };
    with(
        "{ requests = 9, change = [{ at_s = 5 }] }",
        "bad.toml:13:25: got a change at 5 s of nothing, wanted `requests` or `tokens`",
    );
    with(
        "{ requests = 9, change = [{ at_s = 5, requests = 1 }, { at_s = 5, requests = 2 }] }",
        "bad.toml:13:25: got a change at 5 s after one at 5 s, wanted each later than the one before",
    );
    with(
        "{ requests = 9, change = [{ at_s = 5, tokens = 1 }] }",
        "bad.toml:13:25: got a change at 5 s of `tokens`, wanted `tokens` in the quota as well",
    );
}

#[test]
fn a_neighbour_without_a_quota_to_share() {
    check(
        "[openai]",
        "neighbour = { requests = 8 }\n[openai]",
        "bad.toml:13:1: got a neighbour, wanted a `quota` that it uses as well",
    );
}

#[test]
fn a_word_that_is_not_a_choice() {
    check(
        "profile = \"documented\"",
        "profile = \"documentd\"",
        "bad.toml:17:11: got `documentd`, wanted `before`, `documented`, `conservative`, `recommended`",
    );
}

#[test]
fn a_value_of_another_kind() {
    check(
        "pages = 20",
        "pages = \"many\"",
        "bad.toml:5:9: got string \"many\", wanted a whole number from 0 to 1000000",
    );
}

#[test]
fn latencies_that_lack_something() {
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = nan",
        "bad.toml:8:11: got floating point `NaN`, wanted a table",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"fixed\" }",
        "bad.toml:8:1: got dist = \"fixed\" without `ms`, wanted `ms = 250`",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"uniform\", min_ms = 9, max_ms = 3 }",
        "bad.toml:8:1: got latencies from 9 to 3, wanted min_ms at most max_ms",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"fixed\", ms = 10, median_ms = 9 }",
        "bad.toml:8:1: got `median_ms` with dist = \"fixed\", which does not use it; it belongs to \
         \"lognormal\"",
    );
    check(
        "latency = { dist = \"fixed\", ms = 10 }",
        "latency = { dist = \"empirical\", quantiles_ms = [1], csv = \"a.csv\" }",
        "bad.toml:8:1: got both `quantiles_ms` and `csv`, wanted one of them",
    );
}

#[test]
fn a_model_without_a_price() {
    check(
        "gpt-6-luna",
        "gpt-6-lunar",
        "bad.toml:14:10: got the model `gpt-6-lunar` without a price, wanted one of the price table or `price`",
    );
}

#[test]
fn a_start_above_its_ceiling() {
    check_added(
        "concurrency = 5\nmax_concurrency = 4",
        "bad.toml:16:1: got concurrency 5 above max_concurrency 4, wanted at most the ceiling (leave \
         max_concurrency out and it follows; what is not set is the profile's)",
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
        "bad.toml:4:9: got `yesterday`, wanted a moment such as `2026-01-05T09:00:00Z`",
    );
}

#[test]
fn runs_with_bad_names() {
    check_added(
        "[[run]]\nname = \"a\"\n[[run]]\nname = \"a\"",
        "bad.toml:21:8: got the run name `a` twice, wanted each once",
    );
    check_added(
        "[[run]]\nname = \"a/b\"",
        "bad.toml:19:8: got the run name `a/b`, wanted letters, digits, `-`, `_` and `.`",
    );
}

#[test]
fn targets_on_what_does_not_exist() {
    check_added(
        "[targets.second]\nai_calls = \"<= 2\"",
        "bad.toml:18:10: got targets for the run `second`, which never happens, wanted one of: run",
    );
    check_added(
        "[targets.run]\nai_call = \"<= 2\"",
        "bad.toml:19:1: got a target on the unknown metric `ai_call`, wanted a known one",
    );
}

#[test]
fn limits_that_cannot_be_read() {
    let added = |limit: &str, expected: &str| {
        check_added(&format!("[targets.run]\n{limit}"), &format!("bad.toml:19:{expected}"));
    };
    added(
        "ai_calls = \"20\"",
        "12: got the limit `20`, wanted a comparison (<=, >=, <, >, ==) and a value",
    );
    added(
        "ai_calls = \"<= many\"",
        "12: got the value `many` for ai_calls, wanted a whole number such as 20",
    );
    added(
        "ai_calls = \"p95 <= 3\"",
        "12: got the statistic `p95` of ai_calls, which is one number",
    );
    added(
        "makespan = \"<= 60\"",
        "12: got the value `60` for makespan, wanted a duration such as 800ms, 45s, 2m or 1h",
    );
    added(
        "cache_hit_ratio = \">= 0.6\"",
        "19: got the value `0.6` for cache_hit_ratio, wanted a share from 0% to 100%, such as 3%",
    );
    added("cost = \"<= 2\"", "8: got the value `2` for cost, wanted dollars such as $0.20");
    added(
        "page_latency = \"<= 3s\"",
        "16: got no statistic of page_latency, wanted one of: p50, p95, p99, max, sum, count",
    );
    added("ai_calls = 20", "12: got 20, wanted a limit such as \"<= 20\", or a list of them");
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
        "got `pipeline`, wanted `key=value` with a dotted key, such as `pipeline.batch_size=10`"
    );
    assert_eq!(
        apply("pipeline.batch_sise=9").unwrap_err(),
        "got the unknown key `batch_sise`, wanted a known one"
    );
    assert_eq!(apply("seed.x=9").unwrap_err(), "got `seed.x`, but `seed` holds no keys");
}
