//! `partita-bench`: what the house does in a second, each figure beside what the machine allows, measured in the same run.
//!
//! Every row is measured in a process of its own, so that its memory is its own; product and limit take turns in it, so that
//! whatever else the machine does weighs on both.

mod append;
mod engine;
mod flame;
mod growth;
mod machine;
mod measure;
mod plot;
mod proc;
mod raw;
mod recover;
mod row;
mod saga_rows;
mod shop;
mod shop_files;
mod shop_process;

use clap::{Parser, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The same allocator as the shop's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever kept a bench from running, in words.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench                builds in release and measures everything, in about a minute and a half
  cargo xtask bench engine         sagas of four steps that do nothing: alone, and 256 in flight
  cargo xtask bench append --json  appends to the log, one JSON object a row
  cargo xtask bench growth         the cost of an append from 10,000 events to 10,000,000, beside rusqlite's: a quarter of an hour, 4 GB
  cargo xtask bench flame          draws where the time goes, with perf, into docs/guide
  partita-bench shop               needs PARTITA_SHOP_BIN, or `shop` beside this program
  partita-bench engine --data /mnt/disk   on another disk

What each figure means: docs/guide/performance.md.
Exit status: 0 measured; 1 a bench could not run, with the reason; 2 wrong usage.";

/// Measures the house beside the physical limit of the same run.
#[derive(Debug, Parser)]
#[command(name = "partita-bench", version, after_help = EXAMPLES)]
struct Cli {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    bench: Bench,
    /// One JSON object a row, one a line
    #[arg(long)]
    json: bool,
    /// Folder for the data, on the disk to be measured; otherwise beside the build
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Folder for flame graphs and plots
    #[arg(long, value_name = "FOLDER", default_value = "docs/guide")]
    out: PathBuf,
    /// Events that `growth` goes up to
    #[arg(long, value_name = "EVENTS", default_value_t = 10_000_000)]
    most: u64,
    /// One row only, as JSON
    #[arg(long, hide = true, value_name = "NAME")]
    row: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// Sagas of four steps that do nothing: alone, 256 in flight, and a fifth of them unwound
    Engine,
    /// Appends to the log: one caller, 256 callers, and commits of 64 events
    Append,
    /// Whole orders through a shop process, 64 in flight; and 10,000 that a killed one left
    Shop,
    /// All of these
    All,
    /// Flame graphs of engine and shop as SVG, instead of figures
    Flame,
    /// The cost of an append while the log grows, and its plot as SVG; minutes
    Growth,
}

impl Bench {
    const fn rows(self) -> &'static [&'static str] {
        const ALL: [&str; 9] = [
            "engine/1",
            "engine/1/core",
            "engine/256",
            "engine/256/unwind20",
            "append/1",
            "append/256",
            "append/batch64",
            "shop/64",
            "shop/recover",
        ];
        let (engine, rest) = ALL.split_at(4);
        let (append, shop) = rest.split_at(3);
        match self {
            Self::Engine => engine,
            Self::Append => append,
            Self::Shop => shop,
            Self::All => &ALL,
            Self::Flame | Self::Growth => &[],
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match (&cli.row, cli.bench) {
        (Some(name), _) => one(name, cli.data.as_deref()),
        (None, Bench::Flame) => flames(&cli),
        (None, Bench::Growth) => growth(&cli),
        (None, _) => all(&cli),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints to standard output; a closed pipe is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Measures one row in this process.
fn one(name: &str, data: Option<&Path>) -> Result<()> {
    let folder = data.ok_or("--row needs --data")?;
    let before = proc::Machine::now();
    let mut row = match name.split_once('/') {
        Some(("engine", _)) => engine::measure(name, folder)?,
        Some(("append", _)) => append::measure(name, folder)?,
        Some(("shop", "recover")) => recover::measure(name, folder)?,
        Some(("shop", _)) => shop::measure(name, folder)?,
        _ => return Err(format!("there is no row {name}").into()),
    };
    row.host_took = before.host_took_since();
    say(&serde_json::to_string(&row)?);
    Ok(())
}

fn growth(cli: &Cli) -> Result<()> {
    let folder = machine::folder(cli.data.as_deref())?;
    let _ = writeln!(std::io::stderr(), "{}", machine::describe(folder.path())?);
    growth::measure(folder.path(), cli.most, cli.json, &cli.out.join("append-growth.svg"))
}

fn flames(cli: &Cli) -> Result<()> {
    let folder = machine::folder(cli.data.as_deref())?;
    for drawn in flame::draw(&cli.out, folder.path())? {
        say(&drawn.display().to_string());
    }
    Ok(())
}

fn all(cli: &Cli) -> Result<()> {
    let folder = machine::folder(cli.data.as_deref())?;
    let machine = machine::describe(folder.path())?;
    if cli.json {
        let _ = writeln!(std::io::stderr(), "{machine}");
    } else {
        say(&machine);
    }
    let mut rows = vec![];
    for name in cli.bench.rows() {
        let text = measured(name, folder.path())?;
        if cli.json {
            say(text.trim_end());
        } else {
            let _ = writeln!(std::io::stderr(), "measured {name}");
        }
        rows.push(serde_json::from_str(&text)?);
    }
    if !cli.json {
        say(&row::table(&rows));
    }
    Ok(())
}

/// Measures one row in a process of its own, whose data is gone afterwards.
fn measured(name: &str, folder: &Path) -> Result<String> {
    let data = tempfile::tempdir_in(folder)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--row", name, "--data"]).arg(data.path()).stderr(std::process::Stdio::inherit());
    let output = command.output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!("{name} could not be measured; the reason stands above").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound_and_shows_examples() {
        Cli::command().debug_assert();
        assert!(EXAMPLES.starts_with("Examples:\n  cargo xtask bench"));
    }

    #[test]
    fn all_is_every_row_once_and_in_order() {
        let parts = [Bench::Engine, Bench::Append, Bench::Shop].map(Bench::rows).concat();
        assert_eq!(parts, Bench::All.rows());
    }
}
