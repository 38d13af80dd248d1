//! The hostile run itself: a shop, a crowd that behaves, and one attack after another.

mod attacks;
mod crowd;
mod duplicates;
mod gauge;
mod raw;
mod report;
#[path = "../drill/server.rs"]
#[allow(dead_code, reason = "the drill also kills it")]
mod server;

use attacks::{Attack, OUTWAITS, Target};
use crowd::Crowd;
use gauge::Gauge;
use partita::time::Host;
pub(crate) use report::Report;
use report::Row;
use rustix::process::{Resource, getrlimit, setrlimit};
use server::Server;
use std::path::PathBuf;
use std::time::Duration;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Hostile {
    /// The shop's binary.
    pub(crate) binary: PathBuf,
    /// How long each attack lasts.
    pub(crate) lasts: Duration,
    /// Connections of the attacks that hold them.
    pub(crate) connections: usize,
    /// Requests at once with one idempotency key.
    pub(crate) duplicates: usize,
    /// Well-behaved clients.
    pub(crate) others: usize,
    /// Also the attacks that take longer than they are let.
    pub(crate) all: bool,
}

impl Hostile {
    /// Does it. `say` gets the table, line by line.
    ///
    /// # Errors
    /// It could not be done: the shop did not start or did not stop well, or there is no room for so many connections.
    pub(crate) async fn run(&self, host: &Host, say: &dyn Fn(&str)) -> Result<Report, String> {
        room_for(self.connections.max(self.duplicates))?;
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let server = Server::start(&self.binary, folder.path(), host).await?;
        let gauge = Gauge::of(server.pid().ok_or("the shop has no process")?);
        let crowd = Crowd::new(server.url(), self.others, host)?;
        let mut report = Report::default();
        say(&Report::heading());
        for attack in Attack::all().into_iter().filter(|attack| self.all || !attack.is_long) {
            let row = self.attack(attack, &server, &crowd, &gauge).await?;
            say(&row.to_string());
            report.add(row);
        }
        report.end(crowd.all_ended().await?);
        say(&report.to_string());
        server.stop(host).await?;
        Ok(report)
    }

    /// One attack in a thread of its own, so that it does not slow down those who measure.
    async fn attack(&self, attack: Attack, server: &Server, crowd: &Crowd, gauge: &Gauge) -> Result<Row, String> {
        let address = server.url().trim_start_matches("http://").parse().map_err(|_| "the shop's address is none")?;
        let target = Target { address, lasts: self.lasts, connections: self.connections, duplicates: self.duplicates };
        let (done, seen) = tokio::sync::oneshot::channel();
        let Attack { name, right, run, is_long } = attack;
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = done.send(runtime.map(|runtime| runtime.block_on(run(target))));
        });
        let (seen, peak) = crowd.go_on_while(gauge.watch(seen)).await;
        let seen = seen.map_err(|_| "the attack broke off")?.map_err(|error| error.to_string())?;
        let mut others = crowd.take();
        if !is_long {
            others.must_not_wait(OUTWAITS);
        }
        Ok(Row::new((name, right), seen, others, peak))
    }
}

/// Raises the limit of open files as far as the system lets us.
fn room_for(connections: usize) -> Result<(), String> {
    let wanted = connections as u64 + 256;
    let mut files = getrlimit(Resource::Nofile);
    if files.current.is_some_and(|current| current < wanted) {
        files.current = files.maximum;
        let _ = setrlimit(Resource::Nofile, files);
    }
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < wanted => {
            Err(format!("{allowed} files may be open (ulimit -n), and {wanted} are needed"))
        }
        _ => Ok(()),
    }
}
