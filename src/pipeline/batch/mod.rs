//! Batches: pages that share one prompt.
//!
//! Pages stand in listing order, and a batch takes the first of them: as many as its [`Room`]
//! allows, by number and by the tokens that prompt and answer are expected to take. A page that
//! alone takes more goes alone. Every page is in exactly one batch.

mod batch;
pub mod plan;
pub mod size;

pub use self::batch::{Batch, BatchId, Batcher, Room};
