//! The bound of a run: what comes before the prompts, the prompts, and what comes after them.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::least::Draws;
use super::prompts::{Done, Prompts, least_time};
use super::starts;
use super::starts::Start;
use super::work::{Listed, Tags, Work};
use crate::fakes::calendar::Calendar;
use crate::fakes::content::space::Space;
use crate::fakes::latency::Latency;
use crate::fakes::llm::tokens::Tokenizer;
use crate::fakes::llm::{AiConfig, stream};
use crate::fakes::quota::{QuotaConfig, Window, WindowKind};
use crate::fakes::world_event::Service;
use crate::pipeline::config::Settings;
use crate::pipeline::taxonomy::Taxonomy;
use crate::pipeline::{prompt, text};
use crate::rng::{Seed, Stream};
use crate::sim::recorder::Log;
use crate::sim::scenario::Scenario;
use crate::units::{Ratio, float, whole};

/// The bound of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The fewest calls.
    pub calls: u64,
    /// The shortest makespan with the primary alone.
    pub makespan_ms: u64,
    /// The shortest makespan where the fallback may answer as well.
    pub any_ms: u64,
}

/// The bound of a run, if it was carried through; `before` are the logs of the runs that went
/// before it in the same world.
pub fn of(scenario: &Scenario, before: &[Log], log: &Log) -> Option<Bound> {
    let run = scenario.runs.iter().find(|run| run.name == log.run)?;
    let writers = MODELS.map(|service| Writing::of(scenario, &run.config, service));
    let work = Work::of(log, |page, tags| {
        writers.each_ref().map(|writing| writing.entry(page, tags.clone()))
    });
    if !work.completed {
        return None;
    }
    let earlier: Vec<Work> = before.iter().map(|log| Work::of(log, |_, _| [0; 2])).collect();
    let asked = Asked::of(scenario, &run.config, &earlier, &work);
    let world = RunWorld { scenario, settings: &run.config, earlier: &earlier, work: &work };
    let primary = world.model(&asked, Service::Gemini);
    let alone_ms = world.makespan_ms(&asked, std::slice::from_ref(&primary));
    let any_ms = if scenario.has_fallback {
        let both = [primary, world.model(&asked, Service::Openai)];
        world.makespan_ms(&asked, &both)
    } else {
        alone_ms
    };
    let calls = world.fewest_calls(&asked);
    Some(Bound { calls, makespan_ms: alone_ms.max(any_ms), any_ms })
}

/// The models, the primary first.
const MODELS: [Service; 2] = [Service::Gemini, Service::Openai];

/// A model's configuration and latency.
fn model_of(scenario: &Scenario, service: Service) -> &(AiConfig, Latency) {
    match service {
        Service::Openai => &scenario.world.openai,
        Service::Gemini | Service::Confluence => &scenario.world.gemini,
    }
}

/// A page that has to be asked about.
struct AskedPage {
    listed: Listed,
    /// What the models read of it, by model.
    read: [u64; 2],
}

/// The pages that have to be asked about: of those with the same text the first, and none that an
/// earlier run has an answer for.
struct Asked(Vec<AskedPage>);

impl Asked {
    fn of(scenario: &Scenario, settings: &Settings, earlier: &[Work], work: &Work) -> Self {
        let world = &scenario.world;
        let space = world.space.clone();
        let space = Space::new(space, world.taxonomy.clone(), world.documents.clone(), world.seed);
        let limit = usize::try_from(settings.text_limit_chars).unwrap_or(usize::MAX);
        let has_texts = needs_texts(scenario, settings);
        let text_of = |listed: &Listed| {
            let page = has_texts.then(|| space.page_at(listed.page.0, listed.version)).flatten();
            page.map(|page| text::extract(&page.storage, limit)).unwrap_or_default()
        };
        let mut known: BTreeSet<[u8; 16]> = BTreeSet::new();
        let mut is_new = |listed: &Listed, text: &str| {
            let own = format!("{} {}", listed.page, listed.version);
            let digest: [u8; 32] = Sha256::digest(if has_texts { text } else { &own }).into();
            known.insert(std::array::from_fn(|at| digest[at]))
        };
        for work in earlier {
            // What was asked about may have been answered, whatever became of its labels.
            let is_known = |one: &&Listed| {
                work.attempts.contains_key(&one.page) || work.answered.contains(&one.page)
            };
            for listed in work.pages.iter().filter(is_known) {
                is_new(listed, &text_of(listed));
            }
        }
        let tokenizers =
            MODELS.map(|service| Tokenizer::of(service, model_of(scenario, service).0.token_skew));
        let mut asked = Vec::new();
        for listed in work.pages.iter().filter(|one| !work.failed.contains(&one.page)) {
            let text = text_of(listed);
            if !is_new(listed, &text) {
                continue;
            }
            // A title may have been left out of the list.
            let line = prompt::line_of(listed.page);
            let read = tokenizers
                .each_ref()
                .map(|tokenizer| tokenizer.weight(&line) + tokenizer.weight(&text));
            asked.push(AskedPage { listed: *listed, read });
        }
        Self(asked)
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Whether anything depends on the texts of the pages: tokens that are counted or take time, or that
/// two of them may be the same.
fn needs_texts(scenario: &Scenario, settings: &Settings) -> bool {
    let world = &scenario.world;
    let counts = |(ai, latency): &(AiConfig, Latency)| {
        let is_counted = ai.quota.as_ref().is_some_and(|quota| quota.tokens.is_some());
        is_counted || latency.ms_per_input_token() > 0.0
    };
    let space = &world.space;
    // A text of a few words may come twice by chance.
    let shortest = float(space.chars.median.get()) * libm::exp(-4.0 * space.chars.sigma.get());
    // Of code a quarter of the characters is sent.
    let shortest = shortest.min(float(settings.text_limit_chars) / 4.0);
    let may_repeat = space.duplicate_ratio.get() > 0.0 || space.dir.is_some() || shortest < 40.0;
    may_repeat || counts(&world.gemini) || (scenario.has_fallback && counts(&world.openai))
}

/// A model with the prompts that it may be sent.
struct Model {
    quota: Option<QuotaConfig>,
    prompts: Prompts,
    /// What each page adds to a prompt, in the order of the list.
    costs_us: Vec<u64>,
    /// The input tokens of all pages, in as few prompts as may be.
    tokens: u64,
}

/// The world of a run, and what the run and those before it have to do in it.
struct RunWorld<'a> {
    scenario: &'a Scenario,
    settings: &'a Settings,
    earlier: &'a [Work],
    work: &'a Work,
}

impl RunWorld<'_> {
    fn fewest_calls(&self, asked: &Asked) -> u64 {
        asked.len().div_ceil(self.settings.widest_prompt())
    }

    fn model(&self, asked: &Asked, service: Service) -> Model {
        let (config, latency) = model_of(self.scenario, service);
        let at = usize::from(service == Service::Openai);
        let refuses = config.quota.is_some()
            || config.error_429_ratio.get() > 0.0
            || !config.fault.is_empty()
            || !config.spell.is_empty();
        let (seed, stream) = (self.scenario.world.weather_seed(), stream(service));
        let draws = Draws { latency, seed, stream, refuses };
        let tokenizer = Tokenizer::of(service, config.token_skew);
        // A token weighs a thousand; a weight of a million million has no share of a token left.
        let us_of_weight = |ms_per_token: f64| {
            ms_per_token * float(tokenizer.count_weight(1_000_000_000_000)) / 1e9
        };
        let input = us_of_weight(latency.ms_per_input_token());
        let output = us_of_weight(latency.ms_per_output_token());
        let us = |read: u64, written: u64| {
            whole(libm::floor(input * float(read) + output * float(written)))
        };
        let cost = |page: &AskedPage| {
            let entry = self.work.entries.get(&page.listed.page.0);
            us(page.read[at], entry.map_or(0, |entry| entry[at]))
        };
        let costs_us: Vec<u64> = asked.0.iter().map(cost).collect();
        let taxonomy = Taxonomy::new(self.scenario.world.taxonomy.clone());
        let instructions = tokenizer.weight(&prompt::render(&taxonomy, &[]));
        let fixed_us = us(instructions, tokenizer.weight("{\"pages\":[{\""));
        // A prompt may hold pages besides that need no answer: any page may lead it.
        let pages =
            self.work.pages.iter().filter(|listed| !self.work.failed.contains(&listed.page));
        let leaders =
            pages.flat_map(|listed| draws.least_us(listed.page.0, self.attempts_before(*listed)));
        let widest = self.settings.widest_prompt();
        let prompts = Prompts::new(leaders.collect(), fixed_us, &costs_us, widest);
        let instructions = instructions.saturating_mul(self.fewest_calls(asked));
        let weight = asked.0.iter().map(|page| page.read[at]);
        let weight = weight.fold(instructions, u64::saturating_add);
        let mut quota = config.quota.clone();
        if service == Service::Openai {
            // What is used of its day comes back evenly, sooner than the day ends.
            quota = quota.map(|quota| QuotaConfig { per_day: None, ..quota });
        }
        Model { quota, prompts, costs_us, tokens: tokenizer.count_weight(weight) }
    }

    /// How often earlier runs asked about a page.
    fn attempts_before(&self, listed: Listed) -> u64 {
        let all = self.earlier.iter().filter_map(|work| work.attempts.get(&listed.page));
        all.sum()
    }

    fn makespan_ms(&self, asked: &Asked, models: &[Model]) -> u64 {
        let labels = self.labels();
        let least_label = labels.iter().map(|(_, ms)| *ms).min().unwrap_or(0);
        let answered = self.answered_ms(asked, models, &labels);
        let cached = self.cached_ms(asked, &labels);
        let first = models.iter().map(|model| model.prompts.shortest_ms()).min().unwrap_or(0);
        let written = self.written_ms(asked, &labels, first).saturating_add(least_label);
        let written = if labels.is_empty() { 0 } else { written };
        self.work.list_ends_ms().max(answered).max(cached).max(written)
    }

    /// Whether faults or bad spells strike Confluence.
    fn has_trouble(&self) -> bool {
        let config = &self.scenario.world.confluence.0;
        !config.fault.is_empty() || !config.spell.is_empty()
    }

    /// The pages to which labels have to be added, each with the least time that takes.
    fn labels(&self) -> Vec<(u64, u64)> {
        let world = &self.scenario.world;
        let (config, latency) = &world.confluence;
        let refuses = config.rate_limit.is_some() || self.has_trouble();
        let stream = "confluence POST";
        let draws = Draws { latency, seed: world.weather_seed(), stream, refuses };
        let before = |page| {
            let labelled = |work: &Work| {
                u64::from(work.labelled.contains(page)).saturating_add(work.failed_labels)
            };
            self.earlier.iter().map(labelled).sum()
        };
        let pages = self.work.labelled.iter();
        // A broken answer comes as soon as a refusal, and the labels may be there all the same.
        let most_ms = if self.has_trouble() { latency.refusal_ms() } else { u64::MAX };
        pages
            .map(|page| {
                let drawn_ms = draws.least_us(page.0, before(page))[0].div_ceil(1000);
                (page.0, drawn_ms.min(most_ms))
            })
            .collect()
    }

    /// When the last page can be answered and labelled.
    fn answered_ms(&self, asked: &Asked, models: &[Model], labels: &[(u64, u64)]) -> u64 {
        if asked.0.is_empty() {
            return 0;
        }
        // What each page costs with the cheapest model, when it can have come, and its label.
        let label_ms = |page: u64| {
            labels.binary_search_by_key(&page, |(page, _)| *page).map_or(0, |at| labels[at].1)
        };
        let mut pages: Vec<(u64, u64, u64)> = (0..)
            .zip(&asked.0)
            .map(|(at, page): (usize, _)| {
                let costs = models.iter().filter_map(|model| model.costs_us.get(at).copied());
                let label = label_ms(page.listed.page.0);
                (page.listed.at_ms, label, costs.min().unwrap_or(0))
            })
            .collect();
        let least_label = pages.iter().map(|(_, label, _)| *label).min().unwrap_or(0);
        let mut end = 0;
        // Those that come late have to be asked about after that.
        for at_ms in self.pieces(models) {
            let late = pages.iter().filter(|(at, _, _)| *at >= at_ms);
            let (count, work_us) = late.fold((0, 0_u64), |(count, sum), (_, _, cost)| {
                (count + 1, sum.saturating_add(*cost))
            });
            let answered = self.least_end_ms(models, at_ms, count, work_us, asked);
            end = end.max(answered.saturating_add(least_label));
        }
        // Those whose labels take long have to be answered sooner.
        pages.sort_unstable_by_key(|(_, label, _)| std::cmp::Reverse(*label));
        let first_ms = pages.iter().map(|(at, _, _)| *at).min().unwrap_or(0);
        for share in [1, 3, 10, 25, 50] {
            let count = (pages.len() * share).div_ceil(100);
            let slow = &pages[..count];
            let work_us = slow.iter().fold(0_u64, |sum, (_, _, cost)| sum.saturating_add(*cost));
            let label = slow.last().map_or(0, |(_, label, _)| *label);
            let answered = self.least_end_ms(models, first_ms, count as u64, work_us, asked);
            end = end.max(answered.saturating_add(label));
        }
        end
    }

    /// Times at which pieces of the list come, from the first to the last.
    fn pieces(&self, models: &[Model]) -> Vec<u64> {
        let times: Vec<u64> = self.work.listed.iter().map(|(at, _)| *at).collect();
        // Where a quota counts calls, each time is as much work again.
        let most = if models.iter().any(|model| model.quota.is_some()) { 3 } else { 16 };
        let last = times.len().saturating_sub(1);
        let places: BTreeSet<usize> = (0..=most).map(|nth| last * nth / most).collect();
        places.into_iter().filter_map(|at| times.get(at).copied()).collect()
    }

    /// The earliest time at which `count` pages can be answered that come from `at_ms` on.
    fn least_end_ms(
        &self,
        models: &[Model],
        at_ms: u64,
        count: u64,
        work_us: u64,
        asked: &Asked,
    ) -> u64 {
        let calendar = Calendar::new(self.scenario.world.start);
        let started_ms = self.work.started_ms;
        let first = started_ms.saturating_add(at_ms);
        let starts: Vec<Vec<Start>> = models
            .iter()
            .map(|model| {
                let quota = model.quota.as_ref();
                let mut starts = starts::starts(quota, &calendar, first, count);
                for start in &mut starts {
                    start.at_ms = start.at_ms.saturating_sub(started_ms);
                }
                starts
            })
            .collect();
        let holds = |end_ms: u64| {
            let all = models.iter().zip(&starts);
            let done = all.map(|(model, starts)| model.prompts.done_by(starts, end_ms));
            done.fold(Done::default(), Done::and).covers(count, work_us)
        };
        let end = least_time(at_ms, holds);
        let [model] = models else { return end };
        // All tokens are given out before the last prompt starts.
        let is_all = count == asked.len();
        let quota = model.quota.as_ref().filter(|_| is_all);
        let last = quota.map(|quota| starts::last_token(quota, first, model.tokens));
        let last = last.map(|at| at.saturating_sub(started_ms) + model.prompts.shortest_ms());
        end.max(last.unwrap_or(0))
    }

    /// When the last page can be labelled that needs no answer.
    fn cached_ms(&self, asked: &Asked, labels: &[(u64, u64)]) -> u64 {
        let asked: BTreeSet<u64> = asked.0.iter().map(|page| page.listed.page.0).collect();
        let of = |listed: &Listed| {
            let at = labels.binary_search_by_key(&listed.page.0, |(page, _)| *page).ok()?;
            Some(listed.at_ms.saturating_add(labels[at].1))
        };
        let pages = self.work.pages.iter().filter(|listed| !asked.contains(&listed.page.0));
        pages.filter_map(of).max().unwrap_or(0)
    }

    /// When the site can have taken the last call that adds labels; `first_ms` is the shortest prompt.
    fn written_ms(&self, asked: &Asked, labels: &[(u64, u64)], first_ms: u64) -> u64 {
        // A broken answer takes nothing of the limit.
        let limit = self.scenario.world.confluence.0.rate_limit.as_ref();
        let Some(limit) = limit.filter(|_| !self.has_trouble()) else { return 0 };
        let started_ms = self.work.started_ms;
        let (requests, per_ms) = (limit.requests.get(), limit.per_s.get() * 1000);
        let last = |first: u64, calls: u64| {
            let window = Window::new(WindowKind::Sliding, requests, requests, per_ms);
            starts::admitted(window, first, calls).last().map_or(0, |at| at - started_ms)
        };
        let labels = labels.len() as u64;
        let listed = self.work.listed.first().map_or(0, |(at, _)| *at);
        let is_all_asked = asked.0.len() == self.work.pages.len();
        let from = listed.saturating_add(if is_all_asked { first_ms } else { 0 });
        let in_all = last(started_ms, self.work.list_calls + labels);
        in_all.max(last(started_ms.saturating_add(from), labels))
    }
}

/// The least that a model writes about pages.
struct Writing<'a> {
    tokenizer: Tokenizer,
    seed: Seed,
    stream: &'a str,
    /// The largest share of answers that lack one of a page's tags.
    miss_tag: Ratio,
}

/// A page is rarely answered more often than this, and each time one tag may be missing.
const ANSWERS: u64 = 4;

impl<'a> Writing<'a> {
    fn of(scenario: &'a Scenario, settings: &Settings, service: Service) -> Self {
        let (config, _) = model_of(scenario, service);
        let extra = float(settings.widest_prompt().saturating_sub(1));
        let share = config.answer.tag_miss_ratio_per_extra_page.get() * extra;
        Self {
            tokenizer: Tokenizer::of(service, config.token_skew),
            seed: scenario.world.weather_seed(),
            stream: stream(service),
            miss_tag: Ratio::new(share.min(1.0)).unwrap_or(Ratio::ZERO),
        }
    }

    /// The weight of a page's entry in an answer, without the signs before it, which go with those of
    /// the entry before.
    fn entry(&self, page: u64, mut tags: Tags) -> u64 {
        let missed = Stream::named(self.stream).then(" missed tag");
        let lacks = |nth| self.seed.draw_of(missed, page, nth).happens(self.miss_tag);
        if (0..ANSWERS).any(lacks)
            && let Some(list) = tags.values_mut().rev().find(|list| !list.is_empty())
        {
            list.pop();
        }
        let entry = serde_json::json!({"id": page.to_string(), "tags": tags}).to_string();
        self.tokenizer.weight(entry.get(2..).unwrap_or_default())
    }
}
