//! Accepting connections, and ending well.

use super::connection::{Client, Connections};
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
    Draining,
    Closing,
    Ended,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    listeners: usize,
    connections: usize,
    /// Those that came while it drains.
    late: usize,
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

    pub(super) fn is_draining(&self) -> bool {
        *self.stage.borrow() >= Stage::Draining
    }

    pub(super) async fn draining(&self) {
        self.reached(Stage::Draining).await;
    }

    pub(super) async fn closing(&self) {
        self.reached(Stage::Closing).await;
    }

    pub(super) async fn ended(&self) {
        self.reached(Stage::Ended).await;
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

    fn connection(shared: &Arc<Shared>) -> Self {
        Self::new(shared, |counts| &mut counts.connections)
    }

    /// A connection that draining does not wait for.
    pub(super) fn late(shared: &Arc<Shared>) -> Self {
        Self::new(shared, |counts| &mut counts.late)
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

    /// Lets requests in flight end for at most `grace`, then closes what is left. Whoever connects from now on is still heard,
    /// one request a connection: set a router that refuses before, with [`Gate::set`].
    ///
    /// Work that outlives its connection goes on until the host's tasks end.
    pub async fn drain(&self, grace: Duration) {
        self.shared.advance(Stage::Draining);
        let quiet = self.shared.counted(|counts| counts.connections + counts.requests == 0);
        let _ = timeout(&*self.clock, grace, quiet).await;
        self.shared.advance(Stage::Closing);
        self.shared.counted(|counts| counts.connections == 0).await;
    }

    /// Drains, then takes no more connections. A second call waits for the same end.
    pub async fn stop(&self, grace: Duration) {
        self.drain(grace).await;
        self.shared.advance(Stage::Ended);
        self.shared.counted(|counts| counts.connections + counts.late + counts.listeners == 0).await;
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        let counts = *self.shared.counts.borrow();
        counts.connections + counts.late
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
            () = self.shared.ended() => {}
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
        let late = self.shared.is_draining();
        let counted = if late { Busy::late(&self.shared) } else { Busy::connection(&self.shared) };
        let client = Client { tcp, counted, late };
        self.host.spawner.spawn(Box::pin(async move {
            connections.serve(client, &seat.arrival, &shared).await;
        }));
    }
}
