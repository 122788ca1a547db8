//! The page of a report: what it says, and what it never holds. What it looks like is judged in a
//! browser (`tests/sdk/node/page.mjs`).

use tagspace::Metric;
use tagspace::internals::pipeline::event::Event;
use tagspace::internals::pipeline::provider::stated_quota::Dimension;
use tagspace::internals::report::page::RunPage;
use tagspace::internals::sim::recorder::Log;
use tagspace::internals::sim::recorder::entry::{Entry, What};
use tagspace::internals::study::measure::lanes::Lanes;
use tagspace::internals::study::measure::spending;
use tagspace::internals::study::verdict::outcome::Outcome;
use tagspace::internals::study::verdict::seeds::{PlayedSeed, Series};

use super::common::{PLAIN, judged, played, scenario};

const WORLD: &str = r#"# May 20 pages be tagged in a second?
schema = 1
seed = 3
[space]
pages = 20
[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "uniform", min_ms = 400, max_ms = 900 }
quota = { requests = 4, per_s = 10 }
[pipeline]
profile = "recommended"
batch_size = 2
[targets.run]
makespan = "<= 1s"
ai_calls = "<= 16"
pages_tagged = "== 20"
"#;

fn of(text: &str) -> String {
    let scenario = scenario(text, &[]);
    let judged = judged(&scenario);
    let outcome = Outcome::of(judged.verdict(), None, false);
    RunPage::of(&scenario, &judged, None, "tagspace run world.toml --seed 3").html(outcome, &[])
}

#[test]
fn a_page_says_what_is_missed_and_what_the_time_went_to() {
    let page = of(WORLD);
    assert!(page.contains("✗ MISSED"));
    let head = page.split("</header>").next().unwrap().split("<header>").nth(1).unwrap();
    assert!(head.contains("1 of 3 targets missed"), "{head}");
    // The run waits for a quota of 4 calls in 10 seconds, of which it makes ten.
    let cause = page.split("<li>").nth(1).unwrap().split("</li>").next().unwrap();
    assert!(cause.contains("makespan is "), "{cause}");
    assert!(cause.contains("makespan &lt;= 1s"), "{cause}");
    assert!(cause.contains(" went to "), "{cause}");
    assert!(page.contains(": gemini is thought to allow 4 requests in 10.00 s"), "{page}");
    let ids = ["targets", "settings", "time", "timeline", "failures", "latency", "cost", "assumed"];
    let places: Vec<usize> =
        ids.iter().map(|id| page.find(&format!("<section id=\"{id}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("tagspace run world.toml --seed 3"));
}

#[test]
fn a_page_needs_nothing_else_and_runs_nothing_that_it_is_told() {
    let hostile = "</title><script>alert(1)</script> & \"quoted\"";
    let page = of(&WORLD.replace("May 20 pages be tagged in a second?", hostile));
    assert_eq!(page.matches("<script>").count(), 1, "its own alone");
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp;"));
    for address in ["http:", "https:", "//cdn", "@import", "url("] {
        assert!(!page.contains(address), "{address}");
    }
}

#[test]
fn a_page_does_not_grow_with_the_pages() {
    let sizes = ["20", "4000"].map(|pages| {
        let text = WORLD.replace("pages = 20", &format!("pages = {pages}"));
        let text = text.replace("quota = { requests = 4, per_s = 10 }", "");
        of(&text).len()
    });
    assert!(sizes[0] < 150_000 && sizes[1] < sizes[0] * 3 / 2, "{sizes:?}");
}

#[test]
fn every_seed_is_seen() {
    let scenario = scenario(WORLD, &[]);
    let few = played(&scenario, 1..=8);
    let page = |played: Vec<PlayedSeed>| {
        let series = Series::of(played).unwrap();
        let page = RunPage::of(&scenario, &series.judged, Some(&series), "tagspace run world.toml");
        page.html(Outcome::Met, &[])
    };
    let dots = page(few.clone());
    for seed in 1..=8 {
        assert!(dots.contains(&format!("seed {seed}: ")), "{seed}");
    }
    // Of a hundred seeds the one that lies apart from all others is seen as well.
    let mut many: Vec<PlayedSeed> =
        (0..100).map(|seed| PlayedSeed { seed, ..few[0].clone() }).collect();
    many[57].runs[0].targets[0].value = Some(99_000);
    let strip = page(many);
    assert!(strip.contains("99 seeds from "), "{strip}");
    assert!(strip.contains("1 seed from 99.00 s to 99.00 s (seed 57)"), "{strip}");
    assert!(strip.contains("the median over the seeds"));
}

#[test]
fn what_was_not_judged_has_a_page_too() {
    let text = WORLD.split("[targets.run]").next().unwrap();
    let scenario = scenario(text, &[]);
    let page = RunPage::of(&scenario, &judged(&scenario), None, "tagspace run world.toml");
    let page = page.html(Outcome::NotJudged, &[]);
    assert!(page.contains("– NOT JUDGED"));
    assert!(page.contains("no targets that could be judged"));
}

#[test]
fn a_page_says_what_came_of_the_scenario_as_a_whole() {
    let page = of(WORLD);
    let scenario = scenario(WORLD, &[]);
    let reasons = ["Against main: 9 calls <became> 12".to_owned()];
    let closed =
        RunPage::of(&scenario, &judged(&scenario), None, "tagspace run world.toml --seed 3");
    let closed = closed.html(Outcome::Regressed, &reasons);
    assert!(closed.contains("✗ REGRESSED") && !closed.contains("✗ MISSED</span>"));
    assert!(closed.contains("<title>REGRESSED: test</title>"));
    assert!(closed.contains("Against main: 9 calls &lt;became&gt; 12"));
    // The rest is as it was.
    assert_eq!(closed.split("<h1>").nth(1), page.split("<h1>").nth(1));
}

#[test]
fn columns_count_what_the_figures_do() {
    let settings =
        ["pipeline.profile=\"before\"", "space.pages=60", "openai={model=\"gpt-6-luna\"}"];
    let scenario = scenario(WORLD, &settings);
    let run = judged(&scenario).runs.remove(0);
    let lanes = Lanes::of(&run.log).unwrap();
    let number = |metric| run.figures.number(metric);
    assert_eq!(lanes.makespan_ms, number(Metric::Makespan));
    let refused: u64 = lanes.providers.iter().flat_map(|one| &one.refused).sum();
    assert!(refused > 0);
    assert_eq!(refused, number(Metric::RateLimited));
    assert_eq!(lanes.done.last().unwrap().last, number(Metric::Pages));
    assert_eq!(lanes.in_flight.last().unwrap().last, 0);
    let most = lanes.in_flight.iter().map(|column| column.most).max();
    let two = lanes.providers.iter().map(|one| one.in_flight.iter().map(|c| c.most).max().unwrap());
    assert!(
        lanes.providers.len() == 2 && most <= Some(two.sum()),
        "the fallback has calls as well"
    );
    // The time that calls to Confluence took, in thousandths of a call over each column.
    let busy: u64 = lanes.confluence_milli.iter().sum::<u64>() * lanes.makespan_ms / 200_000;
    let took = run.log.events().filter_map(|event| match event {
        Event::ConfluenceCall { latency_ms, .. } => Some(latency_ms),
        _ => None,
    });
    let took: u64 = took.sum();
    assert!(busy.abs_diff(took) * 50 < took, "{busy} of {took} ms");
    let spent = spending::of(&scenario.prices, &run.log);
    let cost: u64 = spent.iter().filter_map(|one| one.usd_micros).sum();
    assert!(cost.abs_diff(number(Metric::Cost)) <= 2, "{cost}");
    assert_eq!(
        spent.iter().map(|one| one.output_tokens).sum::<u64>(),
        number(Metric::OutputTokens)
    );
}

#[test]
fn what_one_seed_cannot_tell_is_said_at_the_top_and_at_each_target() {
    let shares = WORLD
        .replace("\"<= 1s\"", "\"<= 60s in >= 90% of seeds\"")
        .replace("\"== 20\"", "\"== 20 in >= 95% of seeds\"");
    let page = of(&shares);
    assert!(page.contains("✓ MET IN ONE SEED"), "{page}");
    assert!(page.contains("2 of 3 targets speak of many seeds"));
    assert!(page.contains("1 of 3 targets are met, and 2 hold in this seed."));
    assert_eq!(page.matches("aria-label=\"met in one seed\"").count(), 2);
    assert!(page.contains("tagspace run test.toml --seeds 1..=64"));
    // Where every target is of each seed, nothing is doubtful.
    let page = of(&WORLD.replace("\"<= 1s\"", "\"<= 60s\""));
    assert!(page.contains("All 3 targets are met.") && !page.contains("one seed"), "{page}");
}

/// The two runs, with a target on the second one's time.
fn page_with_limit_on(runs: &str) -> String {
    let text = WORLD.replace("[space]\n", "").replace("[targets.run]", "[targets.single]");
    of(&format!("{}{runs}pages = 20\n", text.replace("pages = 20\n", "")))
}

#[test]
fn what_became_dearer_without_a_target_is_said() {
    let runs = "[[run]]\nname = \"wide\"\nfresh = true\n[[run]]\nname = \"single\"\nfresh = true\n\
                [run.pipeline]\nprofile = \"recommended\"\nbatch_size = 1\n[space]\n";
    let text = WORLD.replace("[space]\n", "").replace("[targets.run]", "[targets.wide]");
    let page = of(&format!("{}{runs}pages = 20\n", text.replace("pages = 20\n", "")));
    let said = "No target limits the time of single, and it is ";
    assert!(page.contains(said) && page.contains(" times the time of wide."), "{page}");
    // It costs less than a tenth more, which may be chance.
    assert!(!page.contains("No target limits the cost"), "{page}");
    // What a target of its own limits is no news.
    let guarded = page_with_limit_on(runs);
    assert!(!guarded.contains(said), "{guarded}");
}

/// What `run` comes to with these settings, and the cure that its page shows, as `--set` takes it.
fn cured(text: &str, settings: &[&str]) -> (bool, Option<String>) {
    let scenario = scenario(text, settings);
    let judged = judged(&scenario);
    let is_met = judged.verdict() == tagspace::Verdict::Met;
    let page = RunPage::of(&scenario, &judged, None, "").html(Outcome::Missed, &[]);
    let cure = page.split("With <code>").nth(1).and_then(|rest| rest.split("</code>").next());
    let set =
        cure.map(|cure| format!("pipeline.{}", cure.replace(" = ", "=").replace("&quot;", "\"")));
    (is_met, set)
}

#[test]
fn a_cure_is_one_setting_that_can_be_set_as_it_stands() {
    for (target, settings) in [
        ("ai_calls = \"<= 5\"", &["pipeline.batch_size=1"][..]),
        ("makespan = \"<= 8s\"", &["pipeline.concurrency=1", "pipeline.batch_size=2"]),
        ("makespan = \"<= 8s\"", &["pipeline.confluence_concurrency=1", "space.pages=200"]),
    ] {
        let text = format!("{PLAIN}[targets.run]\n{target}\n");
        let (is_met, cure) = cured(&text, settings);
        let cure = cure.unwrap_or_else(|| panic!("no cure for {target} with {settings:?}"));
        assert!(!is_met);
        let (is_met, _) = cured(&text, &[settings, &[cure.as_str()]].concat());
        assert!(is_met, "{cure}");
    }
    // Where the start may not be above the ceiling, it is no cure to raise it.
    let shut = ["pipeline.concurrency=1", "pipeline.max_concurrency=1", "pipeline.batch_size=1"];
    let text = format!("{PLAIN}[targets.run]\nmakespan = \"<= 19s\"\n");
    let (_, cure) = cured(&text, &shut);
    assert!(cure.is_none_or(|cure| !cure.starts_with("pipeline.concurrency")));
}

#[test]
fn a_cure_that_costs_pages_their_tags_is_none() {
    let misses = "answer={ miss_ratio_per_extra_page = 0, tag_miss_ratio_per_extra_page = 0 }";
    let target = "[targets.run]\nai_calls = \"<= 5\"\n";
    let text = format!("{PLAIN}{target}");
    let single = "pipeline.batch_size=1";
    assert_eq!(cured(&text, &[single]).1.as_deref(), Some("pipeline.batch_size=4"));
    let careless = format!(
        "gemini.{}",
        misses.replace("tag_miss_ratio_per_extra_page = 0", "tag_miss_ratio_per_extra_page = 0.2")
    );
    assert_eq!(cured(&text, &[single, &careless]).1, None);
}

/// The cache is too small for the space: it has forgotten a part when the space is read again.
const THRASHED: &str = r#"# Does the second run come from the cache?
schema = 1
seed = 3
[space]
pages = 60
[gemini]
model = "gemini-3.5-flash-lite"
[pipeline]
profile = "recommended"
cache_size = 40
[[run]]
name = "first"
[[run]]
name = "second"
[targets.first]
pages_tagged = "== 60"
[targets.second]
cache_hit_ratio = ">= 90%"
"#;

#[test]
fn a_cure_is_shown_that_a_replay_has_shown() {
    let page = of(THRASHED);
    assert!(page.contains("With <code>cache_size = 54</code> it is met"), "{page}");
    // It is what it says: 54 is enough, and 53 is not.
    let met = |size: &str| {
        of(&THRASHED.replace("cache_size = 40", &format!("cache_size = {size}")))
            .contains("targets are met.")
    };
    assert!(met("54") && !met("53"));
    // Where the world is to blame no setting is named, and none that costs another target.
    let page = of(WORLD);
    assert!(page.contains("makespan is") && !page.contains("it is met, as a replay"), "{page}");
    let strict = THRASHED.replace("[targets.second]", "[targets.second]\ncache_hits = \"<= 45\"");
    assert!(!of(&strict).contains("it is met, as a replay"));
}

#[test]
fn a_quota_that_chance_explains_better_is_given_up_and_the_page_says_so() {
    let settings = [
        "space.pages=120",
        "gemini.error_429_ratio=0.2",
        "pipeline.profile=recommended",
        "pipeline.batch_size=1",
        "pipeline.fallback=false",
    ];
    let scenario = scenario(PLAIN, &settings);
    let judged = judged(&scenario);
    let is_given_up = |event: Event| matches!(event, Event::QuotaForgotten { .. });
    assert!(judged.runs[0].log.events().any(is_given_up));
    let page = RunPage::of(&scenario, &judged, None, "").html(Outcome::Met, &[]);
    assert!(page.contains("What was thought of quotas: "), "{page}");
    assert!(page.contains("gemini is not thought to have a quota of requests any more"), "{page}");
}

#[test]
fn a_fallback_whose_quota_is_known_and_that_is_never_asked_has_no_lane() {
    let run = judged(&scenario(PLAIN, &["space.pages=4"]));
    let mut log = Log::default();
    for entry in &run.runs[0].log.entries {
        let is_start = matches!(entry.what, What::Event(Event::RunStarted { .. }));
        log.entries.push(&entry);
        for provider in ["openai", "gemini"].into_iter().filter(|_| is_start) {
            let (provider, dimension) = (provider.to_owned(), Dimension::Requests);
            let what = What::Event(Event::QuotaForgotten { provider, dimension });
            log.entries.push(&Entry { t_ms: entry.t_ms, what });
        }
    }
    let providers = Lanes::of(&log).unwrap().providers;
    let seen: Vec<(&str, u64)> =
        providers.iter().map(|one| (one.provider.as_str(), one.learned.iter().sum())).collect();
    assert_eq!(seen, [("gemini", 1)]);
}
