//! What clones of a breaker share: admission here, record and judgement in a file of their own.

mod judge;

use super::config::Settings;
use super::packed::calls::Calls;
use super::packed::counters::{self, COUNTERS, Count};
use super::packed::machine::{Cause, Change, Lease, Machine};
use super::packed::ring::{Cell, Ring};
use super::packed::word::{Mode, State, Word};
use super::packed::words::{Seat, Words};
use crate::stripe;
use crate::sync::{AtomicU64, Ordering};
use crate::{Event, EventKind, Listeners, Name, PolicyKind, Reason, Timing, WindowView};
use partita_time::CoarseClock;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Nanoseconds in a millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// The slow threshold of a breaker that takes no call for slow.
const NEVER_SLOW: u64 = u64::MAX;

/// See [`Ticket::extra`].
const HEADED: u64 = 1 << 2;

/// What a permit remembers: plain words, which the compiler keeps in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) word: u64,
    pub(crate) start: u64,
    /// `value:48 | slot:14 | kind:2`: the bucket that it began in, or a probe's deadline and slot. A slot of [`HEADED`] is
    /// that of a plain call whose answer has begun.
    pub(crate) extra: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Counts in the window; the bucket that it began in, where stuck calls are looked for.
    Plain { tick: u64 },
    /// Decides on a half-open breaker.
    Probe { slot: usize, deadline: u64 },
    /// Would not have been let through, had the breaker been in charge.
    Shadow,
    /// Counts nowhere.
    Free,
}

impl Ticket {
    fn new(word: Word, start: u64, kind: Kind) -> Self {
        let extra = match kind {
            Kind::Plain { tick } => tick << 16,
            Kind::Probe { slot, deadline } => deadline << 16 | (slot as u64) << 2 | 1,
            Kind::Shadow => 2,
            Kind::Free => 3,
        };
        Self { word: word.0, start, extra }
    }

    pub(crate) const fn word(self) -> Word {
        Word(self.word)
    }

    #[allow(clippy::cast_possible_truncation, reason = "a slot has 14 bits")]
    pub(crate) const fn kind(self) -> Kind {
        match self.extra & 3 {
            0 => Kind::Plain { tick: self.extra >> 16 },
            1 => Kind::Probe { slot: ((self.extra >> 2) & 0x3fff) as usize, deadline: self.extra >> 16 },
            2 => Kind::Shadow,
            _ => Kind::Free,
        }
    }
}

/// Why a call was not let in, and when to come again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) wait: Option<Duration>,
}

/// What healthy calls read and only others write.
#[derive(Debug)]
struct Pulse {
    /// Successes need no judgement before this bucket.
    quiet: AtomicU64,
    consecutive: AtomicU64,
    /// The bucket in which stuck calls were looked for last.
    watched: AtomicU64,
}

/// What the breakers of many keys have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) settings: Settings,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
}

/// See the module. What a healthy call reads lies side by side, apart from the count of its owners.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Core {
    pub(super) machine: Machine,
    pulse: Pulse,
    ring: Ring,
    words: Words,
    coarse: CoarseClock,
    slow: u64,
    /// Whether healthy calls are counted in a window of time and by nothing else.
    is_quick: bool,
    calls: Option<Box<Calls>>,
    pub(super) common: Arc<Common>,
    pub(super) name: Name,
    opened: AtomicU64,
    last_failure: AtomicU64,
    /// The counters at the last reset.
    zero: OnceLock<Box<[AtomicU64; COUNTERS as usize]>>,
}

impl Core {
    pub(super) fn new(name: Name, common: Arc<Common>) -> Self {
        let Common { settings, timing, listeners } = &*common;
        let watches = settings.stuck.is_some();
        let ring = match settings.window_calls {
            None => Ring::new(settings.window / settings.buckets, settings.buckets, watches),
            Some(_) => Ring::new(settings.slow / 2, 16, watches),
        };
        let uses_ring = settings.window_calls.is_none() || watches;
        let each = if uses_ring { ring.words() } else { COUNTERS };
        let (alone, shared) = if settings.compact { (0, 1) } else { (stripe::first_threads(), stripe::shared()) };
        Self {
            machine: Machine::new(settings.probes, Arc::clone(&settings.rules), timing.coarse_nanos() / MS),
            pulse: Pulse { quiet: AtomicU64::new(0), consecutive: AtomicU64::new(0), watched: AtomicU64::new(0) },
            ring,
            words: Words::new(alone, shared, each),
            coarse: timing.coarse_clock().clone(),
            slow: settings.slow,
            is_quick: settings.window_calls.is_none() && !watches && !listeners.hears_routine(),
            calls: settings.window_calls.map(Calls::new).map(Box::new),
            common,
            name,
            opened: AtomicU64::new(0),
            last_failure: AtomicU64::new(u64::MAX),
            zero: OnceLock::new(),
        }
    }

    /// Coarse time, in nanoseconds.
    #[inline(always)]
    pub(super) fn now(&self) -> u64 {
        self.coarse.nanos()
    }

    /// [`Core::now`] at the end of what began with that.
    #[inline(always)]
    fn now_again(&self) -> u64 {
        self.coarse.nanos_again()
    }

    pub(super) fn event<'a>(&'a self, at: u64, kind: EventKind<'a>) -> Event<'a> {
        Event::told(at, PolicyKind::Breaker, &self.name, kind)
    }

    #[inline(always)]
    fn count(&self, what: Count) {
        counters::count(&self.words, self.seat(), what);
    }

    /// Where the calling thread counts.
    #[inline(always)]
    fn seat(&self) -> Seat {
        self.words.alone(stripe::at_hand()).unwrap_or_else(|| self.seat_of_another())
    }

    #[cold]
    fn seat_of_another(&self) -> Seat {
        self.words.seat(stripe::mine())
    }

    /// Whether a call needs nothing but this word and the time.
    #[inline(always)]
    pub(crate) const fn is_healthy(&self, word: u64) -> bool {
        Word(word).is_plain() && self.is_quick
    }

    /// Asks for the permit of a healthy breaker; None when somebody has to look closer.
    #[inline(always)]
    pub(crate) fn enter_quick(&self) -> Option<Ticket> {
        let word = self.machine.word().0;
        self.is_healthy(word).then(|| Ticket { word, start: self.now(), extra: 0 })
    }

    /// Asks for a permit.
    #[inline(never)]
    pub(crate) fn enter(&self) -> Result<Ticket, Refusal> {
        let now = self.now();
        let tick = self.watch(now);
        let answer = loop {
            self.settle(now);
            let word = self.machine.word();
            if let Some(answer) = self.decide(word, now, tick) {
                break answer
                    .or_else(|refusal| match word.mode() {
                        Mode::MetricsOnly => Ok(Kind::Shadow),
                        _ => Err(refusal),
                    })
                    .map(|kind| Ticket::new(word, now, kind));
            }
        };
        match answer {
            Ok(ticket) => {
                self.watch_over(ticket, Cell::Begun);
                if self.common.listeners.hears_routine() {
                    self.tell_admitted(ticket, now);
                }
                Ok(ticket)
            }
            Err(refusal) => Err(self.refuse(refusal, now)),
        }
    }

    #[cold]
    fn tell_admitted(&self, ticket: Ticket, now: u64) {
        let mut untold = Untold { core: self, ticket: Some(ticket) };
        self.common.listeners.routine(|| self.event(now, EventKind::Admitted));
        untold.ticket = None;
    }

    /// Refuses at once where the breaker is open and nothing is due; None when somebody has to look closer.
    #[inline(always)]
    pub(super) fn refuse_quick(&self) -> Option<Refusal> {
        self.refuse_until_due().map(|wait| Refusal { reason: Reason::Open, wait: Some(wait) })
    }

    /// Refuses at once; the time until something is due, in registers. None where nobody was refused.
    #[inline(never)]
    fn refuse_until_due(&self) -> Option<Duration> {
        let word = self.machine.word();
        if word.mode() != Mode::Automatic || word.state() != State::Open {
            return None;
        }
        let (now, due) = (self.now(), word.deadline() * MS);
        if due <= now {
            return None;
        }
        self.refuse(Refusal { reason: Reason::Open, wait: Some(Duration::from_nanos(due - now)) }, now).wait
    }

    #[inline(always)]
    fn refuse(&self, refusal: Refusal, now: u64) -> Refusal {
        self.count(Count::Rejected);
        if self.common.listeners.hears() {
            let Refusal { reason, wait: retry_after } = refusal;
            self.common.listeners.tell(&self.event(now, EventKind::Rejected { reason, retry_after }));
        }
        refusal
    }

    /// Refuses a call for which the breaker was open a moment ago.
    pub(super) fn refuse_unready(&self) -> Refusal {
        let now = self.now();
        let word = self.machine.word();
        let (reason, wait) = match word.mode() {
            Mode::ForcedOpen => return self.refuse(Refusal { reason: Reason::ForcedOpen, wait: None }, now),
            _ if word.state() == State::Open => (Reason::Open, (word.deadline() * MS).saturating_sub(now).max(MS)),
            _ => (Reason::Open, MS),
        };
        self.refuse(Refusal { reason, wait: Some(Duration::from_nanos(wait)) }, now)
    }

    /// None when the state changed meanwhile.
    fn decide(&self, word: Word, now: u64, tick: u64) -> Option<Result<Kind, Refusal>> {
        let until = |deadline: u64| Some((deadline * MS).saturating_sub(now).max(1));
        let refuse = |reason, wait: Option<u64>| Some(Err(Refusal { reason, wait: wait.map(Duration::from_nanos) }));
        match (word.mode(), word.state()) {
            (Mode::ForcedOpen, _) => refuse(Reason::ForcedOpen, None),
            (Mode::Disabled, _) => Some(Ok(Kind::Free)),
            (_, State::Closed) => Some(Ok(Kind::Plain { tick })),
            (_, State::Open) => refuse(Reason::Open, until(word.deadline())),
            (_, State::Ramp) if self.machine.ramps_in(word, now / MS) => Some(Ok(Kind::Plain { tick })),
            (_, State::Ramp) => refuse(Reason::Ramping, until(word.deadline())),
            (_, State::HalfOpen) => match self.machine.lease(word, now.div_ceil(MS)) {
                Lease::Granted(slot, deadline) => Some(Ok(Kind::Probe { slot, deadline })),
                Lease::Taken(first) => refuse(Reason::ProbesTaken, Some(self.verdict_due(first, now))),
                Lease::Moved => None,
            },
        }
    }

    /// The wait until the oldest probe should have ended: later, it is slow and reopens. One that is slow already has until
    /// its deadline.
    fn verdict_due(&self, first: u64, now: u64) -> u64 {
        let end = first * MS;
        let began = end.saturating_sub(self.common.settings.rules.lease * MS);
        let slow = began.saturating_add(self.common.settings.slow);
        let due = if slow > now { slow.min(end) } else { end };
        due.saturating_sub(now).max(MS)
    }

    /// Makes and tells every change that is due.
    #[inline]
    pub(super) fn settle(&self, now: u64) {
        if !self.machine.word().is_plain() {
            while let Some(change) = self.machine.settle(now / MS, |exponent| self.open_time(exponent)) {
                if change.cause == Cause::ProbeExpired {
                    self.expire(change);
                }
                self.tell(change, change.at * MS);
            }
        }
    }

    /// Tells a change that no window led to, with how that of the state stood which ends.
    fn tell(&self, change: Change, at: u64) {
        self.tell_judged(change, at, &self.view(change.from.generation(), at));
    }

    fn tell_judged(&self, change: Change, at: u64, window: &WindowView) {
        self.pulse.quiet.store(0, Ordering::Relaxed);
        if change.cause == Cause::Operator {
            self.pulse.consecutive.store(0, Ordering::Relaxed);
        }
        let (from, to) = (word_of(change.from), word_of(change.to));
        let reason = change.cause.as_str();
        if change.to.mode() == Mode::MetricsOnly && change.cause != Cause::Operator {
            let (from, to) = (change.from.state().as_str(), change.to.state().as_str());
            return self.common.listeners.tell(&self.event(at, EventKind::WouldChange { from, to, reason, window }));
        }
        if change.to.state() == State::Open && change.to.mode() == Mode::Automatic {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        if from != to {
            self.common.listeners.tell(&self.event(at, EventKind::StateChanged { from, to, reason, window }));
        }
    }

    /// An operator's word.
    pub(super) fn set(&self, mode: Mode) {
        let now = self.now();
        self.settle(now);
        let change = self.machine.set(mode, now.div_ceil(MS));
        self.tell(change, now);
    }

    /// Closed, with every counter at zero.
    pub(super) fn reset(&self) {
        self.set(Mode::Automatic);
        let zero = self.zero.get_or_init(Box::default);
        for (zero, total) in zero.iter().zip(counters::totals(&self.words)) {
            zero.store(total, Ordering::Relaxed);
        }
        self.opened.store(0, Ordering::Relaxed);
        self.last_failure.store(u64::MAX, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> Totals {
        let sums = counters::totals(&self.words);
        let of = |what: Count| {
            let zero = self.zero.get().map_or(0, |zero| zero[what as usize].load(Ordering::Relaxed));
            sums[what as usize].saturating_sub(zero)
        };
        let last = self.last_failure.load(Ordering::Relaxed);
        Totals {
            total: of(Count::Successful) + of(Count::Failed) + of(Count::SlowCancelled),
            successful: of(Count::Successful),
            failed: of(Count::Failed),
            slow: of(Count::Slow),
            ignored: of(Count::Ignored),
            rejected: of(Count::Rejected),
            stale: of(Count::Stale),
            consecutive: self.pulse.consecutive.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            last_failure: (last != u64::MAX).then(|| Duration::from_nanos(last)),
        }
    }
}

/// A call whose listener panics as it is told of it: it was never begun.
struct Untold<'a> {
    core: &'a Core,
    ticket: Option<Ticket>,
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        self.ticket.into_iter().for_each(|ticket| self.core.vacate(ticket));
    }
}

/// What was counted since the start or the last reset.
pub(super) struct Totals {
    pub(super) total: u64,
    pub(super) successful: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
    pub(super) ignored: u64,
    pub(super) rejected: u64,
    pub(super) stale: u64,
    pub(super) consecutive: u64,
    pub(super) opened: u64,
    pub(super) last_failure: Option<Duration>,
}

/// The mode where one is set, the state otherwise.
fn word_of(word: Word) -> &'static str {
    word.mode().as_str().unwrap_or_else(|| word.state().as_str())
}
