//! What a job is said to take before it begins, held against what it takes.

use std::path::Path;
use std::sync::Arc;

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

/// A quota of this many requests in each window.
fn requests(limit: u64, window_s: u64) -> LearnedQuota {
    LearnedQuota {
        dimension: Dimension::Requests,
        limit,
        window_ms: window_s * 1_000,
        unit_us: None,
        burst: None,
        begun_ms_ago: None,
        inferred: false,
        refused_count: false,
        stated_ms_ago: 0,
        taken: Vec::new(),
    }
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
        let world = &job.world;
        let space = Space::new(world.space.clone(), world.taxonomy.clone(), Vec::new(), world.seed);
        let mut pages = PageSample::default();
        for id in space.ids() {
            let page = space.page(id).unwrap();
            let limit = usize::try_from(job.runs[0].config.text_limit_chars).unwrap();
            let text = text::extract(&page.storage, limit);
            pages.push(Page { id: PageId(id), version: 1, title: page.title, text });
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
            start: world.start,
        }
    }
}

fn forecast(prospect: &Prospect) -> Forecast {
    let runner = Arc::new(TrialRunner::new(1).unwrap());
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

#[test]
fn what_is_said_before_is_what_the_job_takes() {
    // As many worlds as are asked for, each with 16 weathers.
    let asked = std::env::var("TAGSPACE_FORECAST_WORLDS").ok();
    let (worlds, weathers) = asked.map_or((10, 8), |worlds| (worlds.parse().unwrap(), 16));
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
