//! Kills a shop with `SIGKILL`, again and again, while customers place orders, and shows what became of every one.
//!
//! ```text
//! cargo run --release -p shop --example drill -- --orders 20000 --concurrency 256 --kills 20
//! ```
//!
//! The shop's binary is the one beside this one, or what `PARTITA_SHOP_BIN` names.

use clap::Parser;
use drill::{Drill, Report};
use partita::time::Host;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

#[path = "drill/mod.rs"]
mod drill;

/// Kill a shop at random moments while it is driven, and audit it afterwards.
#[derive(Debug, Parser)]
struct Cli {
    /// How many orders to place
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    orders: u64,
    /// How many orders may be placed and not yet ended at once
    #[arg(long, default_value_t = 256, value_name = "C")]
    concurrency: u32,
    /// How often to kill the server
    #[arg(long, default_value_t = 20, value_name = "K")]
    kills: u32,
    /// How many starts to kill within their first 100 ms
    #[arg(long, default_value_t = 0, value_name = "K")]
    early: u32,
    /// How often to kill the server while it takes up what the one before it left
    #[arg(long, default_value_t = 0, value_name = "K")]
    recovering: u32,
    /// How often to stop it with SIGTERM
    #[arg(long, default_value_t = 0, value_name = "N")]
    terms: u32,
    /// Seconds to let it stand still (SIGSTOP), once
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    stop: u32,
    /// Fixes orders and moments of the kills; drawn and shown when it is not given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    runtime.block_on(async {
        let (host, _tasks) = Host::system();
        let drilled = tokio::select! {
            biased;
            () = interrupted() => return failed("interrupted"),
            drilled = run(&cli, &host) => drilled,
        };
        match drilled {
            Ok(report) => finish(&report, cli.json),
            Err(error) => failed(&error),
        }
    })
}

async fn run(cli: &Cli, host: &Host) -> Result<Report, String> {
    let drill = Drill {
        binary: binary()?,
        orders: cli.orders,
        concurrency: cli.concurrency,
        kills: cli.kills,
        early: cli.early,
        recovering: cli.recovering,
        terms: cli.terms,
        stop: Duration::from_secs(cli.stop.into()),
        seed: cli.seed.unwrap_or_else(|| host.entropy.next_u64() >> 32),
    };
    let _gone = writeln!(std::io::stderr(), "seed {}", drill.seed);
    drill.run(host, &|line| drop(writeln!(std::io::stderr(), "{line}"))).await
}

fn binary() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("PARTITA_SHOP_BIN") {
        return Ok(named.into());
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = own.parent().and_then(|examples| examples.parent()).map(|target| target.join("shop"));
    let built = beside.filter(|path| path.exists());
    built
        .ok_or_else(|| "there is no shop beside this binary; build it first, or name it in PARTITA_SHOP_BIN".to_owned())
}

/// Ends what was started, because dropping it does.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn failed(error: &str) -> ExitCode {
    let _gone = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

fn finish(report: &Report, json: bool) -> ExitCode {
    let line = if json { serde_json::to_string(report).unwrap_or_default() } else { report.to_string() };
    let _gone = writeln!(std::io::stdout(), "{line}");
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
