//! What a job is said to take before it begins, held against what it takes.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use proptest::{option, prop_assert, prop_oneof};
use tagspace::internals::fakes::content::space::Space;
use tagspace::internals::pipeline::page::{Page, PageId};
use tagspace::internals::pipeline::provider::stated_quota::Dimension;
use tagspace::internals::pipeline::text;
use tagspace::internals::rng::{Seed, Sequence};
use tagspace::internals::sim::scenario::default_taxonomy;
use tagspace::internals::sim::{Options, Transport};
use tagspace::internals::study::experiment::runner::TrialRunner;
use tagspace::internals::study::forecast::{
    CallLatency, Forecast, PageSample, Prospect, ProviderProspect, Range, answered_calls,
};
use tagspace::internals::study::verdict::judge::{JudgedRun, measure};
use tagspace::limiter::{LearnedQuota, LearnedQuotas};
use tagspace::{Event, Metric, Scenario};

use crate::quota::remembered_quota;

const MODEL: &str = "gemini-3.5-flash-lite";

fn scenario(text: &str) -> Scenario {
    Scenario::parse("world", "world", text, Path::new("."))
        .map_err(|error| error.to_string())
        .unwrap()
}

fn played(scenario: &Scenario) -> JudgedRun {
    let options = Options { transport: Transport::Direct, ..Options::default() };
    measure(scenario, &options).unwrap().runs.pop().unwrap()
}

/// A quota of requests in each window of these seconds.
fn requests(limit: u64, window_s: u64) -> LearnedQuota {
    remembered_quota(limit, window_s * 1_000)
}

/// A world: its services, the pages of its space, and the quota that is known of it.
struct World {
    pages: u64,
    services: String,
    quotas: Vec<LearnedQuota>,
}

impl World {
    /// The world of this number.
    fn of(number: u64) -> Self {
        let mut luck = Seed(number).draw("forecast", number, 0).sequence();
        let mut between =
            |least: u64, most: u64| least + Sequence::below(&mut luck, most - least + 1);
        let pages = between(100, 300);
        let (site, model, spread) = (between(50, 400), between(300, 1_500), between(1, 5));
        let speed = between(100, 500);
        let (limit, window_s) = (between(2, 10), between(5, 60));
        let (quota, quotas) = match number % 4 {
            0 => (String::new(), Vec::new()),
            1 => (
                format!("quota = {{ requests = {limit}, per_s = {window_s} }}"),
                vec![requests(limit, window_s)],
            ),
            2 => {
                let bucket = LearnedQuota {
                    unit_us: Some(window_s * 1_000_000 / limit),
                    burst: Some(2),
                    ..requests(limit, window_s)
                };
                let kind = "window = \"bucket\", burst = 2";
                (
                    format!("quota = {{ requests = {limit}, per_s = {window_s}, {kind} }}"),
                    vec![bucket],
                )
            }
            _ => {
                let tokens = between(20_000, 60_000);
                let known =
                    LearnedQuota { dimension: Dimension::Tokens, ..requests(tokens, window_s) };
                (format!("quota = {{ tokens = {tokens}, per_s = {window_s} }}"), vec![known])
            }
        };
        let services = format!(
            "[confluence]\nlatency = {{ dist = \"lognormal\", median_ms = {site}, sigma = 0.3 }}\n\
             [gemini]\nmodel = \"{MODEL}\"\n{quota}\n\
             latency = {{ dist = \"lognormal\", median_ms = {model}, sigma = 0.{spread}, \
             output_tokens_per_s = {speed} }}\n[pipeline]\nprofile = \"recommended\"\n"
        );
        Self { pages, services, quotas }
    }

    fn scenario(&self, seed: u64, pages: u64) -> Scenario {
        let Self { services, quotas, .. } = self;
        let text =
            format!("# Which?\nschema = 1\nseed = {seed}\n[space]\npages = {pages}\n{services}");
        let mut scenario = scenario(&text);
        let known = [("gemini".to_owned(), quotas.clone())];
        scenario.known = LearnedQuotas { providers: known.into(), ..LearnedQuotas::default() };
        scenario
    }

    /// What is known of it after an earlier job of other pages.
    fn prospect(&self, seed: u64, earlier_pages: u64) -> Prospect {
        let earlier = self.scenario(seed + 1_000, earlier_pages);
        let earlier = played(&earlier).log;
        let calls = answered_calls(&earlier);
        let site_ms = earlier.events().filter_map(|event| match event {
            Event::ConfluenceCall { status: Some(200), latency_ms, .. } => Some(latency_ms),
            _ => None,
        });
        let job = self.scenario(seed, self.pages);
        let mut pages = PageSample::default();
        for page in pages_of(self, seed) {
            pages.push(page);
        }
        let gemini = ProviderProspect {
            name: "gemini".to_owned(),
            model: MODEL.to_owned(),
            latency: CallLatency::of(&calls["gemini"]),
            quotas: self.quotas.clone(),
            closed_ms: 0,
        };
        Prospect {
            pages,
            settings: job.runs[0].config.clone(),
            taxonomy: default_taxonomy(),
            providers: vec![gemini],
            site_ms: site_ms.collect(),
            start: job.world.start,
        }
    }
}

/// The pages of a world's space, as the pipeline reads them.
fn pages_of(world: &World, seed: u64) -> Vec<Page> {
    let job = world.scenario(seed, world.pages);
    let limit = usize::try_from(job.runs[0].config.text_limit_chars).unwrap();
    let world = &job.world;
    let space = Space::new(world.space.clone(), world.taxonomy.clone(), Vec::new(), world.seed);
    let page = |id| {
        let page = space.page(id).unwrap();
        let text = text::extract(&page.storage, limit);
        Page { id: PageId(id), version: 1, title: page.title, text }
    };
    space.ids().map(page).collect()
}

fn forecast(prospect: &Prospect) -> Forecast {
    let runner = TrialRunner::new(1).unwrap();
    prospect.forecast(&runner, &Options::default().interrupt).unwrap().unwrap()
}

/// A world with what was said of its job, and what the job took in each weather, the least first.
struct Checked {
    said: Forecast,
    took_ms: Vec<u64>,
    cost_usd_micros: Vec<u64>,
}

impl Checked {
    fn of(number: u64, weathers: u64) -> Self {
        let world = World::of(number);
        let said = forecast(&world.prospect(number, 300));
        let mut job = world.scenario(number, world.pages);
        let mut figures = Vec::new();
        for weather in 1..=weathers {
            job.world.weather = Some(500 + weather);
            figures.push(played(&job).figures);
        }
        let sorted = |metric: Metric| {
            let mut values: Vec<u64> = figures.iter().map(|one| one.number(metric)).collect();
            values.sort_unstable();
            values
        };
        Self { said, took_ms: sorted(Metric::Makespan), cost_usd_micros: sorted(Metric::Cost) }
    }

    /// How many jobs took a time that was said to be possible.
    fn inside(&self) -> usize {
        let Range { least, most, .. } = self.said.makespan_ms;
        self.took_ms.iter().filter(|took| (least..=most).contains(*took)).count()
    }
}

/// By how much a figure is off the middle one of what was found, in hundredths.
fn percent_off(said: u64, found: &[u64]) -> u64 {
    let middle = found[found.len() / 2];
    said.abs_diff(middle) * 100 / middle
}

/// Whatever a file of learned quotas holds.
fn any_quota() -> impl Strategy<Value = LearnedQuota> {
    let dimension = prop_oneof![Just(Dimension::Requests), Just(Dimension::Tokens)];
    let window_ms = prop_oneof![Just(60_000_u64), Just(1_000), Just(10_000), 0..2_000_000_000_u64];
    let limit = prop_oneof![1..100_000_u64, any::<u64>()];
    let (unit, burst) =
        (option::of(prop_oneof![1..10_000_000_u64, any::<u64>()]), option::of(any::<u64>()));
    let begun = option::of(0..60_000_u64);
    let taken = vec((0..60_000_u64, prop_oneof![0..100_u64, any::<u64>()]), 0..3);
    (dimension, window_ms, limit, unit, burst, begun, taken).prop_map(
        |(dimension, window_ms, limit, unit_us, burst, begun_ms_ago, taken)| LearnedQuota {
            dimension,
            window_ms,
            unit_us,
            burst,
            begun_ms_ago,
            taken,
            ..requests(limit, 1)
        },
    )
}

#[test]
fn whatever_was_learned_of_quotas_a_job_can_be_rehearsed() {
    let prospect = Prospect { site_ms: vec![5], ..World::of(4).prospect(4, 40) };
    let mut pages = PageSample::default();
    for id in 1..=3 {
        let (title, text) = (format!("Page {id}"), format!("A guide to thing {id}"));
        pages.push(Page { id: PageId(id), version: 1, title, text });
    }
    let runner = TrialRunner::new(1).unwrap();
    let mut tests =
        TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let result = tests.run(&vec(any_quota(), 0..5), |quotas| {
        let mut prospect = Prospect { pages: pages.clone(), ..prospect.clone() };
        prospect.providers[0].quotas = quotas;
        let played = prospect.forecast(&runner, &Options::default().interrupt);
        prop_assert!(played.is_ok(), "{}", played.unwrap_err());
        Ok(())
    });
    result.unwrap();
}

#[test]
fn requests_and_tokens_of_a_minute_both_bind() {
    // Two requests in 20 s, and tokens for about one of them.
    let mut prospect = World::of(4).prospect(4, 100);
    let tokens = LearnedQuota { dimension: Dimension::Tokens, ..requests(10_000, 20) };
    let spans = [
        [requests(2, 20), tokens.clone()],
        [tokens.clone(), requests(2, 20)],
        // A window of its own length binds as well.
        [requests(100, 60), LearnedQuota { window_ms: 10_000, limit: 5_000, ..tokens.clone() }],
    ];
    let mut said = Vec::new();
    for quotas in spans {
        prospect.providers[0].quotas = quotas.to_vec();
        said.push(forecast(&prospect).makespan_ms.p50);
    }
    prospect.providers[0].quotas = vec![requests(2, 20)];
    let of_requests = forecast(&prospect).makespan_ms.p50;
    assert!(said[0].abs_diff(said[1]) <= said[0] / 20, "{said:?}");
    // The tokens bind more than the requests do.
    assert!(said.iter().all(|said| *said * 2 > of_requests * 3), "{said:?}, {of_requests}");
}

#[test]
fn of_many_pages_a_part_is_played_and_multiplied() {
    let mut sample = PageSample::of_at_most(10);
    for id in 0..85 {
        let (title, text) = (format!("Page {id}"), String::new());
        sample.push(Page { id: PageId(id), version: 1, title, text });
    }
    // Every sixteenth page of 85.
    assert_eq!(sample.len(), 6);
    // One window, which is free at first, is little among many.
    let world = World::of(11);
    let mut prospect = world.prospect(11, 100);
    let whole = forecast(&prospect);
    prospect.pages = PageSample::of_at_most(usize::try_from(world.pages).unwrap() - 1);
    for page in pages_of(&world, 11) {
        prospect.pages.push(page);
    }
    let half = forecast(&prospect);
    assert_eq!((whole.pages, half.pages), (world.pages, world.pages.div_ceil(2)));
    let is_near = |one: u64, two: u64| one.abs_diff(two) * 7 <= two;
    assert!(is_near(half.makespan_ms.p50, whole.makespan_ms.p50), "{half:?}, {whole:?}");
    let cost = |forecast: &Forecast| forecast.cost_usd_micros.unwrap().p50;
    assert!(is_near(cost(&half), cost(&whole)), "{half:?}, {whole:?}");
}

/// As many worlds as are asked for, each with 16 weathers.
#[expect(clippy::disallowed_methods, reason = "a longer test is asked for by whoever plays it")]
fn asked() -> Option<String> {
    std::env::var("TAGSPACE_FORECAST_WORLDS").ok()
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what it is asked for")]
fn what_is_said_before_is_what_the_job_takes() {
    let (worlds, weathers) = asked().map_or((10, 8), |worlds| (worlds.parse().unwrap(), 16));
    let checked: Vec<Checked> = (1..=worlds).map(|number| Checked::of(number, weathers)).collect();
    let (mut near, mut inside) = (0, 0);
    for (number, one) in (1_u64..).zip(&checked) {
        let Checked { said, took_ms, cost_usd_micros } = one;
        let off = percent_off(said.makespan_ms.p50, took_ms);
        let cost_off = percent_off(said.cost_usd_micros.unwrap().p50, cost_usd_micros);
        println!(
            "{number}: {:?}, found {} ms: {off} % off, {} inside, cost {cost_off} % off",
            said.makespan_ms,
            took_ms[took_ms.len() / 2],
            one.inside()
        );
        assert!(cost_off <= 2, "world {number}: {cost_off} % off");
        near += usize::from(off <= 5);
        inside += one.inside();
    }
    let all = checked.len() * usize::try_from(weathers).unwrap();
    println!("{near} of {worlds} within 5 %, {inside} of {all} jobs inside");
    assert!(near * 10 >= checked.len() * 7, "{near} of {worlds} within 5 %");
    assert!((75..=98).contains(&(inside * 100 / all)), "{inside} of {all} jobs inside");
}
