//! What no setting of the pipeline could beat: the fewest calls and the shortest makespan of a run.
//!
//! The work is the scenario's: the pages with the text that is read of them, each distinct text once
//! and only if no earlier run has its answer, and the labels that have to be written. The limits are
//! those from outside: the quota of each service, the latency of each call, the most pages that a
//! prompt may hold. Nothing else of the pipeline counts. `prompts` asks how many pages the model can
//! have answered by a time, `starts` when a quota lets calls start, `least` how quick a call
//! about a page can be in any of its attempts, and [`of`] puts together what has to come
//! before and after.
//!
//! It is a lower bound. What is left out only makes a run longer: other calls in service, slow spells,
//! a neighbour's calls, what earlier runs have used of a quota.

mod bound;
mod least;
mod prompts;
mod starts;
mod work;

pub use self::bound::{Bound, of};
pub use self::prompts::{Done, Prompts, least_time};
pub use self::starts::{Start, earliest, last_token};
