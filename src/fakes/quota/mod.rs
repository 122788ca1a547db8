//! Quotas: how many requests and tokens a service takes in a window, and what it says when it
//! takes no more.

mod quota;
mod window;

pub use self::quota::{
    Amount, Change, Dimension, Hint, Quota, QuotaConfig, Refusal, Tier, Used, even_day,
};
pub use self::window::{Leeway, Remaining, Window, WindowKind};
