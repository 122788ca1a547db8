//! How the limiter that learns scales: with the pages at one quota, with the quota at one number
//! of pages.

use super::league::{ALONE, of_one, run};
use super::{Group, SeedResult, World};
use crate::pipeline::config::LimiterKind;
use crate::study::experiment::runner::TrialRunner;
use crate::study::experiment::trial::TrialError;

/// A quota and a number of pages, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// Requests a minute.
    pub requests: u64,
    /// Pages, each a call of its own.
    pub pages: u64,
    /// By seed, from 1 on.
    pub outcomes: Vec<SeedResult>,
}

/// The quotas and pages that are tried: first more pages, then more quota.
const STEPS: [(u64, &str, u64); 12] = [
    (150, "{ requests = 150 }", 10),
    (150, "{ requests = 150 }", 50),
    (150, "{ requests = 150 }", 200),
    (150, "{ requests = 150 }", 500),
    (150, "{ requests = 150 }", 1_000),
    (150, "{ requests = 150 }", 2_000),
    (5, "{ requests = 5 }", 200),
    (15, "{ requests = 15 }", 200),
    (60, "{ requests = 60 }", 200),
    (150, "{ requests = 150 }", 200),
    (600, "{ requests = 600 }", 200),
    (2_000, "{ requests = 2000 }", 200),
];

/// Plays all steps with `seeds` seeds.
pub fn play(seeds: u64, runner: &TrialRunner) -> Result<Vec<Scaled>, TrialError> {
    let field = |quota, pages| World {
        name: "scale",
        group: Group::Hinted,
        pages,
        quota,
        told: quota,
        settings: &[],
        starts_s: 0,
        deadline_s: 20_000,
    };
    let steps = STEPS.iter().map(|step| (step, 1..=seeds));
    let trials: Vec<(World, u64)> = steps
        .flat_map(|((_, quota, pages), seeds)| seeds.map(move |seed| (field(quota, *pages), seed)))
        .collect();
    let outcomes = runner.each(trials.len(), |index| {
        let (field, seed) = &trials[index];
        let run = run(field, LimiterKind::Quota, *seed, &ALONE)?;
        Ok::<_, TrialError>(of_one(field.pages, run.as_ref()))
    })?;
    let each = usize::try_from(seeds.max(1)).unwrap_or(1);
    let scaled = STEPS.iter().zip(outcomes.chunks(each));
    let scaled = scaled.map(|((requests, _, pages), outcomes)| Scaled {
        requests: *requests,
        pages: *pages,
        outcomes: outcomes.to_vec(),
    });
    Ok(scaled.collect())
}
