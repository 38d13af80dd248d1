//! The command line.

use crate::audit::AuditArgs;
use crate::backup::BackupArgs;
use crate::check::CheckArgs;
use crate::drive::DriveArgs;
use crate::serve;
use clap::{Args, Parser, Subcommand};
use partita::time::Host;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

const EXAMPLES: &str = "\
Examples:
  shop                                       serve on 127.0.0.1:8080, data in ./shop-data
  shop --listen 127.0.0.1:0 --data /tmp/s    serve on a free port, data elsewhere
  shop drive --orders 1000 --concurrency 64  place orders and wait for their ends
  shop audit                                 check every invariant of a running shop
  shop backup --data ./shop-data --to ./copy copy everything as of one moment, while it serves
  shop check --data ./copy                   verify a folder that no shop has open
  RUST_LOG=info shop                         say when it takes orders and when it stops, too

Exit status: 0 good; 1 what was asked did not hold (a violation, an order without end, port or folder in use, no server);
2 wrong usage.";

/// A shop that takes an order and never loses it: a complete system on Partita.
///
/// Without a subcommand it serves: every service in one process, each on a SQLite file of its own.
#[derive(Debug, Parser)]
#[command(name = "shop", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT", value_parser = address)]
    pub listen: String,
    /// Folder of the data: one file a service; made if it is not there
    #[arg(long, default_value = "./shop-data", value_name = "FOLDER")]
    pub data: PathBuf,
    /// Orders accepted and not yet ended, at most; over it new ones are answered 503
    #[arg(long, default_value_t = 10_000, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..))]
    pub max_unfinished: u32,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Place orders, wait for each one's end, and check that it is the right one
    Drive(DriveArgs),
    /// Check the invariants of a running shop against every service's own records
    Audit(AuditArgs),
    /// Verify a data folder that no shop has open
    Check(CheckArgs),
    /// Copy a data folder as of one moment, while a shop serves it
    Backup(BackupArgs),
}

/// Whether it is an address with a port; whether the system has it is seen when listening.
fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err("give an address and a port, like 127.0.0.1:8080".to_owned()),
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    // A driver on one thread leaves the rest of the machine to the server that it measures.
    let mut runtime = match cli.command {
        None => tokio::runtime::Builder::new_multi_thread(),
        Some(_) => tokio::runtime::Builder::new_current_thread(),
    };
    // The stores' writers are threads of their own, and take the other half of the machine.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = match runtime.worker_threads(cores.div_ceil(2)).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return serve::failed(&format!("the runtime cannot start: {error}")),
    };
    let code = runtime.block_on(async {
        let (host, group) = Host::system();
        let code = match cli.command {
            None => serve::run(&cli.serve, &host).await,
            Some(Command::Drive(args)) => crate::drive::run(args, host).await,
            Some(Command::Audit(args)) => crate::audit::run(args, host).await,
            Some(Command::Check(args)) => crate::check::run(&args),
            Some(Command::Backup(args)) => crate::backup::run(args, host).await,
        };
        group.end().await;
        code
    });
    runtime.shutdown_background();
    code
}

/// Warnings and errors; `RUST_LOG` opens more. Colours only for a terminal, and never with `NO_COLOR`.
fn log_to_stderr() {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let read = EnvFilter::builder().parse(&asked);
    let unreadable = read.as_ref().err().map(ToString::to_string);
    let filter = read.ok().filter(|_| !asked.is_empty()).unwrap_or_else(|| EnvFilter::new("warn"));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = std::io::stderr().is_terminal() && !plain;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A line that stderr does not take, on a full disk, is left out: told on stderr, its failure would be a panic.
    logs.log_internal_errors(false).init();
    if let Some(error) = unreadable {
        tracing::warn!(error, "RUST_LOG cannot be read; warnings and errors are shown");
    }
}
