//! The interval of a share that was counted.

use crate::units::float;

/// Where the true share lies, 19 times of 20, if `events` of `chances` were counted: Wilson's interval,
/// which is of use for few of them too (E. B. Wilson, 1927). Without a chance it is everything.
pub fn interval(events: u64, chances: u64) -> (f64, f64) {
    /// The 97.5th percentile of the normal distribution.
    const Z: f64 = 1.959_964;
    if chances == 0 {
        return (0.0, 1.0);
    }
    let n = float(chances);
    let share = float(events.min(chances)) / n;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * libm::sqrt(share * (1.0 - share) / n + Z * Z / (4.0 * n * n));
    let whole = 1.0 + Z * Z / n;
    (((centre - half) / whole).max(0.0), ((centre + half) / whole).min(1.0))
}
