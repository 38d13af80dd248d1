//! Treats a shop as badly as clients can, one way after another, while well-behaved clients go on; shows what became of them.
//!
//! ```text
//! cargo run --release -p shop --example hostile
//! ```
//!
//! The shop's binary is the one beside this one, or what `PARTITA_SHOP_BIN` names. Everything stays on the loopback
//! interface and ends by itself.

use clap::Parser;
use hostile::Hostile;
use partita::time::Host;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[path = "hostile/mod.rs"]
mod hostile;

/// Attack a shop while others use it.
#[derive(Debug, Parser)]
struct Cli {
    /// How long each attack lasts
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    seconds: u64,
    /// Connections of the attacks that hold them
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    connections: usize,
    /// Requests at once with one idempotency key
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    duplicates: usize,
    /// Well-behaved clients
    #[arg(long, default_value_t = 8, value_name = "N")]
    others: usize,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(&cli)));
    let (text, code) = match outcome {
        Ok(true) => ("nothing was lost".to_owned(), ExitCode::SUCCESS),
        Ok(false) => ("error: not everything held; see above".to_owned(), ExitCode::FAILURE),
        Err(error) => (format!("error: {error}"), ExitCode::FAILURE),
    };
    let _gone = writeln!(std::io::stderr(), "{text}");
    code
}

async fn run(cli: &Cli) -> Result<bool, String> {
    let (host, _tasks) = Host::system();
    let hostile = Hostile {
        binary: binary()?,
        lasts: std::time::Duration::from_secs(cli.seconds.max(1)),
        connections: cli.connections,
        duplicates: cli.duplicates,
        others: cli.others.max(1),
        all: true,
    };
    let report = hostile.run(&host, &|line| drop(writeln!(std::io::stdout(), "{line}"))).await?;
    Ok(report.is_good())
}

fn binary() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("PARTITA_SHOP_BIN") {
        return Ok(named.into());
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = own.parent().and_then(|examples| examples.parent()).map(|target| target.join("shop"));
    beside
        .filter(|path| path.exists())
        .ok_or_else(|| "there is no shop beside this binary; build it first, or name it in PARTITA_SHOP_BIN".to_owned())
}
