//! The project's own commands, run as `cargo xtask <command>`.
//!
//! | command | what it does |
//! |---|---|
//! | `tidy` | holds the style and the architecture: sizes, docs, direction, determinism, bounds, links |
//! | `test` | runs every check and every test, and ends with `N passed, N failed, N skipped` |
//! | `explore` | strikes the shop's sagas with every fault at every point they have, in virtual time |
//! | `simulate` | many orders in one seeded run with faults of every kind, in virtual time |
//! | `bench` | measures, beside the machine's limit in the same run |
//! | `drill` | kills a real shop process again and again under load, then audits it |
//! | `hostile` | treats a real shop process badly in every way that clients can, while others use it |

mod cli;
mod failure;
mod interrupt;
mod policies;
mod process;
mod release;
mod say;
mod stopwatch;
mod suite;
mod tidy;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

use crate::{
    cli::{Cli, Task},
    failure::Result,
    workspace::Workspace,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::watch();
    match run(&cli.task) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say::err(format_args!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<u8> {
    let workspace = Workspace::find()?;
    match task {
        Task::Tidy(args) => Ok(u8::from(tidy::run(&workspace, args.verbose)? > 0)),
        Task::Test(args) => suite::run(&workspace, args),
        Task::Explore(args) => release::explore(&workspace, args),
        Task::Simulate(args) => release::simulate(&workspace, args),
        Task::Bench(args) => release::bench(&workspace, args),
        Task::Drill(args) => release::drill(&workspace, args),
        Task::Hostile(args) => release::hostile(&workspace, args),
    }
}
