//! What Gemini and OpenAI have in common: faults, quota, model, latency, in that order. Their wire
//! formats are in rooms of their own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::answer::{AnswerConfig, Writer, tokens};
use crate::fakes::calendar::Calendar;
use crate::fakes::fault::{self, Call, Fault, FaultRule, Kind};
use crate::fakes::latency::{Latency, LatencyFile, Load};
use crate::fakes::model::{self, Matcher};
use crate::fakes::quota::{Dimension, Quota, QuotaConfig, Refusal};
use crate::fakes::record::{Record, Service};
use crate::rng::Seed;
use crate::units::{Ratio, UsdPerMillion};

/// What a million tokens cost, where a scenario states it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFile {
    /// For a million input tokens.
    pub input_usd: UsdPerMillion,
    /// For a million output tokens.
    pub output_usd: UsdPerMillion,
}

/// The `[gemini]` or `[openai]` table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AiConfig {
    /// The model that is asked. Models retire, so it is data.
    pub model: String,
    /// How long a call takes (default: 800 ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyFile>,
    /// How many calls and tokens it takes (default: any number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaConfig>,
    /// What its answers look like.
    #[serde(default)]
    pub answer: AnswerConfig,
    /// The share of calls that meet a 429 whatever the load.
    #[serde(default = "never")]
    pub error_429_ratio: Ratio,
    /// What it costs (default: the price table).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceFile>,
    /// Faults, of which the first that matches strikes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<FaultRule>,
}

fn never() -> Ratio {
    Ratio::ZERO
}

/// What a call asks, as far as the service looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The text of the prompt.
    pub prompt: &'a str,
    /// The output tokens that the caller allows.
    pub max_output_tokens: Option<u64>,
}

/// What comes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// An answer.
    Answer {
        /// Its text.
        text: String,
        /// Whether it was cut off.
        truncated: bool,
    },
    /// The prompt is refused for its content.
    Blocked,
    /// Refused for a quota.
    Refused(Refusal),
    /// A 429 that no quota explains.
    Random429,
    /// An error with this status, perhaps with a `Retry-After`.
    Status(u16, Option<u64>),
    /// The connection is reset.
    Reset,
    /// No answer comes.
    Hang,
}

/// A decision with what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What comes of the call.
    pub decision: Decision,
    /// How long it takes.
    pub latency_ms: u64,
    /// Input tokens, billed with an answer or a block.
    pub input_tokens: u64,
    /// Output tokens, billed with an answer.
    pub output_tokens: u64,
    /// A number that names the call, for ids in bodies.
    pub serial: u64,
}

/// The state of an AI service.
#[derive(Debug)]
pub struct Ai {
    service: Service,
    config: AiConfig,
    latency: Latency,
    quota: Option<Quota>,
    writer: Writer,
    seed: Seed,
    calls: u64,
    asked: BTreeMap<u64, u64>,
    in_service_until: Vec<u64>,
    matcher: Option<(String, Matcher)>,
}

impl Ai {
    /// A service that nobody has called yet.
    pub fn new(service: Service, config: AiConfig, latency: Latency, seed: Seed) -> Self {
        let stream = stream(service);
        Self {
            service,
            latency,
            quota: config.quota.as_ref().map(Quota::new),
            writer: Writer::new(config.answer.clone(), seed, stream),
            seed,
            calls: 0,
            asked: BTreeMap::new(),
            in_service_until: Vec::new(),
            matcher: None,
            config,
        }
    }

    /// The model that it serves.
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// Its quota, for headers.
    pub fn quota(&self) -> Option<&Quota> {
        self.quota.as_ref()
    }

    /// Its configuration.
    pub fn config(&self) -> &AiConfig {
        &self.config
    }

    /// Decides what comes of a call, and records what only the service knows of it.
    pub fn decide(
        &mut self,
        now_ms: u64,
        asked: Asked<'_>,
        calendar: &Calendar,
        records: &mut Vec<Record>,
    ) -> Outcome {
        let question = model::read(asked.prompt);
        let ids = question.pages.iter().filter_map(|(id, _)| id.and_then(|id| id.parse().ok()));
        let identity: u64 = ids.min().unwrap_or_else(|| digest(asked.prompt));
        let count = self.asked.entry(identity).or_insert(0);
        let attempt = *count;
        *count += 1;
        let call = Call { now_ms, before: self.calls, identity, attempt };
        self.calls += 1;

        let input_tokens = tokens(asked.prompt);
        let stream = stream(self.service);
        let fired = |fault: String| Record::FaultFired { service: self.service, fault };
        let draw = |what: &str| self.seed.draw(&format!("{stream} {what}"), identity, attempt);
        // First what strikes a call whatever it asks, then the quota, then what goes wrong with the
        // answer: a fault fires only where there is something for it to spoil.
        let mut spoiled = None;
        if let Some((name, fault)) = fault::strike(&self.config.fault, call, self.seed, stream) {
            let decision = match fault {
                Fault::Status(status, retry) => Some(Decision::Status(status, retry)),
                Fault::Kind(Kind::Reset) => Some(Decision::Reset),
                Fault::Kind(Kind::Timeout) => Some(Decision::Hang),
                Fault::Kind(kind) => {
                    spoiled = Some((name.clone(), kind));
                    None
                }
            };
            if let Some(decision) = decision {
                records.push(fired(name));
                return self.quickly(decision, input_tokens);
            }
        }
        if draw("random 429").happens(self.config.error_429_ratio) {
            records.push(fired("error_429_ratio".to_owned()));
            return self.quickly(Decision::Random429, input_tokens);
        }
        let answer = self.writer.config();
        if spoiled.is_none() && draw("blocked").happens(answer.blocked_ratio) {
            spoiled = Some(("blocked_ratio".to_owned(), Kind::Blocked));
        }
        if spoiled.is_none() && draw("malformed").happens(answer.malformed_ratio) {
            spoiled = Some(("malformed_ratio".to_owned(), Kind::Malformed));
        }
        if let Some(quota) = &mut self.quota
            && let Err(refusal) = quota.admit(now_ms, input_tokens, calendar)
        {
            let Refusal { dimension, used, limit, retry_ms } = refusal;
            let quota = dimension.name().to_owned();
            let service = self.service;
            records.push(Record::QuotaRefused { service, quota, used, limit, retry_ms });
            return self.quickly(Decision::Refused(refusal), input_tokens);
        }
        records.extend(spoiled.iter().map(|(name, _)| fired(name.clone())));
        let kind = spoiled.map(|(_, kind)| kind);
        let limit = asked.max_output_tokens.unwrap_or(u64::MAX);
        let (decision, output_tokens) = self.answer(&question, kind, limit);
        let model = self.config.model.clone();
        records.push(Record::Billed { service: self.service, model, input_tokens, output_tokens });
        self.in_service_until.retain(|until| *until > now_ms);
        let others = self.in_service_until.len() as u64;
        let load = Load { input_tokens, output_tokens, others };
        let latency_ms = self.latency.draw(self.seed, stream, identity, attempt, load);
        self.in_service_until.push(now_ms + latency_ms);
        Outcome { decision, latency_ms, input_tokens, output_tokens, serial: self.calls }
    }

    fn quickly(&self, decision: Decision, input_tokens: u64) -> Outcome {
        let latency_ms = self.latency.refusal_ms();
        Outcome { decision, latency_ms, input_tokens, output_tokens: 0, serial: self.calls }
    }

    /// The model's answer and its length in tokens.
    fn answer(
        &mut self,
        question: &model::Question<'_>,
        kind: Option<Kind>,
        caller_limit: u64,
    ) -> (Decision, u64) {
        if kind == Some(Kind::Blocked) {
            return (Decision::Blocked, 0);
        }
        let known = format!("{:?}", question.taxonomy);
        if self.matcher.as_ref().is_none_or(|(taxonomy, _)| *taxonomy != known) {
            let taxonomy = question.taxonomy.iter().map(|(name, tags)| (*name, tags.as_slice()));
            self.matcher = Matcher::new(taxonomy).map(|matcher| (known, matcher));
        }
        let Some((_, matcher)) = &self.matcher else { return (Decision::Blocked, 0) };
        let mut text = self.writer.write(question, matcher, kind);
        let mut limit = caller_limit.min(self.writer.config().truncate_at_output_tokens.get());
        match kind {
            Some(Kind::Malformed) => {
                text =
                    format!("Here are the tags you asked for. {}", text.replace(['{', '"'], " "));
            }
            Some(Kind::Truncated) => limit = limit.min(tokens(&text) * 2 / 3),
            _ => {}
        }
        let truncated = tokens(&text) > limit;
        if truncated {
            let chars = usize::try_from(limit.saturating_mul(36) / 10).unwrap_or(usize::MAX);
            text = text.chars().take(chars).collect();
        }
        let output_tokens = tokens(&text);
        (Decision::Answer { text, truncated }, output_tokens)
    }
}

fn stream(service: Service) -> &'static str {
    match service {
        Service::Confluence => "confluence",
        Service::Gemini => "gemini",
        Service::Openai => "openai",
    }
}

/// The identity of a prompt without page ids.
fn digest(prompt: &str) -> u64 {
    use sha2::{Digest as _, Sha256};
    let hash: [u8; 32] = Sha256::digest(prompt.as_bytes()).into();
    u64::from_le_bytes(std::array::from_fn(|index| hash[index]))
}

impl Refusal {
    /// What a Gemini refusal tells in `retryDelay`: a day's quota names a short wait too.
    pub(super) fn told_ms(&self) -> u64 {
        const SEEN_WITH_DAY_QUOTA_MS: u64 = 35_174;
        match self.dimension {
            Dimension::Day => self.retry_ms.min(SEEN_WITH_DAY_QUOTA_MS),
            Dimension::Requests | Dimension::Tokens => self.retry_ms,
        }
    }
}
