//! The value of a figure.

use crate::units::Share;

use crate::study::measure::distribution::Distribution;

/// The value of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One number.
    Number(u64),
    /// A share; of nothing it is without samples.
    Share(Share),
    /// Many samples.
    Distribution(Distribution),
    /// A number over time.
    Level {
        /// Its lowest.
        min: u64,
        /// Its highest.
        max: u64,
        /// Its last.
        last: u64,
    },
}
