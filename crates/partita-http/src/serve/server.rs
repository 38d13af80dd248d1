//! Accepting connections, and ending well.

use super::connection::Connections;
use super::open::{Open, Seat};
use super::{Gate, Listener, ServeLimits};
use partita_time::{Clock, Host, timeout};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long the server rests when the system gives it no connection, for instance for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves a router on a listener, HTTP/1.1.
///
/// Each request is handled in a task of its own: a client that goes away does not cancel what it asked for, and a panic is
/// a 500. Dropping the server ends nothing; [`Server::stop`] does, or the end of the host's tasks.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

/// How far a server has come in stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    Stopping,
    Closing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    listeners: usize,
    connections: usize,
    requests: usize,
}

/// What the server, its accepting task and its connections share.
#[derive(Debug)]
pub(super) struct Shared {
    stage: watch::Sender<Stage>,
    counts: watch::Sender<Counts>,
}

impl Shared {
    async fn reached(&self, stage: Stage) {
        // The sender lives as long as this value, so waiting cannot fail.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    pub(super) async fn stopping(&self) {
        self.reached(Stage::Stopping).await;
    }

    pub(super) async fn closing(&self) {
        self.reached(Stage::Closing).await;
    }

    fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|now| std::mem::replace(now, stage.max(*now)) < stage);
    }

    async fn counted(&self, enough: impl FnMut(&Counts) -> bool) {
        let _ = self.counts.subscribe().wait_for(enough).await;
    }
}

/// Counts something for as long as it lives.
pub(super) struct Busy {
    shared: Arc<Shared>,
    which: fn(&mut Counts) -> &mut usize,
}

impl Busy {
    fn new(shared: &Arc<Shared>, which: fn(&mut Counts) -> &mut usize) -> Self {
        shared.counts.send_modify(|counts| *which(counts) += 1);
        Self { shared: shared.clone(), which }
    }

    pub(super) fn request(shared: &Arc<Shared>) -> Self {
        Self::new(shared, |counts| &mut counts.requests)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.counts.send_modify(|counts| *(self.which)(counts) -= 1);
    }
}

impl Server {
    /// Starts to accept connections. Give it a [`Gate`] to change the router later.
    pub fn start(listener: Listener, router: impl Into<Gate>, limits: ServeLimits, host: &Host) -> Self {
        let shared = Arc::new(Shared { stage: watch::Sender::new(Stage::Serving), counts: watch::Sender::default() });
        let accepting = Accepting {
            socket: listener.socket,
            connections: Arc::new(Connections::new(host, router.into(), limits)),
            open: Arc::new(Open::new(host.clock.clone(), limits.connections)),
            host: host.clone(),
            shared: shared.clone(),
        };
        let listening = Busy::new(&shared, |counts| &mut counts.listeners);
        host.spawner.spawn(Box::pin(async move {
            let _listening = listening;
            accepting.run().await;
        }));
        Self { shared, clock: host.clock.clone() }
    }

    /// Stops: takes no more connections, lets requests in flight end for at most `grace`, then closes what is left.
    ///
    /// Work that outlives its connection goes on until the host's tasks end. A second call waits for the same end.
    pub async fn stop(&self, grace: Duration) {
        self.shared.advance(Stage::Stopping);
        let quiet = self.shared.counted(|counts| counts.connections + counts.requests + counts.listeners == 0);
        let _ = timeout(&*self.clock, grace, quiet).await;
        self.shared.advance(Stage::Closing);
        self.shared.counted(|counts| counts.connections + counts.listeners == 0).await;
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.counts.borrow().connections
    }
}

struct Accepting {
    socket: TcpListener,
    connections: Arc<Connections>,
    open: Arc<Open>,
    host: Host,
    shared: Arc<Shared>,
}

impl Accepting {
    async fn run(self) {
        tokio::select! {
            biased;
            () = self.shared.stopping() => {}
            () = self.accept() => {}
        }
    }

    async fn accept(&self) {
        loop {
            match self.socket.accept().await {
                Ok((tcp, _)) => self.serve(tcp, self.open.enter().await),
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted; one that waits is closed for it");
                    self.open.close_longest_waiting();
                    self.host.clock.sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn serve(&self, tcp: tokio::net::TcpStream, seat: Seat) {
        let (connections, shared) = (self.connections.clone(), self.shared.clone());
        let counted = Busy::new(&self.shared, |counts| &mut counts.connections);
        self.host.spawner.spawn(Box::pin(async move {
            let _counted = counted;
            connections.serve(tcp, &seat.arrival, &shared).await;
        }));
    }
}
