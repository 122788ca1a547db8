//! The report on the claims: every promise of the plan, played, and what came of it.
//!
//! A [`Claim`] is made of statements, each a range for one quantity. A statement is played in every
//! world with every seed, and holds in a world if it does in at least 95 % of the seeds. Then what
//! the claim depends on is varied, one thing at a time, until it is known from where to where all its
//! statements hold together. A claim holds if they do wherever that was tried; if they do nowhere, it
//! is refuted.

pub mod ablation;
pub mod boundary;
mod catalogue;
mod claim;
pub mod factor;
pub mod findings;
pub mod measurements;
pub mod observable;
pub mod statement;
mod verdict;
pub mod worlds;

pub use self::catalogue::CLAIMS;
pub use self::claim::{Claim, ClaimVerdict};
pub use self::verdict::{ClaimsReport, JudgedClaim, Varied, WorldVerdict, play};
pub use self::worlds::PROFILES;
