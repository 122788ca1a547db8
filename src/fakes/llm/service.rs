//! A model's service: faults, quota, model and latency, in that order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::call::{Asked, Decision, Outcome, Scene};
use super::config::AiConfig;
use super::identity::{identity, ids, stream};
use super::quota_headers::with_headers;
use super::shared_quota::{Meter, Visits};
use crate::fakes::Reply;
use crate::fakes::attempts::Attempts;
use crate::fakes::content::handed::Found;
use crate::fakes::fault::{Call, Fault, Kind};
use crate::fakes::latency::{Latency, Load};
use crate::fakes::llm::completion::Writer;
use crate::fakes::llm::model;
use crate::fakes::llm::model::{Matcher, Question};
use crate::fakes::llm::tokens::Tokenizer;
use crate::fakes::observation::{Prompt, Use};
use crate::fakes::quota::{Dimension, Hint, Quota, Refusal, Remaining};
use crate::fakes::trouble::Troubles;
use crate::fakes::world_event::{Service, WorldEvent};
use crate::price;
use crate::rng::{Draw, Seed};
use crate::units::Ratio;

/// The state of an AI service.
#[derive(Debug)]
pub struct LlmService {
    service: Service,
    pub(super) config: AiConfig,
    latency: Latency,
    troubles: Troubles,
    quotas: BTreeMap<String, Meter>,
    pub(super) writer: Writer,
    pub(super) tokenizer: Tokenizer,
    /// The tags that it looks for where a prompt has no taxonomy in our form.
    pub(super) usual: Vec<(String, Vec<String>)>,
    seed: Seed,
    calls: u64,
    requests: u64,
    asked: Attempts,
    in_service_until: BinaryHeap<Reverse<u64>>,
    pub(super) matcher: Option<(String, Matcher)>,
    /// How many times as fast as its clients this world runs.
    speed: u64,
}

impl LlmService {
    /// A service that nobody has called yet.
    pub fn new(
        service: Service,
        (config, latency): (AiConfig, Latency),
        usual: Vec<(String, Vec<String>)>,
        seed: Seed,
    ) -> Self {
        let stream = stream(service);
        Self {
            service,
            latency,
            troubles: Troubles::new(&config.fault, &config.spell, seed, stream),
            quotas: BTreeMap::new(),
            usual,
            tokenizer: Tokenizer::of(service, config.token_skew),
            writer: Writer::new(config.answer.clone(), seed, stream),
            seed,
            calls: 0,
            requests: 0,
            asked: Attempts::new(),
            in_service_until: BinaryHeap::new(),
            matcher: None,
            speed: 1,
            config,
        }
    }

    /// Runs this many times as fast as its clients: the waits that it names become shorter.
    pub fn set_speed(&mut self, speed: u64) {
        self.speed = speed.max(1);
    }

    /// How many times as fast as its clients it runs.
    pub fn speed(&self) -> u64 {
        self.speed
    }

    /// The models that it has, the one under test first.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let own = match self.service {
            Service::Openai => "gpt-",
            Service::Gemini | Service::Confluence => "gemini-",
        };
        let listed = self.config.models.iter().flatten().map(String::as_str);
        let priced = price::models().filter(move |model| model.starts_with(own));
        let priced = priced.filter(|_| self.config.models.is_none());
        let tested = self.config.model.as_str();
        let others = listed.chain(priced.map(|model| -> &str { model }));
        std::iter::once(tested).chain(others.filter(move |model| *model != tested))
    }

    /// Whether it takes a key; none that is empty.
    pub fn takes(&self, key: &str) -> bool {
        let known = self.config.keys.as_ref();
        !key.is_empty() && known.is_none_or(|keys| keys.iter().any(|known| known == key))
    }

    /// What is left of the quota of a model, for headers; waits are as its clients count them.
    /// `OpenAI` has such headers unless a scenario hides them, Gemini where a scenario asks for them.
    fn left(&mut self, model: &str, now_ms: u64) -> Vec<(&'static str, Remaining)> {
        let hint = self.config.quota.as_ref().map(|quota| quota.hint);
        let is_told = match self.service {
            Service::Openai => hint != Some(Hint::TimeOnly),
            Service::Gemini | Service::Confluence => hint == Some(Hint::Remaining),
        };
        if !is_told {
            return Vec::new();
        }
        let mut left = self.quotas.get_mut(model).map_or(Vec::new(), |quota| quota.left(now_ms));
        for (_, left) in &mut left {
            left.reset_ms = left.reset_ms.div_ceil(self.speed);
        }
        left
    }

    /// The reply with headers that say what is left of the quota of a model, where it tells.
    pub fn with_left(&mut self, reply: Reply, model: &str, now_ms: u64) -> Reply {
        let left = self.left(model, now_ms);
        with_headers(reply, &left)
    }

    /// A number for one more request, of whatever kind.
    pub fn number_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// What counts its tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Its configuration.
    pub fn config(&self) -> &AiConfig {
        &self.config
    }

    /// Decides what comes of a call, and records what only the service knows of it.
    pub fn decide(&mut self, now_ms: u64, asked: Asked<'_>, scene: &mut Scene<'_>) -> Outcome {
        let mut question = model::read(asked.prompt);
        let found = scene.pages_in(asked.prompt, &question);
        self.see(&mut question, &found);
        let records = &mut *scene.records;
        let identity = identity(&question, asked.prompt);
        let attempt = self.asked.count(identity);
        let ids: Vec<u64> = ids(&question).collect();
        let (before, pages) = (self.calls, ids.as_slice());
        let call = Call { now_ms, before, identity, attempt, pages, operation: None };
        self.calls += 1;

        let input_tokens = self.tokenizer.count(asked.prompt);
        let pages = question.pages.len() as u64;
        let (service, stream) = (self.service, stream(self.service));
        let fired = |fault: String| WorldEvent::FaultFired { service, fault };
        let draw = |what: &str| self.seed.draw(&format!("{stream} {what}"), identity, attempt);
        let seen = Prompt::refused(service, asked.model, identity, pages);
        // First what strikes a call whatever it asks, then the quota, then what goes wrong with the
        // answer: a fault fires only where there is something for it to spoil.
        let (mut spoiled, mut slow) = (None, None);
        if let Some((name, fault)) = self.troubles.strike(call) {
            match (self.decision_of(fault), fault) {
                (Some(decision), _) => {
                    records.push(fired(name));
                    return self.quickly(decision, input_tokens, seen);
                }
                (None, Fault::Slow(slowness)) => slow = Some((name, slowness)),
                (None, Fault::Kind(kind)) => spoiled = Some((name, kind)),
                (None, Fault::Status(..)) => {}
            }
        }
        if draw("random 429").happens(self.config.error_429_ratio) {
            records.push(fired("error_429_ratio".to_owned()));
            return self.quickly(Decision::Random429, input_tokens, seen);
        }
        let spoiled = spoiled.or_else(|| self.spoiled_by_chance(draw));
        let luck = draw("looseness");
        if let Some(decision) = self.over_quota(now_ms, asked, input_tokens, luck, scene) {
            return self.quickly(decision, input_tokens, seen);
        }
        let records = &mut *scene.records;
        records.extend(spoiled.iter().map(|(name, _)| fired(name.clone())));
        if self.reads_taxonomy_as_page(&question) {
            records.push(WorldEvent::TaxonomyInPage { service });
        }
        let kind = spoiled.map(|(_, kind)| kind);
        let Some(written) = self.answer(&question, kind, asked, identity) else {
            return self.quickly(Decision::Status(400, None), input_tokens, seen);
        };
        let output_tokens = written.output_tokens.saturating_add(written.thought_tokens);
        let (slow, slowness) = slow.unzip();
        let slowness = slowness.unwrap_or_default();
        let load = Load { input_tokens, output_tokens, slowness, ..Load::default() };
        let (latency_ms, (input_ms, output_ms)) = self.serve(now_ms, (identity, attempt), load);
        records.push(WorldEvent::Billed {
            service,
            model: asked.model.to_owned(),
            input_tokens,
            output_tokens,
            later: false,
            input_ms,
            output_ms,
        });
        records.extend(slow.map(fired));
        Outcome {
            latency_ms,
            input_tokens,
            output_tokens,
            thought_tokens: written.thought_tokens,
            serial: self.calls,
            about: Prompt { use_of: written.use_of, input_tokens, output_tokens, ..seen },
            decision: written.decision,
        }
    }

    /// What goes wrong with an answer by chance, if something does.
    fn spoiled_by_chance(&self, draw: impl Fn(&str) -> Draw) -> Option<(String, Kind)> {
        let answer = self.writer.config();
        let chances = [
            ("blocked", answer.blocked_ratio, Kind::Blocked),
            ("malformed", answer.malformed_ratio, Kind::Malformed),
        ];
        let strikes = |(name, ratio, _): &(&str, Ratio, Kind)| draw(name).happens(*ratio);
        let (name, _, kind) = chances.into_iter().find(strikes)?;
        Some((format!("{name}_ratio"), kind))
    }

    /// The refusal of a call that the quota does not take.
    fn over_quota(
        &mut self,
        now_ms: u64,
        asked: Asked<'_>,
        input_tokens: u64,
        luck: Draw,
        scene: &mut Scene<'_>,
    ) -> Option<Decision> {
        let service = self.service;
        // OpenAI charges what a call may take at most, as far as it knows that beforehand.
        let charged = match service {
            Service::Openai => input_tokens.max(asked.max_output_tokens.unwrap_or(0)),
            Service::Gemini | Service::Confluence => input_tokens,
        };
        let refusals = self.refusals(now_ms, asked.model, charged, luck, scene);
        let refusal = *refusals.first()?;
        let Refusal { dimension, used, limit, per_s, retry_ms } = refusal;
        let quota = dimension.name().to_owned();
        let model = (asked.model != self.config.model).then(|| asked.model.to_owned());
        scene.records.push(WorldEvent::QuotaRefused {
            service,
            model,
            quota,
            used,
            limit,
            per_s,
            retry_ms,
        });
        let told_ms = match service {
            Service::Gemini => refusal.told_by_gemini_ms(),
            Service::Openai | Service::Confluence => retry_ms,
        };
        Some(Decision::Refused(refusals, told_ms.div_ceil(self.speed)))
    }

    /// Serves a call beside the others. Gives how long that takes, and how long of it reading and
    /// writing do.
    fn serve(
        &mut self,
        now_ms: u64,
        (identity, attempt): (u64, u64),
        load: Load,
    ) -> (u64, (u64, u64)) {
        while self.in_service_until.peek().is_some_and(|until| until.0 <= now_ms) {
            self.in_service_until.pop();
        }
        let load = Load { others: self.in_service_until.len() as u64, ..load };
        let stream = stream(self.service);
        let latency_ms = self.latency.draw(self.seed, stream, identity, attempt, load);
        self.in_service_until.push(Reverse(now_ms.saturating_add(latency_ms)));
        (latency_ms, self.latency.reading_and_writing(load, latency_ms))
    }

    /// Takes what stands in a prompt of the pages that were given out for its pages. Lines that look like
    /// a taxonomy are one if they name a tag that the pages are known to have.
    fn see<'a>(&self, question: &mut Question<'a>, found: &'a [Found]) {
        if found.is_empty() {
            return;
        }
        let is_usual =
            |tag: &&str| self.usual.iter().any(|(_, tags)| tags.iter().any(|t| t == tag));
        if !question.taxonomy.iter().flat_map(|(_, tags)| tags).any(is_usual) {
            question.taxonomy.clear();
        }
        let is_alone = found.len() == 1;
        let pages = found.iter();
        let pages = pages
            .map(|Found { id, text }| (Some(id.as_str()).filter(|_| !is_alone), text.as_str()));
        question.pages = pages.collect();
    }

    /// What comes of a call that a fault strikes, unless the fault only changes the answer.
    fn decision_of(&self, fault: Fault) -> Option<Decision> {
        Some(match fault {
            Fault::Status(status, retry) => {
                Decision::Status(status, retry.map(|s| s.div_ceil(self.speed)))
            }
            Fault::Kind(Kind::Reset) => Decision::Reset,
            Fault::Kind(Kind::Timeout) => Decision::Hang,
            Fault::Kind(Kind::InvalidPrompt) => Decision::InvalidPrompt,
            Fault::Kind(Kind::InsufficientQuota) => Decision::Unpaid,
            Fault::Kind(Kind::Billing) => Decision::Inactive,
            Fault::Kind(_) | Fault::Slow(_) => return None,
        })
    }

    /// Whether a prompt lists its tags in a form that the model does not know, where it looks for the
    /// page.
    fn reads_taxonomy_as_page(&self, question: &Question<'_>) -> bool {
        let [(None, text)] = question.pages.as_slice() else { return false };
        let usual = self.usual.iter().map(|(name, tags)| (name.as_str(), tags.as_slice()));
        question.taxonomy.is_empty()
            && Matcher::new(usual).is_some_and(|matcher| matcher.is_named_in(text))
    }

    /// Answers outside of the quota of single calls and without their faults, as batch jobs are.
    pub fn answer_later(&mut self, asked: Asked<'_>, scene: &mut Scene<'_>) -> Outcome {
        let mut question = model::read(asked.prompt);
        let found = scene.pages_in(asked.prompt, &question);
        self.see(&mut question, &found);
        let identity = identity(&question, asked.prompt);
        let pages = question.pages.len() as u64;
        let seen = Prompt::refused(self.service, asked.model, identity, pages);
        self.calls += 1;
        let input_tokens = self.tokenizer.count(asked.prompt);
        let Some(written) = self.answer(&question, None, asked, identity) else {
            return self.quickly(Decision::Status(400, None), input_tokens, seen);
        };
        let output_tokens = written.output_tokens.saturating_add(written.thought_tokens);
        let (service, model) = (self.service, asked.model.to_owned());
        let later = true;
        scene.records.push(WorldEvent::Billed {
            service,
            model,
            input_tokens,
            output_tokens,
            later,
            input_ms: 0,
            output_ms: 0,
        });
        Outcome {
            latency_ms: 0,
            input_tokens,
            output_tokens,
            thought_tokens: written.thought_tokens,
            serial: self.calls,
            about: seen,
            decision: written.decision,
        }
    }

    /// Why the quota of a model does not take a call now, if it does not.
    fn refusals(
        &mut self,
        now_ms: u64,
        model: &str,
        tokens: u64,
        luck: Draw,
        scene: &mut Scene<'_>,
    ) -> Vec<Refusal> {
        let Some(config) = &self.config.quota else { return Vec::new() };
        let is_tested = model == self.config.model;
        let neighbours = if is_tested { self.config.neighbour.as_slice() } else { &[] };
        let meter = self.quotas.entry(model.to_owned());
        let is_even = self.service == Service::Openai;
        let meter = meter.or_insert_with(|| {
            let quota = Quota::new(config);
            let quota = if is_even { quota.with_even_days() } else { quota };
            Meter::new(quota, config, neighbours)
        });
        let Visits { admitted, refused } = meter.visit(now_ms, scene.calendar);
        if admitted > 0 || refused > 0 {
            scene.records.push(WorldEvent::Neighbour { service: self.service, admitted, refused });
        }
        meter.admit(now_ms, tokens, scene.calendar, luck).err().unwrap_or_default()
    }

    fn quickly(&self, decision: Decision, input_tokens: u64, seen: Prompt) -> Outcome {
        let hinted = self.config.quota.as_ref().is_some_and(|quota| quota.hint != Hint::None);
        let (use_of, hint_ms) = match &decision {
            // Gemini names whole seconds beside the exact time: to wait for them is not too early.
            Decision::Refused(refusals, told_ms) => {
                let of_day = refusals.iter().any(|refusal| refusal.dimension.is_of_day());
                let use_of = if of_day { Use::Exhausted } else { Use::Nothing };
                let told_ms = match self.service {
                    Service::Gemini if self.speed == 1 => told_ms / 1000 * 1000,
                    _ => *told_ms,
                };
                (use_of, hinted.then_some(told_ms.saturating_mul(self.speed)))
            }
            Decision::Status(_, retry_s) => {
                (Use::Nothing, retry_s.map(|seconds| seconds * 1000 * self.speed))
            }
            Decision::Unpaid | Decision::Inactive => (Use::Exhausted, None),
            Decision::InvalidPrompt => (Use::Blocked, None),
            _ => (Use::Nothing, None),
        };
        Outcome {
            decision,
            latency_ms: self.latency.refusal_ms(),
            input_tokens,
            output_tokens: 0,
            thought_tokens: 0,
            serial: self.calls,
            about: Prompt { use_of, hint_ms, ..seen },
        }
    }
}

impl Refusal {
    /// What a Gemini refusal tells in `retryDelay`: a day's quota names a short wait too.
    fn told_by_gemini_ms(&self) -> u64 {
        const SEEN_WITH_DAY_QUOTA_MS: u64 = 35_174;
        match self.dimension {
            Dimension::Day | Dimension::DayTokens => self.retry_ms.min(SEEN_WITH_DAY_QUOTA_MS),
            Dimension::Requests | Dimension::Tokens => self.retry_ms,
        }
    }
}
