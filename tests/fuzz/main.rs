//! Inputs that nobody meant: edited examples for every parser, and random scenarios. None of them
//! ends in a panic. See `engine.rs` for how many are played, and for what is kept.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

/// As the program has it: whole scenarios are played here too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod engine;
mod limiters; // limiters and quotas
mod markup; // pages and documents
mod parsers; // what people write and edit
mod scenarios; // whole scenarios
mod services; // what goes over the wire
