//! What is done to the shop and when, and what a kill hit.

use super::Drill;
use super::driver::Driver;
use super::server::Server;
use super::watch::first_end;
use partita::time::{Entropy, Host};
use std::fmt;
use std::time::Duration;

/// A start is killed early when it is killed within this time.
const EARLY: Duration = Duration::from_millis(100);

/// Recovery is killed within this time after the shop is ready again.
const RECOVERING: Duration = Duration::from_millis(300);

/// What is done to a shop at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Killed, then the next starts too: so many early, so many while they recover.
    Kill(Follow),
    /// Told to stop, and started again.
    Term,
    /// Stopped for a while, and let go on.
    Stand,
}

/// Kills that follow upon a kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follow {
    /// Within the first 100 ms of a start.
    pub(crate) early: u32,
    /// While the shop takes up what the one before it left.
    pub(crate) recovering: u32,
}

/// Counts of accepted orders, with what to do then.
#[derive(Debug)]
pub(crate) struct Moments {
    entropy: Entropy,
    orders: u64,
    left: Vec<(u64, Blow)>,
}

impl Moments {
    /// One moment in each of as many equal parts of the run, drawn from a seed. The last twentieth of it is left in peace,
    /// so that there is always something unfinished to hit.
    pub(crate) fn new(drill: &Drill) -> Self {
        let entropy = Entropy::seeded(drill.seed);
        let span = drill.orders.saturating_sub(drill.orders / 20);
        let blows = blows(drill, &entropy);
        let parts = blows.len() as u64;
        let begin = |part: u64| span * part / parts.max(1);
        let draw = |part: u64| begin(part) + entropy.below(begin(part + 1) - begin(part)).max(1);
        let mut left: Vec<_> = (0..parts).map(draw).zip(blows).collect();
        left.reverse();
        Self { entropy, orders: drill.orders, left }
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Option<(u64, Blow)> {
        self.left.pop()
    }

    /// One kill more, soon: the last one hit nothing.
    pub(crate) fn once_more(&mut self, now: u64) {
        self.left.push((now + 1 + self.entropy.below(self.orders / 100), Blow::Kill(Follow::default())));
    }

    fn within(&self, most: Duration) -> Duration {
        most.mul_f64(f64::from(u32::try_from(self.entropy.below(1 << 20)).unwrap_or(0)) / f64::from(1 << 20))
    }
}

/// All that was asked for, in an order drawn from the seed.
fn blows(drill: &Drill, entropy: &Entropy) -> Vec<Blow> {
    let share = |all: u32, part: u32| {
        let (all, part, parts) = (u64::from(all), u64::from(part), u64::from(drill.kills));
        u32::try_from(all * (part + 1) / parts - all * part / parts).unwrap_or(0)
    };
    let kill = |part| Follow { early: share(drill.early, part), recovering: share(drill.recovering, part) };
    let mut blows: Vec<Blow> = (0..drill.kills).map(|part| Blow::Kill(kill(part))).collect();
    blows.extend((0..drill.terms).map(|_| Blow::Term));
    blows.extend((!drill.stop.is_zero()).then_some(Blow::Stand));
    for last in (1..blows.len()).rev() {
        blows.swap(last, usize::try_from(entropy.below(last as u64 + 1)).unwrap_or(0));
    }
    blows
}

/// A kill and what came after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    /// Kills that followed upon it.
    pub(crate) follow: Follow,
    /// Of the early ones, how many came before the start had said anything.
    pub(crate) silent: u32,
    /// Orders that were accepted and not finished, as the next process found them.
    pub(crate) unfinished: u64,
    /// From the start of the next process until it took orders.
    pub(crate) ready: Duration,
    /// From the kill until the first order ended after it; as `ready` where all that were watched had ended before.
    pub(crate) recovery: Duration,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { follow: Follow { early, recovering }, unfinished, ready, recovery, .. } = self;
        let (ready, recovery) = (ready.as_millis(), recovery.as_millis());
        write!(f, "{unfinished:>4} unfinished, ready again after {ready} ms, first end after {recovery} ms")?;
        if early + recovering > 0 { write!(f, " (killed {early} x early, {recovering} x recovering)") } else { Ok(()) }
    }
}

impl Kill {
    /// Kills the server, then its next starts as far as that follows, and starts it again.
    pub(crate) async fn hit(
        server: &mut Server,
        driver: &Driver,
        (moments, follow): (&Moments, Follow),
        host: &Host,
    ) -> Result<Self, String> {
        let killed = host.clock.now();
        server.kill().await?;
        let mut silent = 0;
        for _ in 0..follow.early {
            silent += u32::from(server.kill_early(moments.within(EARLY), host).await?);
        }
        for _ in 0..follow.recovering {
            server.start_again(host).await?;
            host.clock.sleep(moments.within(RECOVERING)).await;
            server.kill().await?;
        }
        let started = host.clock.elapsed();
        let unfinished = server.start_again(host).await?;
        let ready = host.clock.elapsed().saturating_sub(started);
        let ended = first_end(server.url(), driver.recent(), killed, host).await?;
        Ok(Self { follow, silent, unfinished, ready, recovery: ended.map_or(ready, |ended| ended.since(killed)) })
    }
}

/// A stop by a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// How long it took.
    pub(crate) took: Duration,
    /// How many sagas go on, as it said.
    pub(crate) said: u64,
    /// How many the next start found.
    pub(crate) found: u64,
}

impl Term {
    /// A shop stops within this time.
    const MOST: Duration = Duration::from_secs(5);

    /// Tells the server to stop, and starts it again.
    pub(crate) async fn hit(server: &mut Server, host: &Host) -> Result<Self, String> {
        let asked = host.clock.elapsed();
        let said = server.terminate(host).await?;
        let took = host.clock.elapsed().saturating_sub(asked);
        Ok(Self { took, said, found: server.start_again(host).await? })
    }

    /// Whether it was in time, and told the truth.
    pub(crate) fn is_good(&self) -> bool {
        self.took <= Self::MOST && self.said == self.found
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, said, found } = self;
        write!(f, "stopped within {} ms, said that {said} go on, {found} did", took.as_millis())
    }
}
