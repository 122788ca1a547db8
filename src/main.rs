//! The command `tagspace`: hands the arguments to [`tagspace::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    tagspace::cli::main(std::env::args_os())
}
