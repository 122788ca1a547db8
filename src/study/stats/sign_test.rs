//! The sign test: how likely chance alone has signs as uneven as these.

use crate::units::float;

/// The exact two-sided probability that a fair coin, thrown as often as there are differences, falls
/// at least as unevenly. Pairs without a difference say nothing.
pub fn two_sided(less: u64, more: u64) -> f64 {
    let throws = less + more;
    // ln of n over k, from the gamma function.
    let ln_factorial = |n: u64| libm::lgamma(float(n) + 1.0);
    let ln_all = float(throws) * core::f64::consts::LN_2;
    let probability = |k: u64| {
        libm::exp(ln_factorial(throws) - ln_factorial(k) - ln_factorial(throws - k) - ln_all)
    };
    let tail: f64 = (0..=less.min(more)).map(probability).sum();
    (2.0 * tail).min(1.0)
}
