//! The breaker against an exact model of its page, over random calls on a clock that stands still and jumps.
//!
//! The model keeps every call of the window and looks at all of them each time: nothing in it is fast.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use partita_resilience::breaker::{Breaker, OwnedPermit, State};
use partita_resilience::{Outcome, Timing};
use partita_time::ManualClock;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Config {
    calls: Option<usize>,
    buckets: u64,
    min_calls: u64,
    failure_rate: f64,
    slow_rate: f64,
    consecutive: u64,
    successes: u64,
    ramp: u64,
}

const WIDTH: u64 = 100;
const SLOW: u64 = 150;
const OPEN: u64 = 400;
const OPEN_MAX: u64 = 1_500;
const PROBES: usize = 2;
const HALF_OPEN_MAX: u64 = 600;
const WHOLE: u64 = 1 << 20;

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(u64),
    Start,
    End(usize, u8),
    Drop(usize),
    Close,
}

/// A call in flight in the model.
#[derive(Clone, Copy, Debug)]
struct Call {
    start: u64,
    era: u64,
    lease: Option<u64>,
}

struct Model {
    config: Config,
    now: u64,
    state: State,
    since: u64,
    era: u64,
    /// Moment, failed, slow.
    window: Vec<(u64, bool, bool)>,
    leases: Vec<u64>,
    good: u64,
    half_end: Option<u64>,
    end: u64,
    exponent: u32,
    share: Option<u64>,
    not_before: u64,
    in_a_row: u64,
    successful: u64,
    failed: u64,
    slow: u64,
    slow_cancelled: u64,
    ignored: u64,
    rejected: u64,
    stale: u64,
    opened: u64,
}

impl Model {
    fn new(config: Config) -> Self {
        Self {
            config,
            now: 0,
            state: State::Closed,
            since: 0,
            era: 0,
            window: Vec::new(),
            leases: Vec::new(),
            good: 0,
            half_end: None,
            end: 0,
            exponent: 0,
            share: None,
            not_before: 0,
            in_a_row: 0,
            successful: 0,
            failed: 0,
            slow: 0,
            slow_cancelled: 0,
            ignored: 0,
            rejected: 0,
            stale: 0,
            opened: 0,
        }
    }

    fn enter(&mut self, state: State, at: u64) {
        (self.state, self.since, self.era) = (state, at, self.era + 1);
        self.window.clear();
        self.leases.clear();
        (self.good, self.half_end, self.share) = (0, None, None);
        match state {
            State::Closed => self.exponent = 0,
            State::Open => self.opened += 1,
            State::HalfOpen => {}
            State::Ramp => self.end = at + self.config.ramp,
        }
    }

    fn open(&mut self, at: u64) {
        self.exponent = if self.state == State::Closed { 0 } else { self.exponent + 1 };
        let wait = OPEN.saturating_mul(1 << self.exponent.min(20)).min(OPEN_MAX);
        self.end = (at + wait).max(self.not_before);
        self.enter(State::Open, at);
    }

    fn settle(&mut self) {
        loop {
            match self.state {
                State::Closed => return,
                State::Open | State::Ramp if self.end > self.now => return,
                State::Open => self.enter(State::HalfOpen, self.end),
                State::Ramp => self.enter(State::Closed, self.end),
                State::HalfOpen => {
                    let due = self.leases.iter().copied().chain(self.half_end).min();
                    match due {
                        Some(due) if due <= self.now => {
                            self.expire(due);
                            self.open(due);
                        }
                        _ => return,
                    }
                }
            }
        }
    }

    /// Probes that did not end in their time have failed then.
    fn expire(&mut self, due: u64) {
        let expired = self.leases.iter().filter(|lease| **lease == due).count() as u64;
        self.failed += expired;
        self.in_a_row += expired;
        self.slow += if HALF_OPEN_MAX >= SLOW { expired } else { 0 };
    }

    fn start(&mut self) -> Option<Call> {
        self.settle();
        let mut lease = None;
        let admitted = match self.state {
            State::Closed => true,
            State::Open => false,
            State::Ramp => {
                let gone = self.config.ramp - (self.end - self.now);
                let part = WHOLE / 10 + (WHOLE - WHOLE / 10) * gone / self.config.ramp;
                let sum = self.share.map_or(WHOLE, |share| share + part);
                self.share = Some(sum % WHOLE);
                sum >= WHOLE
            }
            State::HalfOpen => {
                let free = self.leases.len() < PROBES;
                if free {
                    lease = Some(self.now + HALF_OPEN_MAX);
                    self.leases.extend(lease);
                    self.half_end.get_or_insert(self.now + HALF_OPEN_MAX);
                }
                free
            }
        };
        if !admitted {
            self.rejected += 1;
            return None;
        }
        Some(Call { start: self.now, era: self.era, lease })
    }

    fn end(&mut self, call: Call, outcome: Outcome) {
        self.settle();
        if let Outcome::Overloaded { retry_after: Some(wait) } = outcome {
            self.not_before = self.not_before.max(self.now + u64::try_from(wait.as_millis()).unwrap());
            if self.state == State::Open {
                self.end = self.end.max(self.not_before);
            }
        }
        if call.era != self.era {
            self.stale += 1;
            return;
        }
        if let Some(lease) = call.lease {
            let place = self.leases.iter().position(|held| *held == lease).unwrap();
            self.leases.remove(place);
        }
        let slow = self.now - call.start >= SLOW;
        let failed = match outcome {
            Outcome::Ignored => {
                self.ignored += 1;
                return;
            }
            Outcome::Cancelled if !slow => return,
            Outcome::Cancelled => {
                self.slow_cancelled += 1;
                false
            }
            Outcome::Success => {
                self.successful += 1;
                self.in_a_row = 0;
                false
            }
            Outcome::Failure | Outcome::Overloaded { .. } => {
                self.failed += 1;
                self.in_a_row += 1;
                true
            }
        };
        self.slow += u64::from(slow);
        self.decide(call, failed, slow);
    }

    fn decide(&mut self, call: Call, failed: bool, slow: bool) {
        if call.lease.is_some() {
            if failed || slow {
                return self.open(self.now);
            }
            self.good += 1;
            if self.good >= self.config.successes {
                self.enter(if self.config.ramp > 0 { State::Ramp } else { State::Closed }, self.now);
            }
            return;
        }
        self.window.push((self.now, failed, slow));
        let (total, failures, slows) = self.sums();
        let rate = |part: u64| part as f64 / total as f64;
        let by_rate = total >= self.config.min_calls
            && (rate(failures) >= self.config.failure_rate || rate(slows) >= self.config.slow_rate);
        if by_rate || (failed && self.config.consecutive > 0 && self.in_a_row >= self.config.consecutive) {
            self.open(self.now);
        }
    }

    fn sums(&self) -> (u64, u64, u64) {
        let inside: Vec<_> = match self.config.calls {
            Some(calls) => self.window.iter().rev().take(calls).collect(),
            None => {
                let bucket = |moment: u64| moment / WIDTH;
                let fits = |entry: &&(u64, bool, bool)| bucket(entry.0) + self.config.buckets > bucket(self.now);
                self.window.iter().filter(fits).collect()
            }
        };
        let count = |pick: fn(&(u64, bool, bool)) -> bool| inside.iter().filter(|e| pick(e)).count() as u64;
        (inside.len() as u64, count(|e| e.1), count(|e| e.2))
    }
}

fn build(config: &Config, clock: &ManualClock) -> Breaker {
    let ms = Duration::from_millis;
    let builder = Breaker::builder("m")
        .timing(Timing::manual(clock, 1))
        .failure_rate(config.failure_rate)
        .slow_call(ms(SLOW))
        .slow_rate(config.slow_rate)
        .min_calls(config.min_calls)
        .consecutive(config.consecutive)
        .open(ms(OPEN))
        .open_max(ms(OPEN_MAX))
        .open_jitter(0.0)
        .half_open_calls(2)
        .half_open_successes(config.successes)
        .half_open_max(ms(HALF_OPEN_MAX))
        .ramp(ms(config.ramp));
    let buckets = u32::try_from(config.buckets).unwrap();
    let builder = match config.calls {
        Some(calls) => builder.window_calls(calls),
        None => builder.buckets(buckets).window(ms(WIDTH * config.buckets)),
    };
    builder.build().unwrap()
}

fn outcome(number: u8) -> Outcome {
    match number {
        0..4 => Outcome::Success,
        4..8 => Outcome::Failure,
        8 => Outcome::Ignored,
        9 => Outcome::Overloaded { retry_after: None },
        10 => Outcome::Overloaded { retry_after: Some(Duration::from_millis(700)) },
        _ => Outcome::Cancelled,
    }
}

fn compare(breaker: &Breaker, model: &mut Model) -> Result<(), TestCaseError> {
    model.settle();
    let snapshot = breaker.snapshot();
    let total = model.successful + model.failed + model.slow_cancelled;
    prop_assert_eq!(snapshot.state, model.state);
    prop_assert_eq!(snapshot.since.as_millis(), u128::from(model.since));
    prop_assert_eq!((snapshot.total, snapshot.successful, snapshot.failed), (total, model.successful, model.failed));
    prop_assert_eq!((snapshot.slow, snapshot.ignored), (model.slow, model.ignored));
    prop_assert_eq!((snapshot.rejected, snapshot.stale), (model.rejected, model.stale));
    prop_assert_eq!((snapshot.consecutive_failures, snapshot.opened_count), (model.in_a_row, model.opened));
    let (total, failed, slow) = model.sums();
    let rate = |part: u64| if total == 0 { 0.0 } else { part as f64 / total as f64 };
    prop_assert_eq!((snapshot.rates.failure_rate, snapshot.rates.slow_rate), (rate(failed), rate(slow)));
    let left = (model.state == State::Open).then(|| model.end - model.now);
    prop_assert_eq!(snapshot.retry_after.map(|wait| wait.as_millis()), left.map(u128::from));
    Ok(())
}

fn run(config: Config, ops: &[Op]) -> Result<(), TestCaseError> {
    let clock = ManualClock::new();
    let breaker = build(&config, &clock);
    let mut model = Model::new(config);
    let mut calls: BTreeMap<u64, (Call, OwnedPermit)> = BTreeMap::new();
    let mut started = 0;
    for op in ops {
        match *op {
            Op::Wait(step) => {
                clock.advance(Duration::from_millis(step));
                model.now += step;
            }
            Op::Start => {
                let (call, permit) = (model.start(), breaker.admit_owned());
                prop_assert_eq!(call.is_some(), permit.is_ok(), "{:?}", model.state);
                if let (Some(call), Ok(permit)) = (call, permit) {
                    prop_assert_eq!(permit.deadline().map(|at| at.as_millis()), call.lease.map(u128::from));
                    started += 1;
                    calls.insert(started, (call, permit));
                }
            }
            Op::End(pick, number) => {
                let Some(id) = calls.keys().nth(pick % calls.len().max(1)).copied() else { continue };
                let (call, permit) = calls.remove(&id).unwrap();
                model.end(call, outcome(number));
                permit.record(outcome(number));
            }
            Op::Drop(pick) => {
                let Some(id) = calls.keys().nth(pick % calls.len().max(1)).copied() else { continue };
                let (call, permit) = calls.remove(&id).unwrap();
                model.end(call, Outcome::Cancelled);
                drop(permit);
            }
            Op::Close => {
                model.settle();
                model.enter(State::Closed, model.now);
                (model.in_a_row, model.not_before) = (0, 0);
                breaker.close();
            }
        }
        compare(&breaker, &mut model)?;
    }
    Ok(())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..30_u64).prop_map(Op::Wait),
        1 => (30..500_u64).prop_map(Op::Wait),
        1 => prop_oneof![Just(0_u64), 500..20_000_u64].prop_map(Op::Wait),
        8 => Just(Op::Start),
        8 => (0..8_usize, 0..12_u8).prop_map(|(pick, outcome)| Op::End(pick, outcome)),
        1 => (0..8_usize).prop_map(Op::Drop),
        1 => prop_oneof![9 => Just(Op::Wait(1)), 1 => Just(Op::Close)],
    ]
}

fn config(calls: impl Strategy<Value = Option<usize>>) -> impl Strategy<Value = Config> {
    let rates = prop_oneof![Just(0.1), Just(0.3), Just(0.5), Just(0.75), Just(1.0)];
    (calls, 1..6_u64, 1..6_u64, rates.clone(), rates, 0..5_u64, 1..4_u64, prop_oneof![Just(0_u64), 1..2_000_u64])
        .prop_map(|(calls, buckets, min_calls, failure_rate, slow_rate, consecutive, successes, ramp)| Config {
            calls,
            buckets,
            min_calls: calls.map_or(min_calls, |calls| min_calls.min(calls as u64)),
            failure_rate,
            slow_rate,
            consecutive: if consecutive == 1 { 0 } else { consecutive },
            successes,
            ramp,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_window_of_time_is_the_models(config in config(Just(None)), ops in prop::collection::vec(op(), 1..200)) {
        run(config, &ops)?;
    }

    #[test]
    fn a_window_of_calls_is_the_models(
        config in config((1..12_usize).prop_map(Some)),
        ops in prop::collection::vec(op(), 1..200),
    ) {
        run(config, &ops)?;
    }
}
