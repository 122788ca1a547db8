//! Faults on purpose: rules asked in order, of which the first that matches decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::content::space::FIRST_ID;
use crate::fakes::latency::Slowness;
use crate::fakes::observation::Operation;
use crate::fakes::world_event::Service;
use crate::rng::{Seed, Stream};
use crate::units::{Count, Factor, Ratio, Whole};

/// The place of a page in the listing of the space, counted from 1.
pub type PageNumber = Whole<1, 1_000_000>;

/// When a rule matches; every condition that is given must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// From this virtual second on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_s: Option<Whole<0, 8_640_000>>,
    /// Before this virtual second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_s: Option<Whole<0, 8_640_000>>,
    /// For this many calls to the service, counted from its first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_calls: Option<Count>,
    /// For this share of the calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
    /// For calls about one of these pages: their places in the listing of the space, counted from 1.
    /// A prompt is about every page whose section it holds, a request to Confluence about the page in
    /// its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Vec<PageNumber>>,
    /// For calls about one of this share of the pages. The seed draws each page once, so that the
    /// same pages are struck each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_ratio: Option<Ratio>,
    /// For Confluence: for these operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Operation>>,
}

/// What goes wrong besides a status.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// The connection is reset.
    Reset,
    /// No answer comes: the client's time limit decides.
    Timeout,
    /// The answer is text that is not the JSON asked for.
    Malformed,
    /// The answer breaks off in the middle, marked as cut at the output limit.
    Truncated,
    /// The answer misses every second page.
    MissingPages,
    /// The prompt is refused for its content.
    Blocked,
    /// The answer is held back for its content: OpenAI ends it with `content_filter`, Gemini with
    /// `SAFETY`.
    ContentFilter,
    /// OpenAI refuses the prompt for its content with the status 400 and the code `invalid_prompt`.
    InvalidPrompt,
    /// The call is refused with 429 because the money is used up: a project's spending cap is reached
    /// (Gemini), or `insufficient_quota` (OpenAI).
    InsufficientQuota,
    /// The call is refused with 429 because the account is not paid for: prepaid credits are depleted
    /// (Gemini), or billing is not active (OpenAI).
    Billing,
    /// The answer of a model comes at 20 output tokens a second, as in bad spells that were reported,
    /// unless `output_tokens_per_s` or `latency_factor` says otherwise.
    Slow,
}

/// Of the kind `slow`, in output tokens a second.
const SLOW: f64 = 20.0;

impl Kind {
    /// Its name in scenarios and reports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether a service has it.
    pub fn is_of(self, service: Service) -> bool {
        match self {
            Self::Reset | Self::Timeout | Self::Malformed | Self::Truncated => true,
            Self::InvalidPrompt => service == Service::Openai,
            Self::MissingPages
            | Self::Blocked
            | Self::ContentFilter
            | Self::InsufficientQuota
            | Self::Billing
            | Self::Slow => service != Service::Confluence,
        }
    }
}

/// What the service replies: a status, another kind of fault, or its answer, but slowly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct FaultReply {
    /// This status, with the service's own error body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Whole<400, 599>>,
    /// A `Retry-After` header of this many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<Whole<0, 86_400>>,
    /// Something else than a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The answer, which takes this many times as long: at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0))]
    pub latency_factor: Option<Factor>,
    /// For models: the answer, whose output is made at this speed at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_s: Option<Factor>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Its name in reports (default: what it replies).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it matches.
    #[serde(default)]
    pub when: When,
    /// What happens then.
    pub reply: FaultReply,
}

/// A fault that strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// This status, perhaps with a `Retry-After`.
    Status(u16, Option<u64>),
    /// Another kind.
    Kind(Kind),
    /// The answer is slow.
    Slow(Slowness),
}

/// The call that a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The virtual time.
    pub now_ms: u64,
    /// Calls to the service before this one.
    pub before: u64,
    /// What the call is about.
    pub identity: u64,
    /// How often that was asked for before.
    pub attempt: u64,
    /// The ids of the pages that it is about.
    pub pages: &'a [u64],
    /// What it asks Confluence for.
    pub operation: Option<Operation>,
}

impl FaultReply {
    /// Its name in reports.
    fn label(&self) -> String {
        match (self.kind, self.status) {
            (Some(kind), _) => kind.name().to_owned(),
            (None, Some(status)) => status.to_string(),
            (None, None) => Kind::Slow.name().to_owned(),
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let slowness = self.slowness();
        let kind = self.kind.filter(|kind| *kind != Kind::Slow);
        let ways = [self.status.is_some(), kind.is_some(), slowness != Slowness::default()];
        match ways.into_iter().filter(|is_set| *is_set).count() {
            0 => {
                let wanted = "`status`, `kind`, `latency_factor` or `output_tokens_per_s`";
                return Some(format!("expected {wanted}, found a reply without effect"));
            }
            1 => {}
            _ => return Some("expected `status`, `kind` or a slow answer, found two".to_owned()),
        }
        match (slowness.factor.map(Factor::get), slowness.output_tokens_per_s.map(Factor::get)) {
            (Some(factor), _) if factor < 1.0 => {
                Some(format!("expected a `latency_factor` of at least 1, found {factor}"))
            }
            (_, Some(speed)) if speed <= 0.0 => {
                Some("expected an `output_tokens_per_s` above 0, found 0".to_owned())
            }
            _ => None,
        }
    }

    fn slowness(&self) -> Slowness {
        let Self { latency_factor: factor, output_tokens_per_s, .. } = *self;
        let is_usual = self.kind == Some(Kind::Slow) && factor.is_none();
        let usual = Factor::new(SLOW).filter(|_| is_usual);
        Slowness { factor, output_tokens_per_s: output_tokens_per_s.or(usual) }
    }

    /// What strikes a call.
    pub(super) fn fault(&self) -> Option<Fault> {
        match (self.kind, self.status) {
            (Some(Kind::Slow) | None, None) => Some(Fault::Slow(self.slowness())),
            (Some(kind), _) => Some(Fault::Kind(kind)),
            (None, Some(status)) => {
                let status = u16::try_from(status.get()).ok()?;
                Some(Fault::Status(status, self.retry_after_s.map(Whole::get)))
            }
        }
    }
}

impl When {
    /// Whether every condition holds for a call; `luck` is the stream of the rule.
    fn holds(&self, call: Call<'_>, seed: Seed, luck: Stream) -> bool {
        let Self { from_s, until_s, first_calls, ratio, pages, page_ratio, operations } = self;
        let is_listed = |page: &u64, places: &[PageNumber]| {
            places.iter().any(|place| FIRST_ID + place.get() - 1 == *page)
        };
        let is_drawn =
            |page: &u64, share| seed.draw_of(luck.then(" page"), *page, 0).happens(share);
        from_s.is_none_or(|from| call.now_ms >= from.get() * 1000)
            && until_s.is_none_or(|until| call.now_ms < until.get() * 1000)
            && first_calls.is_none_or(|first| call.before < first.get())
            && operations.as_ref().is_none_or(|listed| {
                call.operation.is_some_and(|operation| listed.contains(&operation))
            })
            && pages
                .as_ref()
                .is_none_or(|places| call.pages.iter().any(|page| is_listed(page, places)))
            && page_ratio.is_none_or(|share| call.pages.iter().any(|page| is_drawn(page, share)))
            && ratio
                .is_none_or(|share| seed.draw_of(luck, call.identity, call.attempt).happens(share))
    }
}

impl FaultRule {
    /// The name in reports.
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.reply.label())
    }

    /// What is wrong with the rule, if anything.
    pub fn problem(&self) -> Option<String> {
        self.reply.problem().or(match (self.when.from_s, self.when.until_s) {
            (Some(from), Some(until)) if from >= until => {
                Some(format!("expected `from_s` below `until_s`, found {from} and {until}"))
            }
            _ => None,
        })
    }
}

/// The fault that strikes this call, if any, with the name of its rule.
pub fn strike(
    rules: &[FaultRule],
    call: Call<'_>,
    seed: Seed,
    stream: &str,
) -> Option<(String, Fault)> {
    let faults = Stream::named(stream).then(" fault ");
    let mut rules = rules.iter().enumerate();
    let (_, rule) = rules.find(|(index, rule)| {
        let luck = faults.then_number(*index);
        rule.when.holds(call, seed, luck)
    })?;
    Some((rule.label(), rule.reply.fault()?))
}
