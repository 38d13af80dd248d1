//! Serving: listen, open, run, stop.

use crate::app::{Files, Shop};
use crate::cli::ServeArgs;
use crate::ordering::Options;
use partita::core::{Error, ErrorKind, Result};
use partita::http::{Gate, Listener, ServeLimits, Server};
use partita::saga::{Class, Sagas};
use partita::time::Host;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Attempts under way may end this long after a signal.
const GRACE: Duration = Duration::from_secs(2);
/// Requests in flight may end this long after that.
const LAST_REQUESTS: Duration = Duration::from_secs(1);
/// How long a process that was killed may still hold the address.
const DYING: Duration = Duration::from_secs(1);
/// Files that a shop opens beside its connections.
const OTHER_FILES: u64 = 128;
/// The stores' files, and a few connections.
const LEAST_FILES: u64 = 100;

/// Serves until a signal.
pub(crate) async fn run(args: &ServeArgs, host: &Host) -> ExitCode {
    match serve(args, host).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Says what went wrong.
pub(crate) fn failed(why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::FAILURE
}

/// Writes to standard output; a closed pipe is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

async fn serve(args: &ServeArgs, host: &Host) -> Result<()> {
    let mut signals = Signals::new()?;
    let limits = limits()?;
    let listener = bind(&args.listen, host).await?;
    say(&format!("shop listens on http://{}\n", listener.local_addr()));
    let url = reachable(listener.local_addr());
    let gate = Gate::from(Shop::opening()).worded(Shop::refused);
    let server = Server::start(listener, gate.clone(), limits, host);
    let (shop, is_new) = tokio::select! {
        biased;
        opened = open(args, &url, host) => opened?,
        () = signals.next() => {
            say("stopped while it opened; what is unfinished goes on at the next start\n");
            return Ok(());
        }
    };
    gate.set(shop.router());
    let found = found(&shop, is_new).await?;
    tracing::info!(data = %args.data.display(), found, "orders are taken");
    say(&banner(&url, args, &found));
    signals.next().await;
    tracing::info!(unfinished = shop.ordering().unfinished(), "stopping");
    tokio::select! {
        biased;
        () = stop(&shop, &gate, &server) => Ok(()),
        () = signals.next() => Ok(()),
    }
}

/// Opens the shop of a folder, and says whether that is a new one. Given up, it leaves what a crash would.
async fn open(args: &ServeArgs, url: &str, host: &Host) -> Result<(Shop, bool)> {
    std::fs::create_dir_all(&args.data).map_err(|error| unusable(&args.data, error))?;
    let files = Files::at(&args.data, host)?;
    let is_new = !args.data.join("ordering.db").exists();
    let options = Options { max_unfinished: args.max_unfinished, ..Options::default() };
    Ok((Shop::open(&files, options, url, host).await.map_err(without_room)?, is_new))
}

/// Takes the address. A process that was killed a moment ago may hold it for another moment.
async fn bind(address: &str, host: &Host) -> Result<Listener> {
    let give_up = host.clock.elapsed() + DYING;
    loop {
        match Listener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::InUse && host.clock.elapsed() < give_up => {
                host.clock.sleep(Duration::from_millis(50)).await;
            }
            bound => return bound,
        }
    }
}

/// The URL of an address, for this machine. One that stands for all addresses is listened on, not connected to.
fn reachable(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    format!("http://{address}")
}

/// Whoever comes until the process ends is told that it stops.
async fn stop(shop: &Shop, gate: &Gate, server: &Server) {
    shop.rest(GRACE).await;
    gate.set(Shop::stopping());
    server.drain(LAST_REQUESTS).await;
    shop.close().await;
    say(&format!("stopped; {} go on at the next start\n", count(shop.ordering().unfinished(), "saga", "sagas")));
}

/// Opening writes to each file. On a full disk it cannot, and changes nothing.
fn without_room(error: Error) -> Error {
    if error.kind() != ErrorKind::StorageFull {
        return error;
    }
    error.with("way out", "make room on the disk of the data folder and start again; nothing that was accepted is lost")
}

fn unusable(folder: &Path, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let full = Error::new(ErrorKind::StorageFull, "no room to make the data folder");
        return without_room(full.with("folder", folder.display()).because(error));
    }
    let why = if folder.is_file() { "it is a file".to_owned() } else { error.to_string() };
    let message = format!("the data folder {} cannot be used ({why}); choose another with --data", folder.display());
    Error::new(ErrorKind::Io, message)
}

/// What is answered however many requests there are: the probe, and the operator's pages.
const VITAL: [&str; 2] = ["/readyz", "/console"];

/// The connections that the limit of open files allows. It is raised first, as far as the system lets us.
///
/// # Errors
/// `Invalid` where there is no room for the stores' own files and some connections.
fn limits() -> Result<ServeLimits> {
    let limits = ServeLimits { vital: &VITAL, ..ServeLimits::default() };
    let wanted = limits.connections as u64 + OTHER_FILES;
    let mut files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < wanted) {
        files.current = Some(files.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        let _ = setrlimit(Resource::Nofile, files);
    }
    let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < wanted) else {
        return Ok(limits);
    };
    if allowed < LEAST_FILES {
        let message = format!(
            "a shop opens {LEAST_FILES} files and more, and {allowed} are allowed; raise the limit (ulimit -n)"
        );
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let connections = usize::try_from(allowed.saturating_sub(OTHER_FILES).max(16)).unwrap_or(16);
    tracing::warn!(allowed, connections, "few open files are allowed (ulimit -n): fewer connections are taken at once");
    Ok(ServeLimits { connections, requests: limits.requests.min(connections / 2), ..limits })
}

/// SIGINT and SIGTERM.
struct Signals(Signal, Signal);

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|error| Error::new(ErrorKind::Io, error.to_string()));
        Ok(Self(listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// What was in the data folder.
async fn found(shop: &Shop, is_new: bool) -> Result<String> {
    if is_new {
        return Ok("new".to_owned());
    }
    let counts = shop.ordering().engine().counts().await?;
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let parked = counts.iter().find(|(class, _)| *class == Class::Parked).map_or(0, |(_, count)| *count);
    let mut text = count(i64::try_from(all).unwrap_or(i64::MAX), "order", "orders");
    let _ = write!(text, ", {} go on", count(shop.ordering().taken_over(), "saga", "sagas"));
    if parked > 0 {
        let _ = write!(text, ", {parked} wait for an operator");
    }
    Ok(text)
}

fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn banner(url: &str, args: &ServeArgs, found: &str) -> String {
    let order = |method: &str| crate::app::order_to_try(url, &key(), method);
    format!(
        "data     {} ({found})\nconsole  {url}/console\n\nplace an order (pasted twice, the second answer is the first one again):\n  {}\n\
         place one that takes 5 seconds, and kill the shop meanwhile; start it again and see the order finished:\n  {}\n  kill -9 {}\n",
        args.data.display(),
        order("pm_ok"),
        order("pm_slow"),
        std::process::id(),
    )
}

/// A fresh key for an order to try.
fn key() -> String {
    let entropy = partita::time::Entropy::from_system();
    format!("try-{:016x}", entropy.next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_paste_name_an_address_that_can_be_connected_to() {
        for (listens, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:80", "http://[::1]:80"),
            ("127.0.0.2:1", "http://127.0.0.2:1"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), url);
        }
    }
}
