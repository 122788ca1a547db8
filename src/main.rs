//! The command `tagspace`: hands the arguments to [`tagspace::cli`].

use std::process::ExitCode;

/// A simulated page is a few hundred small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tagspace::cli::main(std::env::args_os())
}
