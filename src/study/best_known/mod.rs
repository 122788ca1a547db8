//! How close one comes to the bound: for each scenario the best settings that are known, beside the
//! bound and the profiles.
//!
//! The best settings are found on some seeds, with every page labelled by the primary alone, and judged
//! on others. Where they stay far above the bound, either the bound knows what no pipeline can (which
//! call will be slow, and which refused), or there are better settings. The same settings in a
//! [`calm`](calm::calm) world tell one from the other: there the bound knows nothing more.

mod best_known;
pub mod calm;

pub use self::best_known::{BestKnown, KnownSettings, find, measure, spec};
