//! The whole world of a run: the space and the three services around it.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use crate::fakes::calendar::Calendar;
use crate::fakes::confluence::{Confluence, ConfluenceConfig};
use crate::fakes::content::documents::Source;
use crate::fakes::content::handed::Handed;
use crate::fakes::content::space::{Space, SpaceConfig};
use crate::fakes::gemini::Gemini;
use crate::fakes::latency::Latency;
use crate::fakes::llm::model::Matcher;
use crate::fakes::llm::{AiConfig, LlmService, Scene};
use crate::fakes::observation::{Observation, Prompt};
use crate::fakes::world_event::{Service, WorldEvent};
use crate::fakes::{Reply, confluence, gemini, hosts, openai};
use crate::rng::Seed;
use crate::units::Ratio;

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// The seed of everything that happens in it.
    pub seed: Seed,
    /// Another weather than the seed's own.
    pub weather: Option<u64>,
    /// The moment of virtual zero.
    pub start: Timestamp,
    /// The tags that topics are planted from, by category.
    pub taxonomy: Vec<(String, Vec<String>)>,
    /// The space.
    pub space: SpaceConfig,
    /// Its pages, unless they are generated.
    pub documents: Vec<Source>,
    /// Confluence and how long it takes.
    pub confluence: (ConfluenceConfig, Latency),
    /// Gemini and how long it takes.
    pub gemini: (AiConfig, Latency),
    /// `OpenAI` and how long it takes.
    pub openai: (AiConfig, Latency),
}

/// The world in its current state.
#[derive(Debug)]
pub struct World {
    calendar: Calendar,
    space: Space,
    confluence: Confluence,
    gemini: Gemini,
    openai: LlmService,
    /// The pages that were given out.
    handed: Handed,
    records: Vec<WorldEvent>,
}

impl WorldConfig {
    /// The seed of what the services do; the pages have another.
    pub fn weather_seed(&self) -> Seed {
        self.weather.map_or(self.seed, |which| self.seed.apart("weather", which))
    }
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(config: WorldConfig) -> Self {
        let weather = config.weather_seed();
        let WorldConfig { seed, start, taxonomy, space, documents, .. } = config;
        let WorldConfig { confluence, gemini, openai, .. } = config;
        let matcher =
            Matcher::new(taxonomy.iter().map(|(name, tags)| (name.as_str(), tags.as_slice())));
        Self {
            calendar: Calendar::new(start),
            space: Space::new(space, taxonomy.clone(), documents, seed),
            confluence: Confluence::new(confluence.0, confluence.1, matcher, weather),
            gemini: Gemini::new(LlmService::new(
                Service::Gemini,
                gemini,
                taxonomy.clone(),
                weather,
            )),
            openai: LlmService::new(Service::Openai, openai, taxonomy, weather),
            handed: Handed::default(),
            records: Vec::new(),
        }
    }

    /// A new run begins: pages change, the space may grow or shrink, and a page's true tags are
    /// those of this many characters.
    pub fn begin_run(&mut self, run: u64, changed: Ratio, pages: Option<u64>, truth_chars: u64) {
        self.space.edit(run, changed);
        if let Some(pages) = pages {
            self.space.resize(pages);
        }
        self.confluence.set_truth_chars(usize::try_from(truth_chars).unwrap_or(usize::MAX));
    }

    /// Answers a request at this virtual time. Unknown hosts do not resolve.
    pub fn reply(&mut self, now_ms: u64, host: &str, request: &Request<Bytes>) -> Option<Reply> {
        let (calendar, records) = (&self.calendar, &mut self.records);
        let reply = if host == hosts::CONFLUENCE {
            let known = records.len();
            let reply = self.confluence.reply(now_ms, request, (&self.space, calendar), records);
            for record in &records[known..] {
                if let WorldEvent::PageTruth { page, .. } = record {
                    self.handed.note(*page);
                }
            }
            reply
        } else {
            let (space, handed) = (&self.space, &mut self.handed);
            let mut scene = Scene { calendar, space, handed, records };
            match host {
                hosts::GEMINI => self.gemini.reply(now_ms, request, &mut scene),
                hosts::OPENAI => openai::reply(&mut self.openai, now_ms, request, &mut scene),
                _ => return None,
            }
        };
        // What a header says of a moment is read against the server's own clock.
        let sent = calendar.shown(now_ms.saturating_add(reply.latency_ms));
        let date = sent.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Some(reply.with_header("date", &date))
    }

    /// Tells what requests are about.
    pub fn watch(&mut self) {
        self.confluence.watch();
    }

    /// Stands on real ports: Confluence at this origin, and all of it `speed` times as fast as its
    /// clients.
    pub fn stand_at(&mut self, confluence: &str, speed: u64) {
        self.calendar.set_speed(speed);
        self.confluence.stand_at(confluence, speed);
        self.gemini.ai_mut().set_speed(speed);
        self.openai.set_speed(speed);
    }

    /// What the fakes recorded since this was last asked.
    pub fn take_records(&mut self) -> Vec<WorldEvent> {
        std::mem::take(&mut self.records)
    }

    /// The space.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The site.
    pub fn confluence(&self) -> &Confluence {
        &self.confluence
    }
}

/// The largest body that a service reads, in bytes.
pub fn body_limit(host: &str) -> usize {
    match host {
        hosts::CONFLUENCE => confluence::BODY_LIMIT,
        hosts::GEMINI => gemini::BODY_LIMIT,
        _ => openai::BODY_LIMIT,
    }
}

/// What a service says to a larger one.
pub fn too_large(host: &str) -> Reply {
    let prompt = |service| Observation::Prompt(Prompt::refused(service, "", 0, 0));
    match host {
        hosts::CONFLUENCE => confluence::too_large(),
        hosts::GEMINI => gemini::too_large().on(prompt(Service::Gemini)),
        _ => openai::too_large().on(prompt(Service::Openai)),
    }
}
