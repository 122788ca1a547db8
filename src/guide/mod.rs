//! The guide: one page for each thing that one does with `tagspace`. `tagspace guide TOPIC` shows the
//! same pages in a terminal.

mod topic;

pub use self::topic::{TOPICS, Topic};

#[doc = include_str!("scenarios.md")]
pub mod scenarios {}
#[doc = include_str!("targets.md")]
pub mod targets {}
#[doc = include_str!("seeds.md")]
pub mod seeds {}
#[doc = include_str!("ci.md")]
pub mod ci {}
#[doc = include_str!("explain.md")]
pub mod explain {}
#[doc = include_str!("compare.md")]
pub mod compare {}
#[doc = include_str!("tune.md")]
pub mod tune {}
#[doc = include_str!("plan.md")]
pub mod plan {}
#[doc = include_str!("limits.md")]
pub mod limits {}
#[doc = include_str!("real-time.md")]
pub mod real_time {}
#[doc = include_str!("serve.md")]
pub mod serve {}
#[doc = include_str!("tag.md")]
pub mod tag {}
#[doc = include_str!("rollout.md")]
pub mod rollout {}
#[doc = include_str!("library.md")]
pub mod library {}
