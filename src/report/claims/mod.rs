//! The ledger of claims: as text, as data, and as pictures.

mod data;
pub(crate) mod plot;
mod text;
pub(crate) mod words;

pub use self::data::{csv, json};
pub use self::text::{summary, text};
use crate::report::draw::PlotError;
use crate::study::claims::ClaimsReport;

/// The profiles beside each other in every world.
pub fn profiles(ledger: &ClaimsReport) -> Result<String, PlotError> {
    plot::profiles(ledger)
}

/// Where the claims hold.
pub fn boundaries(ledger: &ClaimsReport) -> Result<String, PlotError> {
    plot::boundaries(ledger)
}
