//! `shop check`: reads a data folder from end to end, without a shop and without changing it.
//!
//! First each file by itself: is it there, whole, ours, of a known format; are its pages sound, its sequences without a gap,
//! its values readable. Then the files against each other: what one refers to must be in the other.

mod files;
mod held;
mod rules;
mod show;

use crate::drive::terminal;
use clap::Args;
use files::FileReport;
use held::Held;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use partita::core::{Effect, Error, ErrorKind, Result};
use partita::sqlite::OfflineFile;
use rules::RuleReport;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  shop check
  shop check --data ./copy
  shop check --data ./copy --json | jq .rules

Exit: 0 nothing wrong was found; 1 something was, or a shop has the folder open; 2 wrong usage.";

/// Checks a data folder that no shop has open: every file by itself, and the files against each other.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Folder to check
    #[arg(long, value_name = "FOLDER", default_value = "./shop-data")]
    pub data: PathBuf,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
struct CheckReport {
    ok: bool,
    /// Orders in the folder.
    orders: u64,
    files: Vec<FileReport>,
    /// Empty when a file could not be read: then there is nothing to compare.
    rules: Vec<RuleReport>,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> ExitCode {
    let bar = bar();
    let checked = check(&args.data, &bar);
    bar.finish_and_clear();
    match checked {
        Ok(report) => {
            let code = if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            let said =
                if args.json { serde_json::to_string(&report).unwrap_or_default() } else { show::table(&report) };
            terminal::out(said, code)
        }
        Err(error) => {
            terminal::err(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A bar on stderr, hidden where that is no terminal.
fn bar() -> ProgressBar {
    let steps = crate::app::SERVICES.len() as u64 * OfflineFile::PARTS + rules::COUNT;
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("[{bar:30}] {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
}

fn check(folder: &Path, bar: &ProgressBar) -> Result<CheckReport> {
    if !folder.is_dir() {
        let message = if folder.exists() {
            "it is a file; name the folder that `shop --data` was given"
        } else {
            "there is no such folder; name the one that `shop --data` was given"
        };
        return Err(no_shop(folder, message));
    }
    let (files, open) = files::survey(folder, &mut |what| {
        bar.inc(1);
        bar.set_message(what);
    })?;
    if files.iter().all(FileReport::is_empty) {
        return Err(no_shop(folder, "no shop has ever opened it; name the folder that `shop --data` was given"));
    }
    let mut rules = vec![];
    let mut orders = 0;
    if files.iter().all(FileReport::is_good) && open.iter().all(|(_, file)| file.is_some()) {
        let held = Held::read(&open)?;
        orders = held.orders.len() as u64;
        rules = rules::hold(&held, &mut |what| {
            bar.inc(1);
            bar.set_message(what);
        });
    }
    let ok = files.iter().all(FileReport::is_good) && rules.iter().all(|rule| rule.faults == 0);
    Ok(CheckReport { ok, orders, files, rules })
}

fn no_shop(folder: &Path, why: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, why).effect(Effect::None).with("folder", folder.display())
}

impl CheckReport {
    /// Everything that is wrong, counted.
    fn faults(&self) -> u64 {
        let in_files = self.files.iter().map(|file| file.faults.len() as u64);
        in_files.chain(self.rules.iter().map(|rule| rule.faults)).sum()
    }
}
