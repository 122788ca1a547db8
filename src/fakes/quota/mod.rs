//! Quotas: how many requests and tokens a service takes in a window, and what it says when it
//! takes no more.

mod config;
mod dimension;
mod quota;
mod window;

pub use self::config::{Amount, Change, FurtherWindow, Hint, QuotaConfig, Tier, Used};
pub use self::dimension::Dimension;
pub use self::quota::{Quota, Refusal, even_day};
pub use self::window::{Leeway, Remaining, Window, WindowKind};
