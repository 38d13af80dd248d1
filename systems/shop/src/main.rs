//! The shop's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop::cli::main()
}
