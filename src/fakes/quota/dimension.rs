//! What a quota limits.

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Dimension {
    /// Requests in the window.
    Requests,
    /// Input tokens in the window.
    Tokens,
    /// Requests of the day.
    #[strum(serialize = "per_day")]
    Day,
    /// Input tokens of the day.
    #[strum(serialize = "tokens_per_day")]
    DayTokens,
}

impl Dimension {
    /// Whether it is free again only when the day is over.
    pub fn is_of_day(self) -> bool {
        matches!(self, Self::Day | Self::DayTokens)
    }

    /// Its name in records.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
