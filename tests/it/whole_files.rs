//! Scenario files as a whole: all that is wrong with one, what its bytes are, how deep it goes, and
//! which files a folder is searched for.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tagspace::internals::sim::scenario::{Scenario, overrides};

use crate::cli::{folder_with, stderr, stdout, tagspace};
use crate::common::PLAIN;

/// The first lines of all problems of a file with this text, as `validate` prints them.
fn problems(text: &str) -> Vec<String> {
    let folder = folder_with(text);
    let output = tagspace(folder.path(), &["validate", "scenarios/one.toml"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{}{told}", stdout(&output));
    let heads = told.lines().filter_map(|line| line.strip_prefix("scenarios/one.toml:"));
    heads.map(str::to_owned).collect()
}

const ALL_WRONG: &str = r#"# Q?
schema = 2
sed = 3
start = "yesterday"
[taxonomy]
kb = []
tool = ["two words", "!!", "Kafka", "kafka"]
[space]
pages = -1
pagess = 3
[confluence]
latency = { dist = "fixd", ms = -9 }
rate_limit = [600, 60]
[gemini]
latency = { dist = "uniform", min_ms = 9, max_ms = 3 }
quota = { requests = 9, change = [{ at_s = 5 }] }
[[gemini.fault]]
reply = { status = 503 }
[[gemini.fault]]
reply = {}
[openai]
model = "gpt-6-lunar"
[pipeline]
profile = "documentd"
[[run]]
name = "a"
changed_ratio = 3
[[run]]
name = "a"
[[run]]
name = "b/c"
[run.pipeline]
concurrency = 9
max_concurrency = 3
[tune]
seeds = "x"
[targets.a]
ai_call = "<= 3"
makespan = ["<= 3", { limit = "<= 5s", ove = "tagged" }, 3]
[targets.z]
ai_calls = "<= 2"
"#;

#[test]
fn all_errors_of_a_file_are_told_in_the_order_of_their_places() {
    let heads = problems(ALL_WRONG);
    let expected = [
        "1:1: `seed` is missing",
        "2:10: found 2",
        "3:1: unknown key `sed`",
        "4:9: found `yesterday`",
        "6:1: expected at least one tag in the category `kb`",
        "7:10: expected a tag of one word",
        "7:23: the tag `!!` of the category `tool` makes no label",
        "7:38: the tag `Kafka` of the category `tool` and the tag `k",
        "9:9: found -1",
        "10:1: unknown key `pagess`",
        "12:20: found `fixd`",
        "12:33: found -9",
        "13:14: expected a table",
        "14:1: `model` is missing",
        "15:1: found latencies from 9 to 3",
        "16:25: in the change at 5 s",
        "19:1: expected `status`",
        "22:10: the model `gpt-6-lunar` has no price",
        "24:11: found `documentd`",
        "27:17: found 3",
        "29:8: found `a` twice",
        "31:8: found `b/c`",
        "32:1: found 9 above 3",
        "36:9: found `x`",
        "38:1: unknown metric `ai_call`",
        "39:13: found the value `3` for makespan",
        "39:40: unknown key `ove`",
        "39:58: found 3",
        "40:10: found `z`",
    ];
    for (head, expected) in heads.iter().zip(expected) {
        let (place, words) = expected.split_once(": ").unwrap();
        let fits = head.starts_with(&format!("{place}: ")) && head.contains(words);
        assert!(fits, "{head}\n{expected}\nof {heads:#?}");
    }
    assert_eq!(heads.len(), expected.len(), "{heads:#?}");
}

#[test]
fn what_follows_from_an_error_is_not_told_as_well() {
    let added = |from: &str, to: &str| problems(&PLAIN.replacen(from, to, 1));
    // Its key is gone, and it is not missing.
    assert_eq!(added("seed = 7", "seed = \"x\"").len(), 1);
    assert_eq!(
        added(
            "[confluence]\nlatency",
            "[confluence]\nrate_limit = { requests = 0, per_s = 0 }\nlatency"
        )
        .len(),
        2
    );
    // A latency without its `ms`, a neighbour without its quota, a change of nothing.
    assert_eq!(added("\"fixed\", ms = 10 ", "\"fixed\", ms = -1 ").len(), 1);
    assert_eq!(added("[openai]", "neighbour = { requests = 8 }\nquota = 3\n[openai]").len(), 1);
    assert_eq!(
        added(
            "[openai]",
            "quota = { requests = 0, change = [{ at_s = 3, requests = 1 }] }\n[openai]"
        )
        .len(),
        1
    );
    // A run without a name cannot be named by a target, a limit above its ceiling is unknown.
    let targets = "[[run]]\nnaem = \"a\"\n[targets.a]\nai_calls = \"<= 3\"\n";
    let told = problems(&format!("{PLAIN}{targets}"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("`name` is missing") && told[1].contains("`naem`"), "{told:?}");
    assert_eq!(problems(&format!("{PLAIN}concurrency = 20\nmax_concurrency = 0\n")).len(), 1);
    // Runs share the pipeline that is wrong.
    let runs =
        "concurrency = 20\nmax_concurrency = 3\n[[run]]\nname = \"a\"\n[[run]]\nname = \"b\"\n";
    assert_eq!(problems(&format!("{PLAIN}{runs}")).len(), 1);
    // Nothing is told of what stands in for a table that is no table.
    let told = added("[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n", "[[gemini]]\n");
    assert_eq!(told, ["9:1: expected a table, found a list"]);
    // An empty file is one problem.
    assert_eq!(problems("").len(), 1);
    assert_eq!(problems("\n\n# late\n").len(), 1);
    assert_eq!(problems("# Only a question?\n").len(), 4);
    assert_eq!(problems(PLAIN.strip_prefix("# Plain?\n").unwrap()).len(), 1);
    assert_eq!(problems("# Q?\na = = 1\nb = \n").len(), 1);
}

/// Keys that no scenario has.
fn unknown_keys(count: usize) -> String {
    (0..count).fold(String::new(), |keys, key| keys + &format!("key{key} = 1\n"))
}

#[test]
fn of_very_many_errors_fifty_are_told_and_the_rest_is_counted() {
    let text = PLAIN.replacen("[space]", &format!("{}[space]", unknown_keys(70)), 1);
    assert_eq!(problems(&text).len(), 50);
    let folder = folder_with(&text);
    let told = stderr(&tagspace(folder.path(), &["run"]));
    assert!(told.contains("this file has 20 more problems after this one"), "{told}");
    // Too many to look for all of them, in a file that is long.
    let text = format!("# Q?\n{}", unknown_keys(40_000));
    assert_eq!(problems(&text).len(), 50);
}

#[test]
fn valid_files_are_named_beside_wrong_ones() {
    let folder = folder_with(PLAIN);
    fs::write(folder.path().join("scenarios/two.toml"), "# Q?\n").unwrap();
    let output = tagspace(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "scenarios/one.toml: valid, 1 run, 0 targets\n");
    assert!(stderr(&output).contains("scenarios/two.toml:1:1: `schema` is missing"));
}

#[test]
fn a_list_is_no_table() {
    for (from, to, place) in [
        ("[space]\npages = 20\n", "space = [\"DOCS\", 20]\n[x.space]\n", "4:9"),
        ("chars = { median = 400, sigma = 0.2, max = 1000 }", "chars = [400, 0.2, 1000]", "6:9"),
        ("[confluence]", "[[confluence]]", "7:1"),
        ("{ dist = \"fixed\", ms = 10 }", "[\"fixed\", 10]", "8:11"),
        ("ms = 10 }", "ms = 10, tail = [0.1, 1, 2] }", "8:45"),
        ("[gemini]", "rate_limit = [600, 60]\n[gemini]", "9:14"),
        ("[gemini]", "fault = [[\"a\", {}, {}]]\n[gemini]", "9:10"),
        ("[gemini]", "fault = [{ when = [1, 2], reply = { status = 503 } }]\n[gemini]", "9:19"),
        ("[gemini]", "fault = [{ reply = [503] }]\n[gemini]", "9:20"),
        ("[openai]", "quota = [150, 60]\n[openai]", "13:9"),
        ("[openai]", "quota = { requests = 9, change = [[5, 6]] }\n[openai]", "13:35"),
        ("[openai]", "neighbour = [[8]]\nquota = { requests = 9 }\n[openai]", "13:14"),
        ("[openai]", "price = [0.3, 2.5]\n[openai]", "13:9"),
        ("{ miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }", "[0, 0]", "12:10"),
        ("[pipeline]\n", "[pipeline]\nquota = [9]\n", "17:9"),
        ("[pipeline]", "[[run]]\nname = \"a\"\npipeline = [\"before\"]\n[pipeline]", "18:12"),
        ("[space]", "run = [[\"a\"]]\n[space]", "4:8"),
        ("[space]", "tune = [{}]\n[space]", "4:8"),
        ("[space]", "targets = [{}]\n[space]", "4:11"),
        ("[space]", "taxonomy = [{}]\n[space]", "4:12"),
        ("[space]", "targets.run = [\"<= 3\"]\n[space]", "4:15"),
    ] {
        assert!(PLAIN.contains(from), "{from}");
        let text = PLAIN.replacen(from, to, 1);
        let told = problems(&text);
        let expected = format!("{place}: expected a table, found a list");
        assert!(told.contains(&expected), "{to}: {told:?}, wanted {expected}");
    }
    for (table, list) in [
        (
            "[confluence]\nlatency = { dist = \"fixed\", ms = 10 }\n",
            "confluence = [{ dist = \"fixed\", ms = 9000 }]",
        ),
        ("[pipeline]\nprofile = \"documented\"\n", "pipeline   = [\"documented\"]"),
    ] {
        assert!(PLAIN.contains(table), "{table}");
        let text = PLAIN.replacen(table, "", 1).replacen("[space]", &format!("{list}\n[space]"), 1);
        assert_eq!(problems(&text), ["4:14: expected a table, found a list"]);
    }
    let folder = folder_with(&PLAIN.replacen("[confluence]", "[[confluence]]", 1));
    let told = stderr(&tagspace(folder.path(), &["validate"]));
    assert!(told.contains("help: one pair of brackets makes a table: `[confluence]`"), "{told}");
    assert_eq!(
        problems(&PLAIN.replacen("seed = 7", "seed = 42.0", 1)),
        ["3:8: expected a whole number from 0 to 9007199254740991, found 42.0"]
    );
    assert_eq!(
        problems(&PLAIN.replacen("[space]", "run = { name = \"a\" }\n[space]", 1)),
        ["4:7: expected a list, found a table"]
    );
    assert_eq!(
        problems(&PLAIN.replacen("seed = 7", "seed = 7\nstart = 2026-01-05T09:00:00Z", 1)),
        ["4:9: expected a string, found the date 2026-01-05T09:00:00Z without quotes"]
    );
}

#[test]
fn a_target_is_a_text_or_a_table() {
    let targets = r#"[targets.run]
page_latency = [ "max <= 9s",
  { limit = "p95 <= 5s", over = "tagged" } ]
ai_calls = { limit = "<= 3" }
"#;
    let text = format!("{PLAIN}{targets}");
    let scenario = Scenario::parse("one", "one.toml", &text, Path::new(".")).unwrap();
    let read: Vec<_> = scenario
        .targets
        .iter()
        .map(|t| {
            let over = t.over.as_ref().map(|over| (over.as_str(), &text[t.over_span.clone()]));
            (t.metric.as_str(), t.limit.as_str(), &text[t.limit_span.clone()], over)
        })
        .collect();
    assert_eq!(
        read,
        [
            ("page_latency", "max <= 9s", "\"max <= 9s\"", None),
            ("page_latency", "p95 <= 5s", "\"p95 <= 5s\"", Some(("tagged", "\"tagged\""))),
            ("ai_calls", "<= 3", "\"<= 3\"", None),
        ]
    );
    let told = |limit: &str| problems(&format!("{PLAIN}[targets.run]\nai_calls = {limit}\n"));
    assert_eq!(told("{ limit = \"<= 3\", ove = \"tagged\" }"), ["19:30: unknown key `ove`"]);
    assert_eq!(told("[{ over = \"tagged\" }]"), ["19:13: `limit` is missing"]);
    assert_eq!(told("{ limit = 3 }"), ["19:22: expected a string, found integer `3`"]);
    let expected = "expected a limit such as \"<= 20\", or a list of them";
    assert_eq!(
        told("[\"<= 3\", [\"<= 4\"]]"),
        [format!("19:21: {expected}, found a list within a list")]
    );
    // What a limit looks at is part of what must hold.
    let digest = |limit: &str| {
        let text = format!("{PLAIN}[targets.run]\npage_latency = {limit}\n");
        Scenario::parse("one", "one.toml", &text, Path::new(".")).unwrap().targets_digest
    };
    let plain = digest("\"p95 <= 5s\"");
    assert_eq!(digest("{ limit = \"p95 <= 5s\" }"), plain);
    assert_ne!(digest("{ limit = \"p95 <= 5s\", over = \"tagged\" }"), plain);
}

#[test]
fn a_file_is_utf_8_with_or_without_its_mark() {
    let folder = folder_with(&format!("\u{feff}{PLAIN}"));
    let output = tagspace(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let path = folder.path().join("scenarios/one.toml");
    let told = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let output = tagspace(folder.path(), &["validate", "scenarios/one.toml"]);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    // The mark takes no column.
    let wrong = format!("\u{feff}{}", PLAIN.replacen("# Plain?", "Plain?", 1));
    assert!(
        told(wrong.as_bytes()).starts_with("scenarios/one.toml:1:7: "),
        "{}",
        told(wrong.as_bytes())
    );
    let units = |text: &str| -> Vec<u16> { text.encode_utf16().collect() };
    let little: Vec<u8> = units(PLAIN).into_iter().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units(PLAIN).into_iter().flat_map(u16::to_be_bytes).collect();
    for bytes in
        [[&[0xFF, 0xFE][..], &little].concat(), [&[0xFE, 0xFF][..], &big].concat(), little, big]
    {
        let said = told(&bytes);
        assert!(
            said.starts_with("scenarios/one.toml:1:1: saved as UTF-16, expected UTF-8\n"),
            "{said}"
        );
        assert!(said.contains("help: save the file again with the encoding UTF-8"), "{said}");
    }
    let latin = PLAIN.replacen("[openai]", "# caf\u{e9}\n[openai]", 1);
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let said = told(&latin);
    assert!(
        said.starts_with("scenarios/one.toml:13:6: expected UTF-8, found the byte 0xE9\n"),
        "{said}"
    );
    assert!(said.contains("13 | # caf\u{fffd}"), "{said}");
}

#[test]
fn a_search_passes_over_what_editors_leave() {
    let folder = folder_with(PLAIN);
    let scenarios = folder.path().join("scenarios");
    symlink("somebody@host.1234", scenarios.join(".#one.toml")).unwrap();
    symlink("gone.toml", scenarios.join("dangling.toml")).unwrap();
    symlink("itself.toml", scenarios.join("itself.toml")).unwrap();
    symlink(".", scenarios.join("around")).unwrap();
    fs::create_dir(scenarios.join(".hidden")).unwrap();
    for name in [".one.toml", "#one.toml", "~one.toml", "one.toml~", ".hidden/one.toml"] {
        fs::write(scenarios.join(name), "no scenario").unwrap();
    }
    let output = tagspace(folder.path(), &["validate"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "scenarios/one.toml: valid, 1 run, 0 targets\n");
    // A folder is searched by whatever name it was given.
    let output = tagspace(folder.path(), &["validate", "scenarios/.hidden"]);
    assert!(stderr(&output).starts_with("scenarios/.hidden/one.toml:1:"), "{}", stderr(&output));
    // What is named is read.
    for (name, told) in [
        (".#one.toml", "cannot read: No such file"),
        ("dangling.toml", "cannot read: No such file"),
        ("#one.toml", "this is not TOML"),
        (".one.toml", "this is not TOML"),
    ] {
        let output = tagspace(folder.path(), &["validate", &format!("scenarios/{name}")]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains(told), "{name}: {}", stderr(&output));
    }
}

#[test]
fn the_help_for_an_empty_folder_helps() {
    let folder = folder_with(PLAIN);
    fs::create_dir(folder.path().join("it's empty")).unwrap();
    let output = tagspace(folder.path(), &["validate", "it's empty"]);
    let told = stderr(&output);
    let command = told.split('`').nth(1).unwrap();
    let words = shlex::split(command).unwrap();
    let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    assert_eq!(tagspace(folder.path(), &args).status.code(), Some(0), "{told}");
    assert_eq!(tagspace(folder.path(), &["validate", "it's empty"]).status.code(), Some(0));
}

#[test]
fn what_nests_too_deep_is_one_error() {
    let folder = folder_with(PLAIN);
    let deep = 20_000;
    let dots = format!("a{}", ".a".repeat(deep));
    let (lists, tables) = ("[".repeat(deep), "{a=".repeat(deep));
    for setting in [
        format!("{dots}=1"),
        format!("pipeline.{dots}=1"),
        format!("a={lists}"),
        format!("a={lists}1{}", "]".repeat(deep)),
        format!("a={tables}1{}", "}".repeat(deep)),
        format!("a={{{dots}=1}}"),
    ] {
        let output = tagspace(folder.path(), &["validate", "--set", &setting]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{}", &told[..told.len().min(300)]);
        let first = told.lines().next().unwrap();
        assert_eq!(first, "--set:1:1: expected at most 32 levels, found more");
        assert!(told.len() < 2_000, "{} bytes", told.len());
    }
    let deep = 100_000;
    let dots = format!("a{}", ".a".repeat(deep));
    for (line, place) in [
        (format!("{dots} = 1"), "4:"),
        (format!("[{dots}]"), "4:"),
        (format!("[[{dots}]]"), "4:"),
        (format!("a = {}", "[".repeat(deep)), "4:37"),
        (format!("a = {}1{}", "[".repeat(deep), "]".repeat(deep)), "4:37"),
        (format!("a = {}", "{a=".repeat(deep)), "4:"),
    ] {
        let told = problems(&PLAIN.replacen("[space]", &format!("{line}\n[space]"), 1));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with(place), "{}", told[0]);
        assert!(told[0].ends_with("expected at most 32 levels, found more"), "{}", told[0]);
    }
    // As deep as both limits allow together.
    let key = format!("a{}", ".a".repeat(31));
    let value = format!("{}1{}", format!("{{{key}=").repeat(31), "}".repeat(31));
    let output = tagspace(folder.path(), &["validate", "--set", &format!("{key}={value}")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("unknown key `a`"), "{}", stderr(&output));
    // Brackets in strings and comments are none.
    let text = PLAIN.replacen(
        "[space]",
        &format!("# {0}\n[space]\nkey = \"\"\"{0}\\\"\\\n\"\"\"", "[.".repeat(100)),
        1,
    );
    let text = text.replacen("[confluence]", "[confluence] # '", 1);
    assert!(Scenario::parse("one", "one.toml", &text, Path::new(".")).is_ok());
}

#[test]
fn a_setting_of_megabytes_is_short_in_its_error() {
    let long = "x".repeat(3_000_000);
    for setting in [
        format!("seed={long}"),
        format!("pipeline.profile={long}"),
        format!("space.{long}=1"),
        long.clone(),
        format!("seed=\"{}\"", "\\n".repeat(1_000_000)),
        format!("gemini.quota.requests=[{}]", "1,".repeat(1_000_000)),
    ] {
        let told = overrides::apply(PLAIN, &[setting], Path::new("/"))
            .and_then(|text| Scenario::parse("set", "set.toml", &text, Path::new(".")))
            .unwrap_err();
        assert!(told.to_string().len() < 5_000, "{} bytes", told.to_string().len());
    }
    let space = overrides::apply(PLAIN, &[format!("space.key={long}")], Path::new("/")).unwrap();
    assert!(Scenario::parse("set", "set.toml", &space, Path::new(".")).is_ok());
}

#[test]
fn a_taxonomy_holds_together() {
    let told = |taxonomy: &str| problems(&format!("{PLAIN}[taxonomy]\n{taxonomy}\n"));
    assert_eq!(told(""), ["18:2: expected at least one category, found none"]);
    assert_eq!(
        told("kb = []"),
        ["19:1: expected at least one tag in the category `kb`, found none"]
    );
    assert_eq!(told("\"a b\" = [\"faq\"]"), ["19:1: expected a category of one word, found `a b`"]);
    assert_eq!(
        told("kb = [\"faq\", \"b:c\"]"),
        [
            "19:15: the tag `b:c` of the category `kb` holds a comma or a colon, which the list in a prompt is made with"
        ]
    );
    assert_eq!(
        told("kb = [\"faq\", \"--\"]"),
        ["19:15: the tag `--` of the category `kb` makes no label: it has no letter or digit"]
    );
    assert_eq!(
        told("kb = [\"c++\", \"faq\"]\nlanguage = [\"c\"]"),
        [
            "20:14: the tag `c++` of the category `kb` and the tag `c` of the category `language` have one label, `c`"
        ]
    );
}
