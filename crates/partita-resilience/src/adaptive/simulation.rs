//! A dependency in virtual time: so many workers, a queue before them, and callers who come at random.

use super::{Adaptive, Builder, Permit};
use crate::{Outcome, Timing};
use partita_time::{Entropy, ManualClock};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How a dependency serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) workers: usize,
    /// Mean time of one call at a worker.
    pub(super) service: Duration,
    /// Time on the way, in which no worker is busy.
    pub(super) way: Duration,
    /// Whether service times are exponential; else they vary by a tenth.
    pub(super) random: bool,
}

/// A run under way.
pub(super) struct Simulation {
    pub(super) limit: Adaptive,
    clock: ManualClock,
    entropy: Entropy,
    now: u64,
    drawn: u64,
    busy: usize,
    queue: VecDeque<Permit>,
    served: BTreeMap<(u64, u64), Event>,
    pub(super) done: u64,
}

enum Event {
    Arrives,
    Served(Permit),
    Answered(Permit),
}

impl Simulation {
    pub(super) fn new(builder: Builder, seed: u64) -> Self {
        let clock = ManualClock::new();
        let limit = builder.timing(Timing::manual(&clock, seed)).build().unwrap();
        let mut new = Self {
            limit,
            clock,
            entropy: Entropy::seeded(seed),
            now: 0,
            drawn: 0,
            busy: 0,
            queue: VecDeque::new(),
            served: BTreeMap::new(),
            done: 0,
        };
        new.at(0, Event::Arrives);
        new
    }

    fn at(&mut self, after: u64, event: Event) {
        self.drawn += 1;
        self.served.insert((self.now + after, self.drawn), event);
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a simulation's microseconds"
    )]
    fn draw(&self, mean: Duration, random: bool) -> u64 {
        let unit = (self.entropy.below(1 << 30) as f64 + 0.5) / (1_u64 << 30) as f64;
        let factor = if random { -unit.ln() } else { 0.9 + 0.2 * unit };
        (mean.as_micros() as f64 * factor) as u64
    }

    /// Runs on for so many seconds with callers at `rate` a second; the limit's mean in each.
    pub(super) fn run(&mut self, server: Server, rate: u32, seconds: u32) -> Vec<f64> {
        (0..seconds).map(|_| self.second(server, rate)).collect()
    }

    fn second(&mut self, server: Server, rate: u32) -> f64 {
        let end = self.now + 1_000_000;
        let (mut limits, mut looks) = (0.0, 0.0);
        while let Some(((at, _), event)) = self.served.pop_first() {
            if at > end {
                self.drawn += 1;
                self.served.insert((at, self.drawn), event);
                break;
            }
            self.now = at;
            self.clock.advance_to(Duration::from_micros(at));
            match event {
                Event::Arrives => {
                    limits += f64::from(self.limit.snapshot().limit);
                    looks += 1.0;
                    if let Ok(permit) = self.limit.try_acquire() {
                        self.queue.push_back(permit);
                    }
                    let gap = self.draw(Duration::from_secs(1) / rate, true);
                    self.at(gap, Event::Arrives);
                }
                Event::Served(permit) => {
                    self.busy -= 1;
                    self.at(u64::try_from(server.way.as_micros()).unwrap(), Event::Answered(permit));
                }
                Event::Answered(permit) => {
                    self.done += 1;
                    permit.finish(Outcome::Success);
                }
            }
            while self.busy < server.workers
                && let Some(permit) = self.queue.pop_front()
            {
                self.busy += 1;
                let service = self.draw(server.service, server.random);
                self.at(service, Event::Served(permit));
            }
        }
        self.now = end;
        limits / looks
    }
}
