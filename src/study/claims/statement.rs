//! A statement: what a claim says of one quantity, so that it can be false.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::measurements::{Measurement, Measurements};
use super::observable::Observable;
use super::worlds::Setup;
use crate::study::experiment::trial::{Trial, TrialError};

/// What a claim says of one quantity under one profile.
#[derive(Debug)]
pub struct Hypothesis {
    /// The profile that it is about.
    pub profile: &'static str,
    /// What is done.
    pub setup: &'static Setup,
    /// What is read.
    pub quantity: Observable,
    /// What it says that this is.
    pub range: RangeInclusive<u64>,
}

/// Where a statement is judged: a quota, and what else differs from the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The quota, as scenarios have it.
    pub quota: String,
    /// Something else of the world, or of the pipeline as it was before and after.
    pub everywhere: Vec<String>,
    /// Something of the pipeline afterwards.
    pub after: Vec<String>,
    /// More runs.
    pub runs: String,
}

impl Configuration {
    /// The plan as it is, with this quota.
    pub fn new(quota: &str) -> Self {
        Self {
            quota: quota.to_owned(),
            everywhere: Vec::new(),
            after: Vec::new(),
            runs: String::new(),
        }
    }

    /// The trial of a profile here.
    pub fn trial(&self, setup: &Setup, profile: &str) -> Trial {
        let mut trial = setup.trial(&self.quota, profile).followed_by(&self.runs);
        let after = self.after.iter().filter(|_| profile != "before");
        for setting in self.everywhere.iter().chain(after) {
            trial = trial.with(setting);
        }
        trial
    }
}

/// What a quantity was, seed by seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// By seed; nothing where there was nothing to read.
    pub values: Vec<Option<u64>>,
    /// How many lie within the statement's range.
    pub held: usize,
}

impl Sample {
    /// How many could be read.
    pub fn read(&self) -> usize {
        self.values.iter().flatten().count()
    }

    /// Smallest, middle (the lower of two) and largest; nothing if nothing could be read.
    pub fn spread(&self) -> Option<(u64, u64, u64)> {
        let mut read: Vec<u64> = self.values.iter().flatten().copied().collect();
        read.sort_unstable();
        Some((*read.first()?, read[(read.len() - 1) / 2], *read.last()?))
    }

    /// Whether the statement holds: in at least 95 % of the seeds that could be read.
    pub fn holds(&self) -> bool {
        self.read() > 0 && !is_refuted(self.read() - self.held, self.read())
    }
}

/// Whether `failures` of `seeds` seeds are too many: more than 5 %.
fn is_refuted(failures: usize, seeds: usize) -> bool {
    failures * 20 > seeds
}

/// The trial of the state before, where a quantity compares with it, and the trial itself.
type Pair = (Arc<Measurement>, Arc<Measurement>);

impl Hypothesis {
    /// Reads the quantity under a profile in all seeds.
    pub fn sample(
        &self,
        measurements: &Measurements<'_>,
        place: &Configuration,
        profile: &str,
    ) -> Result<Sample, TrialError> {
        let seeds = measurements.seeds.min(self.setup.seeds);
        Ok(self.of(&self.play(measurements, place, profile, 1..=seeds)?))
    }

    /// Whether it holds here with seeds 1 to `seeds`, or as many as its setup takes, as soon as that
    /// is certain.
    pub fn holds(
        &self,
        measurements: &Measurements<'_>,
        place: &Configuration,
        seeds: u64,
    ) -> Result<bool, TrialError> {
        /// The seeds that are played before one looks.
        const BLOCK: u64 = 4;
        let seeds = seeds.min(self.setup.seeds);
        let mut sample = Sample { values: Vec::new(), held: 0 };
        let mut next = 1;
        while next <= seeds {
            let last = seeds.min(next + BLOCK - 1);
            let block = self.of(&self.play(measurements, place, self.profile, next..=last)?);
            sample.values.extend(block.values);
            sample.held += block.held;
            let in_all = usize::try_from(seeds).unwrap_or(usize::MAX);
            if is_refuted(sample.values.len() - sample.held, in_all) {
                return Ok(false);
            }
            next = last + 1;
        }
        Ok(sample.holds())
    }

    fn of(&self, trials: &[Pair]) -> Sample {
        let values: Vec<Option<u64>> =
            trials.iter().map(|(before, after)| self.quantity.of(before, after)).collect();
        let held = values.iter().flatten().filter(|value| self.range.contains(value)).count();
        Sample { values, held }
    }

    fn play(
        &self,
        measurements: &Measurements<'_>,
        place: &Configuration,
        profile: &str,
        seeds: RangeInclusive<u64>,
    ) -> Result<Vec<Pair>, TrialError> {
        let after = place.trial(self.setup, profile);
        let before = if self.quantity.compares() {
            place.trial(self.setup, "before")
        } else {
            after.clone()
        };
        let played = measurements.of(&[&before, &after], seeds)?;
        Ok(played.into_iter().map(|pair| (Arc::clone(&pair[0]), Arc::clone(&pair[1]))).collect())
    }
}
