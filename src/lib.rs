//! x
pub mod fakes;
pub mod pipeline;
pub mod price;
pub mod rng;
pub mod sim;
pub mod units;
/// x
pub mod cli {
    /// x
    pub fn main<I>(_: I) -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
}
