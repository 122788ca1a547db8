//! Knobs of the world that can be turned for the worse.

use crate::fakes::fault::{FaultReply, FaultRule, When};
use crate::fakes::latency::Latency;
use crate::sim::scenario::Scenario;
use crate::units::{Count, Ratio, Skew, Whole, float, whole};

/// Steps of a share, up to all calls.
const SHARES: u32 = 1000;
/// Steps of a factor, each of 2 %, up to some 100 times.
const FACTORS: u32 = 232;
/// The same up to twice.
const UP_TO_TWICE: u32 = 35;

/// A knob of the world.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// Its name.
    pub name: &'static str,
    /// How many steps it has.
    pub steps: u32,
    turn: fn(&mut Scenario, u32) -> Option<String>,
}

impl Knob {
    /// The scenario with the knob turned by these steps for the worse, and what it stands at then.
    /// Nothing where the scenario has no such knob.
    pub fn turn(&self, scenario: &Scenario, steps: u32) -> Option<(Scenario, String)> {
        let mut worse = scenario.clone();
        let shown = (self.turn)(&mut worse, steps)?;
        Some((worse, shown))
    }
}

const fn share(name: &'static str, turn: fn(&mut Scenario, u32) -> Option<String>) -> Knob {
    Knob { name, steps: SHARES, turn }
}

const fn factor(name: &'static str, turn: fn(&mut Scenario, u32) -> Option<String>) -> Knob {
    Knob { name, steps: FACTORS, turn }
}

/// A step as a factor.
fn times(steps: u32) -> f64 {
    libm::pow(1.02, f64::from(steps))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Raises a share to at least this many steps.
fn raise(share: &mut Ratio, steps: u32) -> Option<String> {
    let raised = Ratio::new(f64::from(steps) / f64::from(SHARES))?;
    if raised > *share {
        *share = raised;
    }
    Some(percent(share.get()))
}

/// Lets a share of the calls that meet no other fault fail with this status.
fn fail(faults: &mut Vec<FaultRule>, status: u64, steps: u32) -> Option<String> {
    let ratio = Ratio::new(f64::from(steps) / f64::from(SHARES))?;
    if steps > 0 {
        faults.push(FaultRule {
            name: None,
            when: When { ratio: Some(ratio), ..When::default() },
            reply: FaultReply { status: Whole::new(status), ..FaultReply::default() },
        });
    }
    Some(percent(ratio.get()))
}

fn slow(latency: &mut Latency, steps: u32) -> String {
    latency.stretch(times(steps));
    format!("{:.2} times", times(steps))
}

/// Divides an amount, to one at least.
fn divide(amount: &mut Option<Count>, steps: u32) -> Option<String> {
    let divided = whole(libm::ceil(float(amount.as_ref()?.get()) / times(steps)));
    *amount = Count::new(divided.max(1));
    Some(divided.to_string())
}

/// Divides the amount of a quota's first window, and those of the windows beside it; says the first.
fn divide_all<'a>(
    first: &mut Option<Count>,
    further: impl Iterator<Item = &'a mut Option<Count>>,
    steps: u32,
) -> Option<String> {
    let shown = divide(first, steps)?;
    further.for_each(|amount| drop(divide(amount, steps)));
    Some(shown)
}

/// The knobs, service by service.
pub const KNOBS: &[Knob] = &[
    share("gemini: random 429s", |scenario, steps| {
        raise(&mut scenario.world.gemini.0.error_429_ratio, steps)
    }),
    share("gemini: more 503s", |scenario, steps| {
        fail(&mut scenario.world.gemini.0.fault, 503, steps)
    }),
    factor("gemini: latency", |scenario, steps| Some(slow(&mut scenario.world.gemini.1, steps))),
    factor("gemini: quota of requests", |scenario, steps| {
        let quota = scenario.world.gemini.0.quota.as_mut()?;
        let further = quota.also.iter_mut().map(|window| &mut window.requests);
        divide_all(&mut quota.requests, further, steps)
    }),
    factor("gemini: quota of tokens", |scenario, steps| {
        let quota = scenario.world.gemini.0.quota.as_mut()?;
        let further = quota.also.iter_mut().map(|window| &mut window.tokens);
        divide_all(&mut quota.tokens, further, steps)
    }),
    Knob {
        name: "gemini: tokens counted",
        steps: UP_TO_TWICE,
        turn: |scenario, steps| {
            let skew = &mut scenario.world.gemini.0.token_skew;
            *skew = Skew::new((skew.get() * times(steps)).min(2.0))?;
            Some(format!("{:.2} times", skew.get()))
        },
    },
    share("openai: random 429s", |scenario, steps| {
        asks_fallback(scenario)?;
        raise(&mut scenario.world.openai.0.error_429_ratio, steps)
    }),
    factor("openai: latency", |scenario, steps| {
        asks_fallback(scenario)?;
        Some(slow(&mut scenario.world.openai.1, steps))
    }),
    share("confluence: more 429s", |scenario, steps| {
        fail(&mut scenario.world.confluence.0.fault, 429, steps)
    }),
    share("confluence: more 503s", |scenario, steps| {
        fail(&mut scenario.world.confluence.0.fault, 503, steps)
    }),
    factor("confluence: latency", |scenario, steps| {
        Some(slow(&mut scenario.world.confluence.1, steps))
    }),
    factor("confluence: rate limit", |scenario, steps| {
        let limit = scenario.world.confluence.0.rate_limit.as_mut()?;
        let mut requests = Some(limit.requests);
        let shown = divide(&mut requests, steps)?;
        limit.requests = requests?;
        Some(shown)
    }),
];

/// Something where some run may ask the fallback.
fn asks_fallback(scenario: &Scenario) -> Option<()> {
    let asks = scenario.has_fallback && scenario.runs.iter().any(|run| run.config.fallback);
    asks.then_some(())
}
