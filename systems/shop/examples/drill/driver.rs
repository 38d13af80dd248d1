//! `shop drive` and `shop audit` as processes of their own.

use super::server::append;
use super::{Drill, MIX};
use partita::time::{Host, timeout};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// A run that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(1_800);

/// Without an answer for so long, and for as long as the shop stands still, the driver gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// A payment takes at most 20 s in all: who stands still for so long, or is killed again and again, may end for that.
const LATE: Duration = Duration::from_secs(15);

/// What the drill wants to know of a run.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Driven {
    /// Accepted.
    pub(crate) placed: u64,
    /// Parked though nothing asked for it.
    pub(crate) parked: u64,
    /// Without an end.
    pub(crate) unended: u64,
    /// Gone.
    pub(crate) lost: u64,
    /// With another end than their kind must have.
    pub(crate) wrong_end: u64,
    /// Rejected because they ran out of time, where that is right.
    pub(crate) late: Option<u64>,
}

/// What the drill wants to know of an audit.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Audited {
    /// Each invariant.
    pub(crate) invariants: Vec<Invariant>,
}

/// What became of an invariant.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Invariant {
    /// Which.
    pub(crate) id: String,
    /// How many things were looked at.
    pub(crate) checked: u64,
    /// How many of them were wrong.
    pub(crate) violations: u64,
    /// Some of these.
    pub(crate) examples: Vec<String>,
}

/// A running `shop drive`. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    log: PathBuf,
    read: Option<File>,
    torn: Vec<u8>,
    accepted: u64,
    recent: Vec<String>,
}

impl Driver {
    /// Starts it.
    pub(crate) fn start(drill: &Drill, url: &str, folder: &Path) -> Result<Self, String> {
        let log = folder.join("accepted.log");
        let failed = |error: std::io::Error| format!("the driver does not start: {error}");
        let (orders, concurrency, seed) =
            (drill.orders.to_string(), drill.concurrency.to_string(), drill.seed.to_string());
        let mut command = Command::new(&drill.binary);
        command.args(["drive", "--json", "--url", url, "--mix", MIX, "--orders", &orders]);
        command.args(["--concurrency", &concurrency, "--seed", &seed, "--log"]).arg(&log);
        command.args(["--patience", &format!("{}s", PATIENCE.as_secs() + drill.stop.as_secs())]);
        if drill.stop >= LATE || drill.early + drill.recovering > 0 {
            command.arg("--late-ends");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let child = command.stderr(append(&folder.join("drive.log")).map_err(failed)?).spawn().map_err(failed)?;
        Ok(Self { child, log, read: None, torn: vec![], accepted: 0, recent: vec![] })
    }

    /// Orders accepted when it was last looked.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The orders accepted last, when it was last looked.
    pub(crate) fn recent(&self) -> &[String] {
        &self.recent
    }

    /// Looks how many orders were accepted.
    pub(crate) fn accepted_now(&mut self) -> Result<u64, String> {
        if self.read.is_none() {
            self.read = File::open(&self.log).ok();
        }
        let Some(file) = &mut self.read else { return Ok(0) };
        file.read_to_end(&mut self.torn).map_err(|error| format!("the list of accepted orders: {error}"))?;
        let whole = self.torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.torn.drain(..whole).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.accepted += 1;
            self.recent.push(order_id(line)?);
        }
        let old = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..old);
        Ok(self.accepted)
    }

    /// Whether it has come to its end.
    pub(crate) fn has_ended(&mut self) -> Result<bool, String> {
        self.child.try_wait().map(|status| status.is_some()).map_err(|error| error.to_string())
    }

    /// Waits for its end and reads its report.
    pub(crate) async fn finish(self, host: &Host) -> Result<Driven, String> {
        let output = timeout(&*host.clock, LONGEST, self.child.wait_with_output()).await;
        let output = output.map_err(|_| "the driver does not come to an end".to_owned())?;
        report(&output.map_err(|error| error.to_string())?, "the driver")
    }
}

/// Orders that are looked at for the first end after a kill: more than one wave of them, because those whose authorization
/// is in doubt wait 3 s.
const RECENT: usize = 256;

fn order_id(line: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Accepted {
        order_id: String,
    }
    let accepted: Accepted =
        serde_json::from_slice(line).map_err(|error| format!("a line of accepted.log: {error}"))?;
    Ok(accepted.order_id)
}

/// Audits a shop, with the list of accepted orders.
pub(crate) async fn audit(binary: &Path, url: &str, folder: &Path) -> Result<Audited, String> {
    let mut command = Command::new(binary);
    command.args(["audit", "--json", "--url", url, "--log"]).arg(folder.join("accepted.log"));
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    report(&output.map_err(|error| error.to_string())?, "the audit")
}

fn report<T: DeserializeOwned>(output: &Output, who: &str) -> Result<T, String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{who} reported nothing ({error}) {errors}"))
}
