//! `shop audit`: asks a running shop for its audit, and checks a client's list of accepted orders against it.

use super::accepted;
use super::finding::AuditReport;
use super::show::table;
use crate::drive::{Accepted, AcceptedList, no_server, parse_span, read_accepted, terminal};
use clap::Args;
use http::StatusCode;
use partita::core::{Effect, Error, ErrorKind, Result};
use partita::http::Client;
use partita::time::{Clock, Host};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A shop says whether it is ready at once, however busy it is; one that says nothing for so long is none.
const KNOCK: Duration = Duration::from_secs(10);

/// An audit reads everything, so it may take this long.
const AUDIT: Duration = Duration::from_secs(300);

/// Between two audits while orders go on.
const PAUSE: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  shop audit
  shop audit --log accepted.log
  shop audit --settle 0s --json | jq .orders

Exit: 0 everything holds; 1 something does not, or there is no server; 2 wrong usage.";

/// Compares every order with stock, points, shipments and payments.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AuditArgs {
    /// How long to wait for orders in progress
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_span)]
    pub settle: Duration,
    /// Also check that every order of this list, as `shop drive --log` writes it, is there and ended
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Where the shop is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(args: AuditArgs, host: Host) -> ExitCode {
    let failed = |text: String, code: u8| {
        terminal::err(format_args!("error: {text}"));
        ExitCode::from(code)
    };
    let client = match Client::network(&args.url, &host) {
        Ok(client) => client,
        Err(error) => return failed(error.to_string(), 2),
    };
    let list = match args.log.as_deref().map(read_accepted).transpose() {
        Ok(list) => list,
        Err(error) => return failed(error, 1),
    };
    if let Some(AcceptedList { torn: Some(line), .. }) = list {
        terminal::err(format_args!(
            "note: line {line} of the list is not whole: whoever wrote it was stopped there; it does not count"
        ));
    }
    let list = list.as_ref().map(|list| &list.accepted[..]);
    match whole(&client, &args, list, &*host.clock).await {
        Ok(report) => finish(&report, args.json),
        Err(error) if error.possible_effect() == Effect::None => failed(no_server(&args.url).0, 1),
        Err(error) => failed(error.to_string(), 1),
    }
}

async fn whole(client: &Client, args: &AuditArgs, list: Option<&[Accepted]>, clock: &dyn Clock) -> Result<AuditReport> {
    knock(client).await?;
    let mut report = settled(client, args.settle, clock).await?;
    if let Some(list) = list {
        report.join(accepted::check(client, list).await?);
    }
    Ok(report)
}

/// Whether somebody answers at all.
async fn knock(client: &Client) -> Result<()> {
    match client.get("/readyz").timeout(KNOCK).send().await {
        Err(error) if error.kind() == ErrorKind::Timeout => {
            let message = "something listens there and does not answer; is it a shop?";
            Err(Error::new(ErrorKind::Timeout, message).because(error))
        }
        answer => answer.map(drop),
    }
}

/// The first audit with nothing in progress, or the first one after the time is up.
async fn settled(client: &Client, settle: Duration, clock: &dyn Clock) -> Result<AuditReport> {
    let begun = clock.elapsed();
    loop {
        let asked = clock.elapsed();
        let report = ask(client).await?;
        let now = clock.elapsed();
        let left = settle.saturating_sub(now.saturating_sub(begun));
        if report.orders.pending == 0 || left.is_zero() {
            return Ok(report);
        }
        let took = now.saturating_sub(asked);
        clock.sleep(PAUSE.max(took).min(left)).await;
    }
}

async fn ask(client: &Client) -> Result<AuditReport> {
    let reply = client.get("/audit").timeout(AUDIT).send().await?;
    if reply.status == StatusCode::OK {
        return reply.json();
    }
    let detail = reply.problem().map(|problem| problem.detail).unwrap_or_default();
    let error = Error::new(ErrorKind::Unavailable, "the shop could not be audited");
    Err(error.with("status", reply.status.as_u16()).with("detail", detail))
}

fn finish(report: &AuditReport, json: bool) -> ExitCode {
    let code = if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    terminal::out(if json { serde_json::to_string(report).unwrap_or_default() } else { table(report) }, code)
}
