//! A latency: its distribution, and one sample of it.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fakes::latency::error::{LatencyError, Unit};
use crate::rng::{Draw, Seed, Stream};
use crate::units::{DayMs, Factor, Ratio, float, whole};

/// The longest latency that is ever drawn: ten days, as long as a run may last. A spread of 1,000
/// has no other end.
const LONGEST_MS: u64 = 864_000_000;

/// The shape of a distribution.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Dist {
    /// Always `ms`.
    Fixed,
    /// Evenly from `min_ms` to `max_ms`.
    Uniform,
    /// Lognormal with `median_ms` and `sigma`.
    Lognormal,
    /// Measured: one of `quantiles_ms` or of the column `column` of the CSV file `csv`.
    Empirical,
}

impl Dist {
    fn name(self) -> &'static str {
        self.into()
    }
}

/// A slow tail: with `ratio`, a call takes from `min_ms` to `max_ms` longer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// Share of the calls.
    pub ratio: Ratio,
    /// The shortest extra time.
    pub min_ms: DayMs,
    /// The longest extra time.
    pub max_ms: DayMs,
}

/// The latency of a service, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyFile {
    /// The shape.
    pub dist: Dist,
    /// For `fixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<DayMs>,
    /// For `uniform`: the shortest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<DayMs>,
    /// For `uniform`: the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ms: Option<DayMs>,
    /// For `lognormal`: the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<DayMs>,
    /// For `lognormal`: the spread (standard deviation of the logarithm).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<Factor>,
    /// For `empirical`: measured values, or evenly spaced quantiles of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles_ms: Option<Vec<DayMs>>,
    /// For `empirical`: a CSV file of measurements, relative to the scenario file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv: Option<PathBuf>,
    /// The column of that file (default: `latency_ms`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The unit of that column (default: milliseconds). Without it a column that looks like seconds is
    /// refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Added for each thousand input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms_per_1k_input_tokens: Option<Factor>,
    /// The speed at which output is made; its time is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_s: Option<Factor>,
    /// Each other call in service makes this one longer by this share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_factor: Option<Factor>,
    /// A slow tail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<Tail>,
    /// How long a refusal takes (default 150: refusals are quick).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_ms: Option<DayMs>,
}

/// A latency that is ready to be drawn from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Latency {
    shape: Distribution,
    ms_per_1k_input_tokens: f64,
    output_tokens_per_s: f64,
    load_factor: f64,
    tail: Option<Tail>,
    refusal_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
enum Distribution {
    Fixed(u64),
    Uniform(u64, u64),
    Lognormal { median_ms: f64, sigma: f64 },
    Empirical(Vec<u64>),
}

/// The size of a call, as far as its latency depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Other calls in service.
    pub others: u64,
    /// How much slower than usual the service is.
    pub slowness: Slowness,
}

/// How much slower than usual a service is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Slowness {
    /// Answers take this many times as long.
    pub factor: Option<Factor>,
    /// Output is made at this speed at most.
    pub output_tokens_per_s: Option<Factor>,
}

impl Default for Latency {
    fn default() -> Self {
        Self::fixed(0)
    }
}

impl Latency {
    /// Always this long.
    pub fn fixed(ms: u64) -> Self {
        Self {
            shape: Distribution::Fixed(ms),
            ms_per_1k_input_tokens: 0.0,
            output_tokens_per_s: 0.0,
            load_factor: 0.0,
            tail: None,
            refusal_ms: 150,
        }
    }

    /// What each input token adds, in milliseconds.
    pub fn ms_per_input_token(&self) -> f64 {
        self.ms_per_1k_input_tokens / 1000.0
    }

    /// What each output token adds, in milliseconds.
    pub fn ms_per_output_token(&self) -> f64 {
        self.speed(Slowness::default()).map_or(0.0, |speed| 1000.0 / speed)
    }

    /// Takes the draw away; what its tokens and its tail add stays. Gives what it was, in words.
    pub fn without_draw(&mut self) -> String {
        match std::mem::replace(&mut self.shape, Distribution::Fixed(0)) {
            Distribution::Fixed(ms) => format!("{ms} ms"),
            Distribution::Uniform(min, max) => format!("{min} to {max} ms"),
            Distribution::Lognormal { median_ms, .. } => format!("{median_ms} ms at the median"),
            Distribution::Empirical(sorted) => format!("{} measurements", sorted.len()),
        }
    }

    /// Lets every draw be the one in the middle; what its tokens and its tail add stays.
    pub fn without_spread(&mut self) {
        let middle = match &self.shape {
            Distribution::Fixed(ms) => *ms,
            Distribution::Uniform(min, max) => min + (max - min) / 2,
            Distribution::Lognormal { median_ms, .. } => whole(*median_ms).min(LONGEST_MS),
            Distribution::Empirical(sorted) => sorted.get(sorted.len() / 2).copied().unwrap_or(0),
        };
        self.shape = Distribution::Fixed(middle);
    }

    /// Takes away what input tokens add; gives what that was.
    pub fn without_input(&mut self) -> Option<String> {
        let was = std::mem::take(&mut self.ms_per_1k_input_tokens);
        (was > 0.0).then(|| was.to_string())
    }

    /// Takes away what output tokens add; gives what that was.
    pub fn without_output(&mut self) -> Option<String> {
        let was = std::mem::take(&mut self.output_tokens_per_s);
        (was > 0.0).then(|| was.to_string())
    }

    /// Takes the slow tail away; gives the share of the calls that had it.
    pub fn without_tail(&mut self) -> Option<String> {
        self.tail.take().map(|tail| tail.ratio.get().to_string())
    }

    /// Lets every call take this many times as long; refusals stay as quick as they are.
    pub fn stretch(&mut self, times: f64) {
        let longer = |ms: u64| whole(float(ms) * times).min(LONGEST_MS);
        match &mut self.shape {
            Distribution::Fixed(ms) => *ms = longer(*ms),
            Distribution::Uniform(min, max) => (*min, *max) = (longer(*min), longer(*max)),
            Distribution::Lognormal { median_ms, .. } => *median_ms *= times,
            Distribution::Empirical(sorted) => sorted.iter_mut().for_each(|ms| *ms = longer(*ms)),
        }
        self.ms_per_1k_input_tokens *= times;
        self.output_tokens_per_s /= times;
        if let Some(tail) = &mut self.tail {
            let day = |ms: DayMs| DayMs::new(longer(ms.get()).min(86_400_000)).unwrap_or(ms);
            (tail.min_ms, tail.max_ms) = (day(tail.min_ms), day(tail.max_ms));
        }
    }

    /// No call takes less than this.
    pub fn least_ms(&self) -> u64 {
        self.shape.least_ms()
    }

    /// The chance that a call takes less than this, tokens and tail aside; or more than the chance.
    pub fn chance_below(&self, ms: f64) -> f64 {
        self.shape.chance_below(ms)
    }

    /// How long this call takes, the `attempt`-th about `identity`.
    pub fn draw(&self, seed: Seed, stream: &str, identity: u64, attempt: u64, load: Load) -> u64 {
        whole(self.drawn_ms(seed, stream, identity, attempt, load)).min(LONGEST_MS)
    }

    /// The same in parts of a millisecond.
    pub fn drawn_ms(
        &self,
        seed: Seed,
        stream: &str,
        identity: u64,
        attempt: u64,
        load: Load,
    ) -> f64 {
        let stream = Stream::named(stream);
        let draw = seed.draw_of(stream.then(" latency"), identity, attempt);
        let (input_ms, output_ms) = self.of_tokens(load);
        let mut ms = self.shape.draw(draw) + input_ms + output_ms;
        ms *= 1.0 + self.load_factor * float(load.others);
        if let Some(tail) = self.tail {
            let draw = seed.draw_of(stream.then(" tail"), identity, attempt);
            if draw.happens(tail.ratio) {
                let spread = tail.max_ms.get().saturating_sub(tail.min_ms.get());
                let extra = draw.sequence().below(spread + 1);
                ms += float(tail.min_ms.get() + extra);
            }
        }
        (ms * load.slowness.factor.map_or(1.0, Factor::get)).min(float(LONGEST_MS))
    }

    /// What reading the input and writing the output take of a call that takes `latency_ms`, in whole
    /// milliseconds.
    pub fn reading_and_writing(&self, load: Load, latency_ms: u64) -> (u64, u64) {
        let slower = (1.0 + self.load_factor * float(load.others))
            * load.slowness.factor.map_or(1.0, Factor::get);
        let (input_ms, output_ms) = self.of_tokens(load);
        let input_ms = whole(input_ms * slower).min(latency_ms);
        (input_ms, whole(output_ms * slower).min(latency_ms - input_ms))
    }

    /// What the tokens of a call add to its latency where it is the only one.
    fn of_tokens(&self, load: Load) -> (f64, f64) {
        let input_ms = self.ms_per_1k_input_tokens * float(load.input_tokens) / 1000.0;
        let speed = self.speed(load.slowness);
        let output_ms = speed.map_or(0.0, |speed| 1000.0 * float(load.output_tokens) / speed);
        (input_ms, output_ms)
    }

    /// The speed at which output is made, unless it takes no time.
    fn speed(&self, slowness: Slowness) -> Option<f64> {
        let usual = Some(self.output_tokens_per_s).filter(|speed| *speed > 0.0);
        let slow = slowness.output_tokens_per_s.map(Factor::get);
        match (usual, slow) {
            (Some(usual), Some(slow)) => Some(usual.min(slow)),
            (one, None) | (None, one) => one,
        }
    }

    /// How long a refusal takes.
    pub fn refusal_ms(&self) -> u64 {
        self.refusal_ms
    }
}

impl Distribution {
    /// What no draw is less than.
    fn least_ms(&self) -> u64 {
        match self {
            Self::Fixed(ms) => *ms,
            Self::Uniform(min, _) => *min,
            // A draw has 53 bits, so that no normal number lies further out than this.
            Self::Lognormal { median_ms, sigma } => {
                whole(libm::floor(median_ms * libm::exp(-8.6 * sigma)))
            }
            Self::Empirical(sorted) => sorted.first().copied().unwrap_or(0),
        }
    }

    /// The chance that a draw is less than this, or more than the chance.
    fn chance_below(&self, ms: f64) -> f64 {
        match self {
            // Chernoff's bound of a normal number's tail.
            Self::Lognormal { median_ms, sigma } if ms > 0.0 && ms < *median_ms => {
                let out = libm::log(ms / median_ms) / sigma.max(1e-9);
                libm::exp(-out * out / 2.0)
            }
            _ if ms > float(self.least_ms()) => 1.0,
            _ => 0.0,
        }
    }

    fn draw(&self, draw: Draw) -> f64 {
        match self {
            Self::Fixed(ms) => float(*ms),
            Self::Uniform(min, max) => float(min + draw.below(max - min + 1)),
            Self::Lognormal { median_ms, sigma } => draw.lognormal(*median_ms, *sigma),
            Self::Empirical(sorted) => quantile(sorted, draw.unit()),
        }
    }
}

/// The value at `rank` (0 to 1) of sorted values, between neighbours in proportion.
fn quantile(sorted: &[u64], rank: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let position = rank * float(last as u64);
    let below = usize::try_from(whole(libm::floor(position))).unwrap_or(0).min(last);
    let above = (below + 1).min(last);
    let (low, high) = (float(sorted[below]), float(sorted[above]));
    low + (high - low) * (position - float(below as u64))
}

impl LatencyFile {
    /// Checks what was written and reads the measurements it names, relative to `folder`.
    pub fn resolve(&self, folder: &Path) -> Result<Latency, LatencyError> {
        let missing = |dist, key, wanted| LatencyError::Missing { dist, key, wanted };
        self.nothing_unused()?;
        let shape = match self.dist {
            Dist::Fixed => {
                let ms = self.ms.ok_or_else(|| missing(self.dist.name(), "ms", "`ms = 250`"))?;
                Distribution::Fixed(ms.get())
            }
            Dist::Uniform => {
                let min = self
                    .min_ms
                    .ok_or_else(|| missing(self.dist.name(), "min_ms", "`min_ms = 100`"))?;
                let max = self
                    .max_ms
                    .ok_or_else(|| missing(self.dist.name(), "max_ms", "`max_ms = 300`"))?;
                bounds("latencies", min, max)?;
                Distribution::Uniform(min.get(), max.get())
            }
            Dist::Lognormal => {
                let wanted = "`median_ms = 450`";
                let median =
                    self.median_ms.ok_or_else(|| missing(self.dist.name(), "median_ms", wanted))?;
                let sigma = self
                    .sigma
                    .ok_or_else(|| missing(self.dist.name(), "sigma", "`sigma = 0.5`"))?;
                Distribution::Lognormal { median_ms: float(median.get()), sigma: sigma.get() }
            }
            Dist::Empirical => Distribution::Empirical(self.measured(folder)?),
        };
        if let Some(tail) = self.tail {
            bounds("a tail", tail.min_ms, tail.max_ms)?;
        }
        Ok(Latency {
            shape,
            ms_per_1k_input_tokens: self.ms_per_1k_input_tokens.map_or(0.0, Factor::get),
            output_tokens_per_s: self.output_tokens_per_s.map_or(0.0, Factor::get),
            load_factor: self.load_factor.map_or(0.0, Factor::get),
            tail: self.tail,
            refusal_ms: self.refusal_ms.map_or(150, DayMs::get),
        })
    }

    /// A key that the distribution does not use would be a belief that does not hold.
    fn nothing_unused(&self) -> Result<(), LatencyError> {
        let keys = [
            ("ms", Dist::Fixed, self.ms.is_some()),
            ("min_ms", Dist::Uniform, self.min_ms.is_some()),
            ("max_ms", Dist::Uniform, self.max_ms.is_some()),
            ("median_ms", Dist::Lognormal, self.median_ms.is_some()),
            ("sigma", Dist::Lognormal, self.sigma.is_some()),
            ("quantiles_ms", Dist::Empirical, self.quantiles_ms.is_some()),
            ("csv", Dist::Empirical, self.csv.is_some()),
            ("column", Dist::Empirical, self.column.is_some()),
            ("unit", Dist::Empirical, self.unit.is_some()),
        ];
        match keys.into_iter().find(|(_, owner, is_set)| *is_set && *owner != self.dist) {
            Some((key, owner, _)) => {
                Err(LatencyError::Unused { dist: self.dist.name(), key, owner: owner.name() })
            }
            None if self.quantiles_ms.is_some() && self.csv.is_some() => {
                Err(LatencyError::TwoSources)
            }
            None if self.unit.is_some() && self.csv.is_none() => Err(LatencyError::UnitOfNothing),
            None => Ok(()),
        }
    }

    fn measured(&self, folder: &Path) -> Result<Vec<u64>, LatencyError> {
        let mut values: Vec<u64> = match (&self.quantiles_ms, &self.csv) {
            (Some(quantiles), _) if !quantiles.is_empty() => {
                quantiles.iter().map(|ms| ms.get()).collect()
            }
            (_, Some(csv)) => {
                let column = self.column.as_deref().unwrap_or("latency_ms");
                super::measurements::read(&folder.join(csv), column, self.unit)?
            }
            _ => {
                let wanted = "a list of milliseconds, or `csv` with a file of measurements";
                return Err(LatencyError::Missing {
                    dist: self.dist.name(),
                    key: "quantiles_ms",
                    wanted,
                });
            }
        };
        values.sort_unstable();
        Ok(values)
    }
}

fn bounds(what: &'static str, min: DayMs, max: DayMs) -> Result<(), LatencyError> {
    let (min_ms, max_ms) = (min.get(), max.get());
    if min_ms > max_ms { Err(LatencyError::Bounds { what, min_ms, max_ms }) } else { Ok(()) }
}
