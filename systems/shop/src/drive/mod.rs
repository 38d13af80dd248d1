//! `shop drive`: places orders and holds the shop to what it promised about each of them.
//!
//! It talks to the shop by its public routes only, and it outlives the shop: kill the server and start it again, and
//! every order that was accepted must still come to the end that its kind must have.

mod link;
mod log;
mod mix;
mod order;
mod plan;
mod presence;
mod report;
mod run;
mod span;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use partita::http::Client;
use partita::time::Host;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

pub use link::{GaveUp, Link};
pub use log::{Accepted, AcceptedList, read_accepted};
pub use mix::{Kind, Mix};
pub use order::{End, Outcome};
pub use plan::{Plan, PlannedLine, PlannedOrder};
pub use report::{DriveReport, Latency};
pub(crate) use run::no_server;
pub use run::{DriveOptions, DriveOutcome, drive};
pub use span::parse_span;

const EXAMPLES: &str = "\
Examples:
  shop drive --orders 1000 --concurrency 64
  shop drive --orders 20000 --concurrency 256 --log accepted.log --mix ok=60,lost_reply=20,cancel=20
  shop drive --orders 500 --concurrency 32 --seed 7 --json | jq .orders_per_s

Kinds: ok, declined, capture_declined, slow, lost_reply, lost_request, flaky, undo_fails, out_of_stock, cancel.
Exit: 0 every order ended as its kind must; 1 one did not, or there is no server; 2 wrong usage.";

/// Places orders and waits until each has ended as it must.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DriveArgs {
    /// How many orders to place
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub orders: u64,
    /// How many orders may be placed and not yet ended at once
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub concurrency: u32,
    /// Kinds of orders with their weights
    #[arg(long, value_name = "KIND=WEIGHT,..", default_value_t = Mix::default())]
    pub mix: Mix,
    /// Fixes customers, products and kinds; the keys are fresh in every run
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How long to go on without any answer from the server
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_span)]
    pub patience: Duration,
    /// Write one line {"key","order_id"} for each accepted order; an existing file is replaced
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Count orders that run out of time as rightly ended: the server is going to stand still for long
    #[arg(long)]
    pub late_ends: bool,
    /// Where the shop is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(args: DriveArgs, host: Host) -> ExitCode {
    let client = match Client::network(&args.url, &host) {
        Ok(client) => client,
        Err(error) => {
            terminal::err(format_args!("error: {error}"));
            return ExitCode::from(2);
        }
    };
    let link = Arc::new(Link::new(client, &host, &args.url, args.patience));
    let options = DriveOptions {
        url: args.url,
        orders: args.orders,
        concurrency: usize::try_from(args.concurrency).unwrap_or(usize::MAX),
        mix: args.mix,
        seed: args.seed,
        log: args.log,
        late_ends: args.late_ends,
    };
    let bar = progress(options.orders);
    let outcome = drive(&options, link, &bar).await;
    bar.finish_and_clear();
    match outcome {
        Ok(outcome) => finish(&outcome, args.json),
        Err(gave_up) => {
            terminal::err(format_args!("error: {gave_up}"));
            ExitCode::FAILURE
        }
    }
}

/// A bar on stderr, hidden where that is no terminal. It has no colours to be switched off.
fn progress(orders: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(orders), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("[{bar:30}] {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
}

fn finish(outcome: &DriveOutcome, json: bool) -> ExitCode {
    let code = if outcome.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let code = print(&outcome.report, json, code);
    if let Some(gave_up) = &outcome.gave_up {
        terminal::err(format_args!("error: {gave_up}"));
    } else if !outcome.ok {
        terminal::err(format_args!("error: {}", outcome.report.faults()));
    }
    code
}

fn print(report: &DriveReport, json: bool, code: ExitCode) -> ExitCode {
    if json {
        terminal::out(serde_json::to_string(report).unwrap_or_default(), code)
    } else {
        terminal::out(report, code)
    }
}
