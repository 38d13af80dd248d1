//! `shop backup`: copies the data folder as of one moment, while a shop works on it.

use crate::drive::terminal;
use crate::folder;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use partita::core::Result;
use partita::sqlite::{Copying, Frozen, SetId};
use partita::time::Host;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  shop backup --data ./shop-data --to ./copy
  shop check --data ./copy
  shop --data ./copy                         serve the copy: what it found unfinished goes on

Exit: 0 the copy is whole and on the disk; 1 it is not; 2 wrong usage.";

/// Copies all files of a data folder as of one moment; the shop may go on meanwhile.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BackupArgs {
    /// Folder to copy
    #[arg(long, value_name = "FOLDER", default_value = "./shop-data")]
    pub data: PathBuf,
    /// Folder to copy to; made if it is not there, refused if there is something in it
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Print one JSON object instead of a line
    #[arg(long)]
    pub json: bool,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Serialize)]
struct Copied {
    files: usize,
    bytes: u64,
    /// How long the shop's writers were kept out, in milliseconds.
    held_ms: f64,
}

/// Runs the command.
pub async fn run(args: BackupArgs, host: Host) -> ExitCode {
    match copy(&args, &host).await {
        Ok(copied) => say(&args, copied),
        Err(error) => {
            terminal::err(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn copy(args: &BackupArgs, host: &Host) -> Result<Copied> {
    let paths: Vec<PathBuf> = folder::files(&args.data).into_iter().map(|(_, path)| path).collect();
    let frozen = Frozen::take(&paths, &*host.clock).await?;
    folder::belong_together(&args.data, frozen.contents())?;
    let bar = bar();
    let bytes = frozen.copy(&args.to, SetId::new(&host.entropy), &mut |Copying { done, all }| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(Copied { files: paths.len(), bytes: bytes?, held_ms: frozen.held().as_secs_f64() * 1_000.0 })
}

/// A bar on stderr, hidden where that is no terminal.
fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("[{bar:30}] {pos} of {len} pages");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
}

fn say(args: &BackupArgs, copied: Copied) -> ExitCode {
    if args.json {
        return terminal::out(serde_json::to_string(&copied).unwrap_or_default(), ExitCode::SUCCESS);
    }
    let Copied { files, bytes, held_ms } = copied;
    let to = args.to.display();
    let said = format!("backup: {files} files, {bytes} bytes in {to}; writers were kept out for {held_ms:.1} ms");
    let code = terminal::out(said, ExitCode::SUCCESS);
    terminal::err(format_args!("check it with: shop check --data {to}"));
    code
}
