//! Faults on purpose: rules asked in order, of which the first that matches decides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rng::{Seed, Stream};
use crate::units::{Count, Ratio, Whole};

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
}

/// What goes wrong besides a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
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
    /// The call is refused because the money is used up.
    InsufficientQuota,
}

impl Kind {
    /// Its name in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::MissingPages => "missing-pages",
            Self::Blocked => "blocked",
            Self::InsufficientQuota => "insufficient-quota",
        }
    }
}

/// What the service replies: a status, or another kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This status, perhaps with a `Retry-After`.
    Status(u16, Option<u64>),
    /// Another kind.
    Kind(Kind),
}

/// The call that a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The virtual time.
    pub now_ms: u64,
    /// Calls to the service before this one.
    pub before: u64,
    /// What the call is about.
    pub identity: u64,
    /// How often that was asked for before.
    pub attempt: u64,
}

impl FaultRule {
    /// The name in reports.
    pub fn label(&self) -> String {
        let reply = &self.reply;
        match (&self.name, &reply.kind, reply.status) {
            (Some(name), _, _) => name.clone(),
            (None, Some(kind), _) => kind.name().to_owned(),
            (None, None, Some(status)) => status.to_string(),
            (None, None, None) => "nothing".to_owned(),
        }
    }

    /// What is wrong with the rule, if anything.
    pub fn problem(&self) -> Option<String> {
        let reply = &self.reply;
        match (reply.status, reply.kind) {
            (None, None) => {
                Some("got a fault without effect, wanted `status` or `kind`".to_owned())
            }
            (Some(_), Some(_)) => {
                Some("got both `status` and `kind`, wanted one of them".to_owned())
            }
            _ => match (self.when.from_s, self.when.until_s) {
                (Some(from), Some(until)) if from >= until => Some(format!(
                    "got a fault from {from} s until {until} s, wanted from_s below until_s"
                )),
                _ => None,
            },
        }
    }

    fn matches(&self, index: usize, call: Call, seed: Seed, faults: Stream) -> bool {
        let When { from_s, until_s, first_calls, ratio } = &self.when;
        from_s.is_none_or(|from| call.now_ms >= from.get() * 1000)
            && until_s.is_none_or(|until| call.now_ms < until.get() * 1000)
            && first_calls.is_none_or(|first| call.before < first.get())
            && ratio.is_none_or(|ratio| {
                let stream = faults.then_number(index);
                seed.draw_of(stream, call.identity, call.attempt).happens(ratio)
            })
    }

    fn fault(&self) -> Option<Fault> {
        if let Some(kind) = self.reply.kind {
            return Some(Fault::Kind(kind));
        }
        let status = u16::try_from(self.reply.status?.get()).ok()?;
        Some(Fault::Status(status, self.reply.retry_after_s.map(Whole::get)))
    }
}

/// The fault that strikes this call, if any, with the name of its rule.
pub fn strike(
    rules: &[FaultRule],
    call: Call,
    seed: Seed,
    stream: &str,
) -> Option<(String, Fault)> {
    let faults = Stream::named(stream).then(" fault ");
    let matching = rules.iter().enumerate();
    let mut matching = matching.filter(|(index, rule)| rule.matches(*index, call, seed, faults));
    let (_, rule) = matching.next()?;
    Some((rule.label(), rule.fault()?))
}
