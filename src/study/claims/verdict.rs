//! The verdict on each claim, and all of them together.

use super::ablation::Ablation;
use super::boundary::Boundary;
use super::catalogue::CLAIMS;
use super::factor::Factor;
use super::findings::Finding;
use super::measurements::Measurements;
use super::statement::{Configuration, Hypothesis, Sample};
use super::worlds::{AccountTier, TIERS, tiers_of_axes};
use crate::study::claims::claim::{Claim, ClaimVerdict};
use crate::study::claims::worlds::PROFILES;
use crate::study::experiment::trial::TrialError;

/// A statement in one world.
#[derive(Debug)]
pub struct WorldVerdict {
    /// The world.
    pub tier: &'static AccountTier,
    /// What was read under each profile, the statement's own among them.
    pub samples: Vec<(&'static str, Sample)>,
    /// Whether it holds.
    pub holds: bool,
}

/// Where something holds when one thing is varied.
#[derive(Debug)]
pub struct Varied {
    /// What is varied.
    pub axis: &'static Factor,
    /// In which world; none where the world is what is varied.
    pub tier: Option<&'static AccountTier>,
    /// The seeds were 1 to this.
    pub seeds: u64,
    /// Where all statements hold together.
    pub all: Boundary,
    /// Where each of them holds.
    pub each: Vec<Boundary>,
}

/// A claim with what was found of it.
#[derive(Debug)]
pub struct JudgedClaim {
    /// The claim.
    pub claim: &'static Claim,
    /// The verdict.
    pub verdict: ClaimVerdict,
    /// By statement and world.
    pub cells: Vec<Vec<WorldVerdict>>,
    /// Where it holds.
    pub varied: Vec<Varied>,
}

/// All that was found.
#[derive(Debug)]
pub struct ClaimsReport {
    /// The seeds were 1 to this.
    pub seeds: u64,
    /// The claims.
    pub claims: Vec<JudgedClaim>,
    /// What each part of the plan brings.
    pub ablation: Option<Ablation>,
    /// What the plan did not expect.
    pub findings: Vec<Finding>,
}

/// Plays all claims whose number is `only`, or all.
pub fn play(
    only: Option<&str>,
    measurements: &Measurements<'_>,
) -> Result<ClaimsReport, TrialError> {
    let wanted = |id: &str| only.is_none_or(|only| only.eq_ignore_ascii_case(id));
    let claims = CLAIMS.iter().filter(|claim| wanted(claim.id));
    let claims = claims.map(|claim| judge(claim, measurements)).collect::<Result<_, _>>()?;
    let ablation =
        if wanted(super::ablation::ID) { Some(Ablation::play(measurements)?) } else { None };
    let findings = if only.is_none() { super::findings::all(measurements)? } else { Vec::new() };
    Ok(ClaimsReport { seeds: measurements.seeds, claims, ablation, findings })
}

fn judge(
    claim: &'static Claim,
    measurements: &Measurements<'_>,
) -> Result<JudgedClaim, TrialError> {
    let cells: Vec<Vec<WorldVerdict>> = claim
        .statements
        .iter()
        .map(|statement| TIERS.iter().map(|tier| cell(statement, tier, measurements)).collect())
        .collect::<Result<_, _>>()?;
    let mut varied = Vec::new();
    let is_plain = cells.iter().flatten().all(|cell| cell.holds);
    for axis in claim.axes {
        let tiers: Vec<Option<&'static AccountTier>> =
            if axis.is_quota { vec![None] } else { tiers_of_axes().map(Some).collect() };
        for tier in tiers {
            varied.push(vary(claim, axis, tier, measurements)?);
        }
    }
    let somewhere = varied.iter().any(|varied| !varied.all.stretches().is_empty());
    let in_a_world = (0..TIERS.len()).any(|tier| cells.iter().all(|cells| cells[tier].holds));
    let everywhere = varied.iter().all(|varied| varied.all.is_all());
    let verdict = match (is_plain && everywhere, somewhere || in_a_world) {
        (true, _) => ClaimVerdict::Holds,
        (false, true) => ClaimVerdict::HoldsWhen,
        (false, false) => ClaimVerdict::Refuted,
    };
    Ok(JudgedClaim { claim, verdict, cells, varied })
}

fn cell(
    statement: &Hypothesis,
    tier: &'static AccountTier,
    measurements: &Measurements<'_>,
) -> Result<WorldVerdict, TrialError> {
    let place = Configuration::new(tier.quota);
    let mut profiles = PROFILES.to_vec();
    // The state before is not compared with itself.
    profiles.retain(|profile| *profile != "before" || !statement.quantity.compares());
    if !profiles.contains(&statement.profile) {
        profiles.push(statement.profile);
    }
    let samples: Vec<(&'static str, Sample)> = profiles
        .into_iter()
        .map(|profile| Ok((profile, statement.sample(measurements, &place, profile)?)))
        .collect::<Result<_, TrialError>>()?;
    let own = samples.iter().find(|(profile, _)| *profile == statement.profile);
    let holds = own.is_some_and(|(_, sample)| sample.holds());
    Ok(WorldVerdict { tier, samples, holds })
}

fn vary(
    claim: &'static Claim,
    axis: &'static Factor,
    tier: Option<&'static AccountTier>,
    measurements: &Measurements<'_>,
) -> Result<Varied, TrialError> {
    let place = |x| {
        let mut place = Configuration::new(tier.map_or("", |tier| tier.quota));
        (axis.set)(&mut place, x);
        place
    };
    let seeds = measurements.seeds.min(axis.seeds);
    let all = Boundary::find::<TrialError>(axis.points, |x| {
        for statement in claim.statements {
            if !statement.holds(measurements, &place(x), seeds)? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    let each = claim
        .statements
        .iter()
        .map(|statement| {
            Boundary::find(axis.points, |x| statement.holds(measurements, &place(x), seeds))
        })
        .collect::<Result<_, TrialError>>()?;
    Ok(Varied { axis, tier, seeds, all, each })
}
