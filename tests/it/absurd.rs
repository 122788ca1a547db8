//! Numbers that nobody means, in scenarios that are valid all the same: they are played to their end.

use std::fs;
use std::path::Path;
use std::process::Command;
use tagspace::Metric;

use tagspace::internals::fakes::content::documents;
use tagspace::internals::fakes::content::storage::StorageWriter;
use tagspace::internals::pipeline::text;
use tagspace::internals::rng::{Seed, Stream};
use tagspace::internals::sim::SimError;
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::study::tune::grid::Axis;
use tagspace::internals::study::verdict::judge;
use tagspace::internals::study::verdict::judge::JudgeError;

use crate::common::{PLAIN, direct, judged, scenario};

/// Plays a plain scenario with these settings; a run may be longer than its deadline, and no more.
fn ends(settings: &[&str]) {
    match judge::run(&scenario(PLAIN, settings), &[], &direct()) {
        Ok(_) | Err(JudgeError::Sim(SimError::Deadline { .. })) => {}
        Err(error) => panic!("{settings:?}: {error}"),
    }
}

#[test]
fn latencies_have_an_end_however_far_they_spread() {
    for latency in [
        "{dist=\"lognormal\",median_ms=450,sigma=15}",
        "{dist=\"lognormal\",median_ms=86400000,sigma=1000,load_factor=1000}",
        "{dist=\"lognormal\",median_ms=0,sigma=1000}",
        "{dist=\"fixed\",ms=1,output_tokens_per_s=1e-300}",
    ] {
        ends(&[&format!("gemini.latency={latency}")]);
        ends(&[&format!("confluence.latency={latency}"), "pipeline.timeout_ms=1"]);
    }
}

#[test]
fn a_neighbour_of_a_thousand_million_calls_a_second_is_counted() {
    let quota = "gemini.quota={requests=150,per_s=60,tokens=1000000}";
    for neighbour in [
        "{requests=1000000000,per_s=1}",
        "{requests=1000000000,per_s=86400}",
        "{requests=999999937,per_s=7,tokens=1}",
    ] {
        ends(&[quota, &format!("gemini.neighbour={neighbour}")]);
    }
    // In a window of a day nothing is counted one by one either.
    ends(&[
        "gemini.quota={requests=1000000000,per_s=86400,per_day=5}",
        "gemini.neighbour={requests=1000000000,per_s=60}",
    ]);
}

#[test]
fn a_limit_that_is_cut_between_a_permit_and_its_call_breaks_no_books() {
    let text = "# Cut?\nschema = 1\nseed = 1\n[space]\n[[confluence.fault]]\nwhen = { ratio = 0.4110 }\nreply = { status = 400 }\n[[confluence.fault]]\nwhen = { from_s = 2 }\nreply = { kind = \"timeout\" }\n[[confluence.fault]]\nwhen = { ratio = 0.5 }\nreply = { kind = \"reset\" }\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\nlatency = { dist = \"fixed\", ms = 0, refusal_ms = 0 }\n[[gemini.fault]]\nreply = { status = 529 }\n[openai]\nmodel = \"gpt-6-luna\"\n[[openai.fault]]\nreply = { kind = \"missing-pages\" }\n[pipeline]\nprofile = \"recommended\"\nquota = { requests = 8 }\nmax_output_tokens = 1\n";
    judged(&scenario(text, &[]));
}

#[test]
fn a_bound_is_found_for_a_quota_of_one_a_day() {
    let settings =
        ["gemini.quota={per_day=1,tokens=1,change=[{at_s=5,tokens=2}]}", "space.pages=300"];
    let run = judged(&scenario(
        PLAIN,
        &[&settings[..], &["pipeline.batch_size=1", "pipeline.max_batch_size=1"]].concat(),
    ));
    let bound = run.runs[0].figures.number(Metric::BoundMakespan);
    assert!(bound >= 298 * 86_400_000, "{bound}");
}

/// A part of the smallest question, its header changed by `edit`, joined by the command.
fn merged(edit: impl Fn(&str) -> String) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let tagspace = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        command.arg("tune").args(args).arg("--quiet");
        command.env_remove("JOB_COMPLETION_INDEX").output().unwrap()
    };
    let grid = ["scenarios/small.toml", "--set", "pipeline.batch_size=2,5", "--seeds", "1..=2"];
    let part = ["--shard", "1/1", "--out", out.to_str().unwrap()];
    assert_eq!(tagspace(&[&grid[..], &part].concat()).status.code(), Some(0));
    let file = out.join("parts/1-of-1.jsonl");
    fs::write(&file, edit(&fs::read_to_string(&file).unwrap())).unwrap();
    let merged = folder.path().join("merged");
    let output = tagspace(&["--merge", out.to_str().unwrap(), "--out", merged.to_str().unwrap()]);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_part_that_was_edited_is_told_by_its_name_and_what_is_wrong() {
    let edits = [
        ("\"count\":1", "\"count\":1000000000000", "found part 1 of 1000000000000"),
        ("\"index\":1", "\"index\":0", "found part 0 of 1"),
        ("\"seeds\":[1,2]", "\"seeds\":[1,9007199254740991]", "1..=9007199254740991"),
        ("\"seeds\":[1,2]", "\"seeds\":[2,1]", "2..=1"),
        ("[\"2\",\"5\"]", "[]", "expected values for `pipeline.batch_size`"),
        ("\"cell\":1", "\"cell\":99", "expected a cell below 2, found 99"),
        ("\"seed\":1", "\"seed\":7", "expected a seed below 2, found 7"),
        ("\"question\":0", "\"question\":3", "expected a question below 1, found 3"),
        ("\"met\":[true,", "\"met\":[", "requirements in `met`"),
        ("\"ai_calls\":", "\"no_metric\":", "found `no_metric`"),
        ("\"objective\":\"fastest\"", "\"objective\":\"cheapest\"", "was edited"),
        ("\"run\":\"run\"", "\"run\":\"walk\"", "expected a run of small, found `walk`"),
    ];
    for (from, to, wanted) in edits {
        let (code, said) = merged(|text| {
            assert!(text.contains(from), "{from}: {text}");
            text.replacen(from, to, 1)
        });
        assert!(code == Some(2) && said.contains(wanted), "{to}: {code:?} {said}");
        assert!(said.contains("1-of-1.jsonl"), "{said}");
    }
    let (code, said) =
        merged(|text| text.replace("\"makespan\":", "\"makespan\":1844674407370955161"));
    assert!(code != Some(0) && !said.contains("panicked"), "{said}");
}

#[test]
fn pages_that_nobody_could_wait_for_are_refused_with_their_place() {
    let text = PLAIN.replace(
        "pages = 20\nchars = { median = 400, sigma = 0.2, max = 1000 }",
        "pages = 1000000\nchars = { median = 1000000, sigma = 0, max = 1000000 }",
    );
    let problem = Scenario::parse("test", "test.toml", &text, Path::new(".")).unwrap_err();
    let said = problem.to_string();
    assert!(
        said.contains("test.toml:5") && said.contains("expected at most 50000000000"),
        "{said}"
    );
    // A million of the usual length is fine.
    let text = PLAIN.replace(
        "pages = 20\nchars = { median = 400, sigma = 0.2, max = 1000 }",
        "pages = 1000000",
    );
    Scenario::parse("test", "test.toml", &text, Path::new(".")).unwrap();
}

#[test]
fn a_stream_of_parts_is_the_stream_of_the_whole_name() {
    for number in [0, 7, 10, 123_456, usize::MAX] {
        let parts = Stream::named("gemini").then(" fault ").then_number(number);
        let whole = Seed(5).draw(&format!("gemini fault {number}"), 9, 2);
        assert_eq!(Seed(5).draw_of(parts, 9, 2), whole);
    }
}

#[test]
fn thousands_of_faults_are_asked_in_a_moment() {
    let rule = "[[gemini.fault]]\nwhen = { ratio = 0 }\nreply = { status = 500 }\n";
    let text = PLAIN.replace("[openai]", &format!("{}[openai]", rule.repeat(3_000)));
    judged(&scenario(&text, &[]));
}

#[test]
fn a_grid_is_read_in_one_go() {
    let values: Vec<String> = (0..9_000).map(|value| format!("v{value}")).collect();
    let axis = Axis::parse(&format!("pipeline.x={}", values.join(","))).unwrap();
    assert_eq!(axis.values.len(), 9_000);
    assert!(Axis::parse(&format!("pipeline.x={},v3", values.join(","))).is_err());
    assert!(Axis::parse(&format!("a={}", "1..=1024,".repeat(2_000))).is_err());
}

#[test]
fn pages_of_a_megabyte_are_read_whatever_they_hold() {
    let many = |piece: fn(usize) -> String, count: usize| (0..count).map(piece).collect::<String>();
    let attributes = format!("<p {}>seen</p></x>", many(|at| format!("a{at} "), 150_000));
    let values = format!("<p {}>seen</p></x>", many(|at| format!("a{at}='>' "), 100_000));
    let pages = [
        attributes,
        values,
        format!("{} seen</x>", "<".repeat(1_000_000)),
        format!("{}seen</x>", "<div>".repeat(200_000)),
        format!("{}seen</x>", "<b><p>".repeat(150_000)),
        format!("<ac:x>{}seen</x>", "<![CDATA[".repeat(100_000)),
        format!("{}seen</x>", "&".repeat(1_000_000)),
        format!("{}seen</x>", "<!--".repeat(200_000) + "-->"),
        format!("{}seen</x>", "<!-- -".repeat(150_000) + "-->"),
        format!("seen</x>{}", "<a ".repeat(300_000)),
        // Elements that have a role, and ends that fit none or the outermost.
        format!("{}seen", "<ac:link><ac:adf-extension>".repeat(40_000)),
        format!("{}{}seen", "<ac:link>".repeat(60_000), "</ac:adf-node>".repeat(50_000)),
        format!("<ac:adf-node>{}</ac:adf-node>seen", "<ac:structured-macro>".repeat(40_000)),
        format!("{}seen", "<ac:adf-fallback></ac:parameter>".repeat(30_000)),
        format!("<ac:link {}>seen</ac:link></x>", many(|at| format!("a{at}='>' "), 100_000)),
        format!("{}seen", "<ac:structured-macro ac:name='html'><ac:plain-text-body>&lt;b>".repeat(15_000)),
        format!("{}seen", "<ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[x]]></ac:plain-text-body></ac:structured-macro>".repeat(9_000)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    for page in pages {
        assert!(text::extract(&page, usize::MAX).contains("seen"), "{}", &page[..20]);
        fs::write(&path, &page).unwrap();
        let luck = Seed(1).draw("elements", 1, 1).sequence();
        documents::read(&path, StorageWriter::new(luck, [].into())).unwrap();
    }
}

#[test]
fn a_long_run_is_drawn_with_as_many_points_as_can_be_seen() {
    let settings = [
        "space.pages=13000",
        "space.chars={median=5,sigma=0,max=9}",
        "confluence.latency={dist=\"uniform\",min_ms=5,max_ms=400}",
        "gemini.latency={dist=\"uniform\",min_ms=500,max_ms=1500}",
        "pipeline.batch_size=1",
    ];
    let scenario = scenario(PLAIN, &settings);
    let judged = judged(&scenario);
    for (name, drawn) in tagspace::internals::report::pictures::all(&scenario, &judged) {
        let svg = drawn.unwrap().file();
        assert!(svg.len() < 1_500_000, "{name}: {} bytes", svg.len());
        tagspace::internals::report::draw::png(&svg).unwrap();
    }
}
