//! The command line: every command, its options and its examples.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::suite::Stage;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    cargo xtask tidy                     style and architecture, in seconds\n  \
    cargo xtask test                     everything, missing tools skipped\n  \
    cargo xtask test --strict            everything, as CI runs it\n  \
    cargo xtask explore --scenario declined\n  \
    cargo xtask bench engine --json")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Holds style and architecture: each finding as `path:line: what; what to do instead`
    #[command(after_help = "Examples:\n  \
        cargo xtask tidy\n  \
        cargo xtask tidy --verbose           also names files over the soft limit of 400 lines\n\n\
        Exit code: 0 nothing found, 1 findings.")]
    Tidy(Tidy),
    /// Runs every check and every test; the last line is `N passed, N failed, N skipped`
    #[command(after_help = "Examples:\n  \
        cargo xtask test\n  \
        cargo xtask test --strict            a missing browser or backend fails, nothing is skipped\n  \
        cargo xtask test --only clippy --only tests\n  \
        cargo xtask test --list\n\n\
        Tests see:\n  \
        PARTITA_CHROMIUM      path of the browser, when there is one\n  \
        PARTITA_CHROMEDRIVER  path of what drives it\n  \
        PARTITA_STRICT=1      with --strict: fail where you would skip\n  \
        PARTITA_SKIPS         a file; a test that skips itself appends one line to it\n\n\
        Exit code: 0 nothing failed, 1 something failed.")]
    Test(Test),
    /// Crashes the shop's sagas before and after every commit and call, in virtual time
    #[command(after_help = "Examples:\n  \
        cargo xtask explore\n  \
        cargo xtask explore --scenario \"lost reply\" --json\n  \
        cargo xtask explore --seeded-bugs    shows that it catches what it is there to catch\n\n\
        Exit code: 0 all held, 1 a violation, an unexplored point, a zero counter or a missed bug.")]
    Explore(Explore),
    /// Measures in release, each figure beside the machine's limit in the same run
    #[command(after_help = "Examples:\n  \
        cargo xtask bench all\n  \
        cargo xtask bench engine\n  \
        cargo xtask bench append --json      one object a line, nothing else on stdout\n\n\
        Exit code: that of the bench; 1 when it cannot run.")]
    Bench(Bench),
    /// Kills a real shop process at random moments under load, then audits every order
    #[command(after_help = "Examples:\n  \
        cargo xtask drill\n  \
        cargo xtask drill --orders 2000 --kills 5\n  \
        cargo xtask drill --seed 7           the same kills as the run that printed seed 7\n\n\
        Exit code: that of the drill; 1 when an order was lost or ended wrongly.")]
    Drill(Drill),
}

/// Options of `tidy`.
#[derive(Debug, Args)]
pub(crate) struct Tidy {
    /// Also print warnings
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Whatever cannot be reached here fails instead of being skipped
    #[arg(long)]
    pub(crate) strict: bool,
    /// Run this stage only; may be given more than once
    #[arg(long, value_name = "STAGE")]
    pub(crate) only: Vec<Stage>,
    /// Print the stages and stop
    #[arg(long)]
    pub(crate) list: bool,
}

/// Options of `explore`, handed on to the explorer.
#[derive(Debug, Args)]
pub(crate) struct Explore {
    /// Explore this scenario only
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// One JSON object a scenario, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch on one seeded bug after the other; each must be caught
    #[arg(long)]
    pub(crate) seeded_bugs: bool,
    /// Also crash a second time during each recovery
    #[arg(long)]
    pub(crate) double: bool,
}

/// Options of `bench`, handed on to the bench.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    pub(crate) name: BenchName,
    /// One JSON object a row, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// The benches there are.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BenchName {
    /// Sagas of four steps that do nothing: alone, and 256 in flight
    Engine,
    /// Appends to streams: one caller, and 256
    Append,
    /// Whole orders through a real shop process
    Shop,
    /// The cost of an append from 10,000 events to 10,000,000, drawn into docs/guide/append-growth.svg; minutes, not in `all`
    Growth,
    /// Engine, append and shop
    All,
}

/// Options of `drill`, handed on to the drill.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Orders to place
    #[arg(long, default_value_t = 20_000)]
    pub(crate) orders: u32,
    /// Orders in flight at once
    #[arg(long, default_value_t = 256)]
    pub(crate) concurrency: u32,
    /// How often to kill the shop
    #[arg(long, default_value_t = 20)]
    pub(crate) kills: u32,
    /// Seed of the moments to kill at; drawn and printed when not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_shows_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(help.unwrap().starts_with("Examples:\n  cargo xtask"), "{}", command.get_name());
        }
    }
}
