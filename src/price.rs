//! What a million tokens cost, as data: models retire and prices change.
//!
//! Standard prices in US dollars, read on 2026-11-23 from the price table of litellm 1.109.1
//! (`PyPI`), checked against simonw/llm-prices; the two older models as published by the system
//! that the plan describes. A scenario may state its own.

use std::collections::BTreeMap;

use crate::units::{UsdPerMillion, whole};

/// Input and output price of one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// For a million input tokens.
    pub input: UsdPerMillion,
    /// For a million output tokens, thinking included.
    pub output: UsdPerMillion,
}

const TABLE: &[(&str, f64, f64)] = &[
    ("gemini-2.0-flash", 0.075, 0.30),
    ("gemini-2.5-flash", 0.30, 2.50),
    ("gemini-2.5-flash-lite", 0.10, 0.40),
    ("gemini-3.1-flash-lite", 0.25, 1.50),
    ("gemini-3.5-flash-lite", 0.30, 2.50),
    ("gemini-3.8-flash", 0.75, 3.75),
    ("gpt-4o-mini", 0.15, 0.60),
    ("gpt-6-luna", 0.10, 0.50),
];

/// The models that have a price here.
pub fn models() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(model, _, _)| *model)
}

/// The price of a model, if the table knows it.
pub fn of(model: &str) -> Option<Price> {
    let (_, input, output) = TABLE.iter().find(|(name, _, _)| *name == model)?;
    Some(Price { input: UsdPerMillion::new(*input)?, output: UsdPerMillion::new(*output)? })
}

/// The prices of the models of some services, by service, as far as they are known.
pub fn of_models(models: &BTreeMap<String, String>) -> BTreeMap<String, Price> {
    let price = |(service, model): (&String, &String)| Some((service.clone(), of(model)?));
    models.iter().filter_map(price).collect()
}

/// The price of a call: the service's own where it has one, else the price of the model that answered.
pub fn of_call(
    prices: &BTreeMap<String, Price>,
    service: &str,
    model: Option<&str>,
) -> Option<Price> {
    prices.get(service).copied().or_else(|| of(model?))
}

impl Price {
    /// What these tokens cost, in millionths of a dollar, rounded once at the end.
    pub fn usd_micros(self, input_tokens: u64, output_tokens: u64) -> u64 {
        // A dollar per million tokens is a millionth of a dollar per token. Prices are taken in
        // whole nano-dollars so that the sum is exact before it is rounded.
        let nanos = |price: UsdPerMillion| u128::from(whole(price.get() * 1000.0));
        let sum = nanos(self.input) * u128::from(input_tokens)
            + nanos(self.output) * u128::from(output_tokens);
        u64::try_from((sum + 500) / 1000).unwrap_or(u64::MAX)
    }
}
