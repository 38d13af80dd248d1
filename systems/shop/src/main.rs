//! The shop's binary.

use std::process::ExitCode;

/// Commits are made in one thread and freed in another, which this one is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    shop::cli::main()
}
