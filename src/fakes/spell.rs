//! Spells: bad times of a service, whose places and lengths each seed draws.
//!
//! Shared capacity has weather: public reports tell of 503s for minutes to hours, and of answers at a
//! tenth of the usual speed, again and again at no fixed time.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::fakes::fault::{Call, Fault, FaultReply};
use crate::rng::{Seed, Stream};
use crate::units::{Ratio, Whole, float, whole};

/// No spell begins after the last second that a scenario can name.
const LAST_MS: u64 = 8_640_000_000;

/// Bad times that come again and again. What each seed draws: the time from the end of one (or from
/// virtual zero) to the next, exponentially distributed, and its length, evenly distributed.
#[derive(Debug, Clone, PartialEq, Serialize, DeriveDeserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpellConfig {
    /// Its name in reports (default: `spell`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seconds of good time before each spell, in the mean.
    pub every_s: Whole<1, 8_640_000>,
    /// Seconds that a spell lasts at least.
    pub min_s: Whole<1, 864_000>,
    /// Seconds that a spell lasts at most.
    pub max_s: Whole<1, 864_000>,
    /// What calls get that are sent while it lasts.
    pub reply: FaultReply,
    /// The share of these calls that get it (default: all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<Ratio>,
}

impl SpellConfig {
    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let (min_s, max_s) = (self.min_s, self.max_s);
        if min_s > max_s {
            return Some(format!(
                "expected a `min_s` of at most `max_s`, found {min_s} above {max_s}"
            ));
        }
        self.reply.problem()
    }
}

/// A spell as time goes on.
#[derive(Debug)]
pub(super) struct Spell {
    config: SpellConfig,
    seed: Seed,
    luck: Stream,
    /// How many were before it.
    number: u64,
    from_ms: u64,
    until_ms: u64,
}

impl Spell {
    /// The spells of this configuration, the `index`-th of the service with this stream.
    pub(super) fn new(config: SpellConfig, seed: Seed, stream: &str, index: usize) -> Self {
        let luck = Stream::named(stream).then(" spell ").then_number(index);
        let mut spell = Self { config, seed, luck, number: 0, from_ms: 0, until_ms: 0 };
        spell.begin_after(0);
        spell
    }

    /// Draws when the spell begins and ends that is the next after this time.
    fn begin_after(&mut self, end_ms: u64) {
        let draw = |what: &str| self.seed.draw_of(self.luck.then(what), self.number, 0);
        let SpellConfig { every_s, min_s, max_s, .. } = &self.config;
        let gap_ms = whole(draw(" gap").exponential(float(every_s.get() * 1000)));
        let spread_ms = max_s.get().saturating_sub(min_s.get()) * 1000;
        let length_ms = min_s.get() * 1000 + draw(" length").below(spread_ms + 1);
        self.from_ms = end_ms.saturating_add(gap_ms);
        self.until_ms = self.from_ms.saturating_add(length_ms);
    }

    /// Whether it lasts at this time; time only goes on.
    fn is_on(&mut self, now_ms: u64) -> bool {
        while self.until_ms <= now_ms.min(LAST_MS) {
            self.number += 1;
            self.begin_after(self.until_ms);
        }
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// Its name in reports.
    pub(super) fn label(&self) -> String {
        self.config.name.clone().unwrap_or_else(|| "spell".to_owned())
    }

    /// The fault that strikes this call.
    pub(super) fn strike(&mut self, call: Call<'_>) -> Option<Fault> {
        if !self.is_on(call.now_ms) {
            return None;
        }
        let struck = self.config.ratio.is_none_or(|share| {
            self.seed.draw_of(self.luck, call.identity, call.attempt).happens(share)
        });
        if struck { self.config.reply.fault() } else { None }
    }
}

/// The two forms of spells, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum SpellForms {
    /// One kind.
    One(SpellConfig),
    /// Several.
    Many(Vec<SpellConfig>),
}

/// Reads one table, or a list of them.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrManyVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table, or a list of them")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
}
