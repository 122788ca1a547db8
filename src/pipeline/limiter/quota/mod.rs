//! The limiter kind `quota`: it weighs hypotheses about a quota and prices a refusal.
//!
//! A quota is a counter, not a queue: nothing is steered here, something is found out. Calls are
//! written into a log (`log.rs`), one for each dimension. What a service does is explained by
//! hypotheses (`hypothesis.rs`): a sliding window, one that begins at fixed times, a bucket (`bucket.rs`),
//! each with a limit and a length, or no quota but chance. Each has a cost in nats, the negative logarithm of its
//! weight. An answer or a refusal costs each of them the more, the less it had foreseen that
//! (`posterior.rs`); a refusal also proposes those that explain it (`proposals.rs`).
//!
//! The next call goes at the earliest time at which what may be gained, by the weight of those with
//! room, outweighs the price of a refusal, by the weight of the others (`decision.rs`). The gate
//! (`gate.rs`) guards what no weight may decide: a stated time is waited out, refusals in a row are waited
//! out for longer each time, failures halve the calls in flight, and calls go one by one as long as none
//! was of use and one was not. After a refusal, and after a wait that is only thought to be long enough, as
//! many calls may be unproved as have been proved since (`limit.rs`): 1, 2, 4 and so on, each time that a
//! refusal takes to come back. Prompts that no quota of tokens holds never start (`prompt_size.rs`).
//!
//! What is told is the likeliest quota, with its weight and the second likeliest explanation. Between runs
//! the likeliest is kept, with what was taken of it; it fades by the day (`memory.rs`). The numbers that all
//! this is tuned by stand in `constants.rs`.

mod account;
mod bucket;
mod constants;
mod decision;
mod gate;
mod hypothesis;
mod limit;
mod log;
mod memory;
mod posterior;
mod prompt_size;
mod proposals;

pub use self::limit::QuotaLimiter;
