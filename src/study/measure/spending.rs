//! The tokens that each model billed, and what they cost.

use std::collections::BTreeMap;

use crate::fakes::world_event::{Service, WorldEvent};
use crate::price;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;
use crate::sim::scenario::Scenario;

/// What one model billed in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// The service.
    pub service: &'static str,
    /// The model.
    pub model: String,
    /// Calls that were billed.
    pub calls: u64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens, thinking included.
    pub output_tokens: u64,
    /// What they cost, in millionths of a dollar, where the price is known.
    pub usd_micros: Option<u64>,
}

/// What the models billed in a run, by service and model. What a batch job answers later costs half.
pub fn of(scenario: &Scenario, log: &Log) -> Vec<Spending> {
    let mut billed: BTreeMap<(&'static str, String), [Tokens; 2]> = BTreeMap::new();
    for entry in log.entries.without_tags() {
        if let What::World(WorldEvent::Billed {
            service,
            model,
            input_tokens,
            output_tokens,
            later,
            ..
        }) = entry.what
        {
            let service = match service {
                Service::Confluence => "confluence",
                Service::Gemini => "gemini",
                Service::Openai => "openai",
            };
            let of_model = billed.entry((service, model)).or_default();
            let tokens = &mut of_model[usize::from(later)];
            tokens.calls += 1;
            tokens.input = tokens.input.saturating_add(input_tokens);
            tokens.output = tokens.output.saturating_add(output_tokens);
        }
    }
    billed
        .into_iter()
        .map(|((service, model), [now, later])| {
            let price = scenario.prices.get(service).copied().or_else(|| price::of(&model));
            let usd_micros = price.map(|price| {
                let half = price.usd_micros(later.input, later.output) / 2;
                price.usd_micros(now.input, now.output).saturating_add(half)
            });
            Spending {
                service,
                model,
                calls: now.calls.saturating_add(later.calls),
                input_tokens: now.input.saturating_add(later.input),
                output_tokens: now.output.saturating_add(later.output),
                usd_micros,
            }
        })
        .collect()
}

/// Tokens of some calls.
#[derive(Debug, Clone, Copy, Default)]
struct Tokens {
    calls: u64,
    input: u64,
    output: u64,
}
