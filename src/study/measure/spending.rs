//! The tokens that each model billed, and what they cost.

use std::collections::BTreeMap;

use crate::fakes::world_event::WorldEvent;
use crate::pipeline::event::Event;
use crate::price;
use crate::price::Price;
use crate::sim::recorder::Log;
use crate::sim::recorder::entry::What;

/// What one model billed in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Spending {
    /// The service.
    pub service: String,
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
    /// The price.
    pub price: Option<Price>,
}

/// What the models billed in a run, by service and model, at these prices by service. What a batch job
/// answers later costs half.
pub fn of(prices: &BTreeMap<String, Price>, log: &Log) -> Vec<Spending> {
    let mut billed: BTreeMap<(String, String), [Tokens; 2]> = BTreeMap::new();
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
            let of_model = billed.entry((service.name().to_owned(), model)).or_default();
            of_model[usize::from(later)].add(input_tokens, output_tokens);
        }
    }
    priced(billed, prices)
}

/// The same of a run against real services, as their answers state it; `models` names the model of each
/// service.
pub fn of_answers(
    models: &BTreeMap<String, String>,
    prices: &BTreeMap<String, Price>,
    log: &Log,
) -> Vec<Spending> {
    let mut billed: BTreeMap<(String, String), [Tokens; 2]> = BTreeMap::new();
    for event in log.events() {
        let Event::AttemptFinished { provider, model, input_tokens, output_tokens, .. } = event
        else {
            continue;
        };
        // A call that failed may have cost nothing.
        if (input_tokens, output_tokens) != (0, 0) {
            let model = model.or_else(|| models.get(&provider).cloned()).unwrap_or_default();
            billed.entry((provider, model)).or_default()[0].add(input_tokens, output_tokens);
        }
    }
    priced(billed, prices)
}

fn priced(
    billed: BTreeMap<(String, String), [Tokens; 2]>,
    prices: &BTreeMap<String, Price>,
) -> Vec<Spending> {
    billed
        .into_iter()
        .map(|((service, model), [now, later])| {
            let price = price::of_call(prices, &service, Some(&model));
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
                price,
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

impl Tokens {
    fn add(&mut self, input: u64, output: u64) {
        self.calls += 1;
        self.input = self.input.saturating_add(input);
        self.output = self.output.saturating_add(output);
    }
}
