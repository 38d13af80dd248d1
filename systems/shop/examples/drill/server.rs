//! The shop as a process of its own.

use partita::http::Client;
use partita::time::{Host, timeout};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A server that does not even listen after this time does not start.
const LISTENS: Duration = Duration::from_secs(30);

/// A server that listens is ready after this time, or something is wrong.
const READY: Duration = Duration::from_secs(60);

/// A server stops within 5 s of the signal.
const STOPS: Duration = Duration::from_secs(10);

/// A running shop. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    binary: PathBuf,
    folder: PathBuf,
    url: String,
    child: Child,
}

impl Server {
    /// Starts a shop on a free port, its data in a new folder, and waits until it takes orders.
    pub(crate) async fn start(binary: &Path, folder: &Path, host: &Host) -> Result<Self, String> {
        let child = spawn(binary, folder, "127.0.0.1:0")?;
        let first = line(folder, 0, host).await?;
        let url = first.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.ok_or_else(|| format!("the shop's first line names no address: {first}"))?.to_owned();
        let server = Self { binary: binary.to_owned(), folder: folder.to_owned(), url, child };
        server.ready(host).await?;
        Ok(server)
    }

    /// Where it listens, also after it was started again.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The id of its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it where it stands and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| format!("the shop could not be killed: {error}"))
    }

    /// Starts it again on the same folder and port. Returns how many orders it found unfinished, as its banner says.
    pub(crate) async fn start_again(&mut self, host: &Host) -> Result<u64, String> {
        let listen = self.url.trim_start_matches("http://");
        self.child = spawn(&self.binary, &self.folder, listen)?;
        self.ready(host).await?;
        let banner = line(&self.folder, 1, host).await?;
        going_on(&banner).ok_or_else(|| format!("the banner does not say how many sagas go on: {banner}"))
    }

    /// Starts it again and kills it so soon. Returns whether it had not even said where it listens.
    pub(crate) async fn kill_early(&mut self, after: Duration, host: &Host) -> Result<bool, String> {
        let listen = self.url.trim_start_matches("http://");
        self.child = spawn(&self.binary, &self.folder, listen)?;
        host.clock.sleep(after).await;
        self.kill().await?;
        Ok(std::fs::read(said(&self.folder)).is_ok_and(|said| said.is_empty()))
    }

    /// Lets it stand still for a while.
    pub(crate) async fn stand_still(&self, wait: Duration, host: &Host) -> Result<(), String> {
        self.signal(Signal::STOP)?;
        host.clock.sleep(wait).await;
        self.signal(Signal::CONT)
    }

    async fn ready(&self, host: &Host) -> Result<(), String> {
        let client = Client::network(&self.url, host).map_err(|error| error.to_string())?;
        let asked = async {
            while !client.get("/readyz").send().await.is_ok_and(|reply| reply.is_success()) {
                host.clock.sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(&*host.clock, READY, asked).await.map_err(|_| "the shop did not get ready".to_owned())
    }

    /// Stops it as an operator would. It must end by itself, and well.
    pub(crate) async fn stop(mut self, host: &Host) -> Result<(), String> {
        self.ends_well(host).await
    }

    /// Stops it as an operator would. Returns how many orders go on at the next start, as it said.
    pub(crate) async fn terminate(&mut self, host: &Host) -> Result<u64, String> {
        self.ends_well(host).await?;
        let text = std::fs::read_to_string(said(&self.folder)).unwrap_or_default();
        let last = text.lines().last().unwrap_or_default();
        let count = last.strip_prefix("stopped; ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        count.ok_or_else(|| format!("its last line does not say how many sagas go on: {last}"))
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let pid = pid.ok_or("the shop ended before it was told to")?;
        kill_process(pid, signal).map_err(|error| format!("the shop does not get its signal: {error}"))
    }

    async fn ends_well(&mut self, host: &Host) -> Result<(), String> {
        self.signal(Signal::TERM)?;
        let ended = timeout(&*host.clock, STOPS, self.child.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the shop ended with {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the shop did not stop".to_owned()),
        }
    }
}

fn spawn(binary: &Path, folder: &Path, listen: &str) -> Result<Child, String> {
    let failed = |error: std::io::Error| format!("{} does not start: {error}", binary.display());
    let log = append(&folder.join("server.log")).map_err(failed)?;
    let said = File::create(said(folder)).map_err(failed)?;
    Command::new(binary)
        .args(["--listen", listen, "--data"])
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(said)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)
}

/// What the newest process said on stdout.
fn said(folder: &Path) -> PathBuf {
    folder.join("server.out")
}

/// A file that several runs of a process write to, one after another.
pub(crate) fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Waits until the newest process has said its line number `index`, the first being 0.
async fn line(folder: &Path, index: usize, host: &Host) -> Result<String, String> {
    let waiting = async {
        loop {
            let text = std::fs::read_to_string(said(folder)).unwrap_or_default();
            if let Some(line) = text.split_inclusive('\n').nth(index).filter(|line| line.ends_with('\n')) {
                return line.trim_end().to_owned();
            }
            host.clock.sleep(Duration::from_millis(5)).await;
        }
    };
    let said = timeout(&*host.clock, LISTENS, waiting).await;
    said.map_err(|_| format!("the shop did not say line {index}; server.log may say why"))
}

/// The number in `.. 3 sagas go on`.
fn going_on(banner: &str) -> Option<u64> {
    let (before, _) = banner.split_once(" sagas go on").or_else(|| banner.split_once(" saga go on"))?;
    before.rsplit(' ').next()?.parse().ok()
}
