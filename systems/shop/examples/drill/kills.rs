//! When to kill, and what a kill hit.

use super::driver::Driver;
use super::server::Server;
use super::watch::first_end;
use partita::time::{Entropy, Host};
use std::fmt;
use std::time::Duration;

/// Counts of accepted orders at which to kill.
#[derive(Debug)]
pub(crate) struct Moments {
    entropy: Entropy,
    orders: u64,
    left: Vec<u64>,
}

impl Moments {
    /// One moment in each of as many equal parts of the run, drawn from a seed. The last twentieth of it is left in peace,
    /// so that there is always something unfinished to hit.
    pub(crate) fn new(seed: u64, orders: u64, kills: u32) -> Self {
        let entropy = Entropy::seeded(seed);
        let span = orders.saturating_sub(orders / 20);
        let parts = u64::from(kills);
        let begin = |part: u64| span * part / parts.max(1);
        let draw = |part: u64| begin(part) + entropy.below(begin(part + 1) - begin(part)).max(1);
        let mut left: Vec<u64> = (0..parts).map(draw).collect();
        left.reverse();
        Self { entropy, orders, left }
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Option<u64> {
        self.left.pop()
    }

    /// One more, soon: the last one hit nothing.
    pub(crate) fn once_more(&mut self, now: u64) {
        self.left.push(now + 1 + self.entropy.below(self.orders / 100));
    }
}

/// A kill and what came after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    /// Orders that were accepted and not finished, as the next process found them.
    pub(crate) unfinished: u64,
    /// From the start of the next process until it took orders.
    pub(crate) ready: Duration,
    /// From the kill until the first order ended after it.
    pub(crate) recovery: Duration,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unfinished, ready, recovery } = self;
        let (ready, recovery) = (ready.as_millis(), recovery.as_millis());
        write!(f, "{unfinished:>4} unfinished, ready again after {ready} ms, first end after {recovery} ms")
    }
}

impl Kill {
    /// Kills the server and starts it again.
    pub(crate) async fn hit(server: &mut Server, driver: &Driver, host: &Host) -> Result<Self, String> {
        let killed = host.clock.now();
        server.kill().await?;
        let started = host.clock.elapsed();
        let unfinished = server.start_again(host).await?;
        let ready = host.clock.elapsed().saturating_sub(started);
        let ended = first_end(server.url(), driver.recent(), killed, host).await?;
        Ok(Self { unfinished, ready, recovery: ended.since(killed) })
    }
}
