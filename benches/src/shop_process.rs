//! A shop process, and the one that places orders.

use crate::Result;
use crate::proc::{Usage, usage};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// A drive that takes longer than this does not end at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test: the one that `cargo xtask bench` has built, or the one beside this program.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PARTITA_SHOP_BIN") {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("PARTITA_SHOP_BIN={} is no file", path.display()).into())
        };
    }
    let beside = std::env::current_exe()?.with_file_name("shop");
    if beside.is_file() {
        return Ok(beside);
    }
    Err("no shop program to measure; run `cargo xtask bench shop`, or name one in PARTITA_SHOP_BIN".into())
}

/// A shop that serves; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Kept open, so that the shop can go on printing.
    _out: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a shop on a free port with its data in a folder.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self> {
        Self::start_with(program, data, &[])
    }

    /// The same with further options.
    pub(crate) fn start_with(program: &Path, data: &Path, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(options);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("the shop has no output")?;
        let mut server = Self { child, url: String::new(), _out: BufReader::new(out) };
        let mut line = String::new();
        server._out.read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        server.url = url.ok_or_else(|| format!("the shop did not start: {line:?}"))?.to_owned();
        // The second line comes once the stores are open.
        server._out.read_line(&mut line)?;
        Ok(server)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Latencies as the driver prints them, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// What the driver came to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Driven {
    pub(crate) confirmed: u64,
    pub(crate) orders_per_s: f64,
    pub(crate) accept_ms: Latency,
    pub(crate) end_ms: Latency,
}

/// Places orders, waits for their ends; what the driver found, and the CPU time that it used.
pub(crate) fn drive(program: &Path, url: &str, orders: u64, concurrency: u32) -> Result<(Driven, Usage)> {
    let mut command = Command::new(program);
    command.args(["drive", "--mix", "ok=100", "--json", "--url", url]);
    command.args(["--orders", &orders.to_string(), "--concurrency", &concurrency.to_string()]);
    let mut driver = Driver(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    let pid = driver.0.id().to_string();
    let out = driver.0.stdout.take().ok_or("the driver has no output")?;
    let (send, receive) = channel();
    std::thread::spawn(move || send.send(std::io::read_to_string(out)));
    let late = |_| format!("{orders} orders had not ended after {} s", PATIENCE.as_secs());
    let text = receive.recv_timeout(PATIENCE).map_err(late)??;
    // It has closed its output, and is there until it is waited for: its times can still be read.
    let used = usage(&pid).unwrap_or_default();
    let status = driver.0.wait()?;
    let driven: Driven =
        serde_json::from_str(&text).map_err(|_| format!("the driver failed ({status}) with: {text}"))?;
    if !status.success() || driven.confirmed != orders {
        return Err(format!("of {orders} orders {} were confirmed ({status}): {text}", driven.confirmed).into());
    }
    Ok((driven, used))
}

/// A driver; killed when dropped before its end.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
