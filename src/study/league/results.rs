//! All that a league came to.

use super::league::WorldResult;
use super::random::RandomResult;
use super::scaling::Scaled;

/// All that a league came to.
#[derive(Debug)]
pub struct LeagueResults {
    /// The fields.
    pub fields: Vec<WorldResult>,
    /// How the limiter that learns scales; nothing where only a part of the fields was played.
    pub scaled: Vec<Scaled>,
    /// The worlds that are drawn; nothing where only a part of the fields was played.
    pub random: Vec<RandomResult>,
    /// Seeds for each trial of a field.
    pub seeds: u64,
}
