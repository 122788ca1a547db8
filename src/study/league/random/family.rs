//! Families of services, and how often people meet each.

use strum::VariantArray;

use crate::rng::Sequence;

/// A kind of service, as far as its quotas go.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Family {
    /// Gemini's free tier: a few requests a minute, named with the time in each refusal.
    GeminiFree,
    /// Gemini's tiers 1 to 3: hundreds to thousands of requests a minute, and millions of tokens.
    GeminiPaid,
    /// OpenAI's tiers 1 to 5: buckets of requests and of tokens, with what is left in each answer.
    #[strum(serialize = "openai")]
    OpenAi,
    /// Azure: ten seconds, or one, beside a minute; both windows fixed.
    Azure,
    /// A bucket that holds little: Bedrock, Apigee, nginx.
    Bucket,
    /// A gateway such as litellm, Kong or Cloudflare: it states a time, or nothing.
    Gateway,
    /// Shared capacity without a quota of one's own: 429s by chance and in bursts, and 503s.
    Shared,
    /// A quota of which other clients take a part, all the time or for a while.
    Neighbour,
    /// A quota that becomes another one midway.
    Changing,
}

impl Family {
    /// All of them.
    pub const ALL: &[Self] = <Self as VariantArray>::VARIANTS;

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// How many of a hundred worlds are of it.
    ///
    /// An estimate: Gemini's and OpenAI's own services are used more than a cloud's or a gateway.
    pub fn percent(self) -> u64 {
        match self {
            Self::GeminiFree | Self::GeminiPaid | Self::OpenAi => 18,
            Self::Gateway | Self::Shared => 10,
            Self::Azure | Self::Bucket => 8,
            Self::Neighbour | Self::Changing => 5,
        }
    }

    /// One of them, as often as people meet it.
    pub(super) fn drawn(luck: &mut Sequence) -> Self {
        let mut left = luck.below(Self::ALL.iter().map(|family| family.percent()).sum());
        for family in Self::ALL {
            match left.checked_sub(family.percent()) {
                Some(rest) => left = rest,
                None => return *family,
            }
        }
        Self::GeminiFree
    }
}
