//! What clones of a breaker share: admission, record and judgement.

use super::config::Settings;
use super::packed::calls::Calls;
use super::packed::counters::{self, Count};
use super::packed::machine::{Cause, Change, Lease, Machine};
use super::packed::ring::{Cell, Ring};
use super::packed::stripes::Stripes;
use super::packed::word::{Mode, State, Word};
use crate::stripe;
use crate::sync::{AtomicU64, Ordering, fence};
use crate::{Event, EventKind, Listeners, Name, Outcome, PolicyKind, Reason, Timing, WindowView};
use std::time::Duration;

/// Nanoseconds in a millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// No word of a dependency holds a breaker open for longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// The longest hint to a call that found every probe taken, where no slow threshold says when one must have ended.
const NEVER_SLOW: u64 = u64::MAX;

/// What a permit remembers: plain words, which the compiler keeps in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) word: u64,
    pub(crate) start: u64,
    /// `value:48 | slot:14 | kind:2`: the bucket that it began in, or a probe's deadline and slot.
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

/// Why a call was not let in, and the wait in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) wait: Option<u64>,
}

/// What healthy calls read and only others write.
#[derive(Debug)]
#[repr(align(128))]
struct Pulse {
    /// Successes need no judgement before this bucket.
    quiet: AtomicU64,
    consecutive: AtomicU64,
    /// The bucket in which stuck calls were looked for last.
    watched: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) machine: Machine,
    pulse: Pulse,
    ring: Ring,
    stripes: Stripes,
    calls: Option<Calls>,
    /// Whether healthy calls are counted in a window of time and by nothing else.
    is_quick: bool,
    pub(super) settings: Settings,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
    pub(super) name: Name,
    opened: AtomicU64,
    last_failure: AtomicU64,
    zero: [AtomicU64; 8],
}

impl Core {
    pub(super) fn new(name: Name, timing: Timing, listeners: Listeners, settings: Settings) -> Self {
        let ring = match settings.window_calls {
            None => Ring::new(settings.window / settings.buckets, settings.buckets),
            Some(_) => Ring::new(settings.slow / 2, 16),
        };
        let uses_ring = settings.window_calls.is_none() || settings.stuck.is_some();
        let lines = 1 + if uses_ring { ring.lines() } else { 0 };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(16);
        let (alone, shared) = if settings.compact { (0, 1) } else { (threads, threads) };
        Self {
            machine: Machine::new(settings.probes, settings.rules, timing.coarse_nanos() / MS),
            pulse: Pulse { quiet: AtomicU64::new(0), consecutive: AtomicU64::new(0), watched: AtomicU64::new(0) },
            ring,
            stripes: Stripes::new(alone, shared, lines),
            calls: settings.window_calls.map(Calls::new),
            is_quick: settings.window_calls.is_none() && settings.stuck.is_none() && !listeners.hears_routine(),
            settings,
            timing,
            listeners,
            name,
            opened: AtomicU64::new(0),
            last_failure: AtomicU64::new(u64::MAX),
            zero: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn event<'a>(&'a self, at: u64, kind: EventKind<'a>) -> Event<'a> {
        Event { at: Duration::from_nanos(at), policy: PolicyKind::Breaker, name: &self.name, kind }
    }

    fn count(&self, what: Count) {
        counters::count(&self.stripes, stripe::mine(), what);
    }

    /// Whether a call needs nothing but this word and the time.
    #[inline(always)]
    pub(crate) const fn is_healthy(&self, word: u64) -> bool {
        Word(word).is_plain() && self.is_quick
    }

    /// Asks for the permit of a healthy breaker; None when somebody has to look closer.
    #[inline(always)]
    pub(crate) fn enter_quick(&self) -> Option<Ticket> {
        let now = self.timing.coarse_nanos();
        let word = self.machine.word();
        self.is_healthy(word.0).then_some(Ticket { word: word.0, start: now, extra: 0 })
    }

    /// Asks for a permit.
    #[inline(never)]
    pub(crate) fn enter(&self) -> Result<Ticket, Refusal> {
        let now = self.timing.coarse_nanos();
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
                self.listeners.routine(|| self.event(now, EventKind::Admitted));
                Ok(ticket)
            }
            Err(refusal) => Err(self.refuse(refusal, now)),
        }
    }

    fn refuse(&self, refusal: Refusal, now: u64) -> Refusal {
        self.count(Count::Rejected);
        let Refusal { reason, wait } = refusal;
        let retry_after = wait.map(Duration::from_nanos);
        self.listeners.tell(&self.event(now, EventKind::Rejected { reason, retry_after }));
        refusal
    }

    /// Refuses a call for which the breaker was open a moment ago.
    pub(super) fn refuse_unready(&self) -> Refusal {
        let now = self.timing.coarse_nanos();
        let word = self.machine.word();
        let (reason, wait) = match word.mode() {
            Mode::ForcedOpen => (Reason::ForcedOpen, None),
            _ if word.state() == State::Open => {
                (Reason::Open, Some((word.deadline() * MS).saturating_sub(now).max(MS)))
            }
            _ => (Reason::Open, Some(MS)),
        };
        self.refuse(Refusal { reason, wait }, now)
    }

    /// None when the state changed meanwhile.
    fn decide(&self, word: Word, now: u64, tick: u64) -> Option<Result<Kind, Refusal>> {
        let until = |deadline: u64| Some((deadline * MS).saturating_sub(now).max(1));
        let refuse = |reason, wait| Some(Err(Refusal { reason, wait }));
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

    /// The wait until the oldest probe must have ended: later, it is slow and reopens.
    fn verdict_due(&self, first: u64, now: u64) -> u64 {
        let end = first * MS;
        let began = end.saturating_sub(self.settings.rules.lease * MS);
        let slow = if self.settings.slow == NEVER_SLOW { end } else { began.saturating_add(self.settings.slow) };
        slow.min(end).saturating_sub(now).max(MS)
    }

    /// Gives a permit back with what became of the call. The ticket goes on word by word, in registers.
    #[inline(always)]
    pub(crate) fn leave(&self, ticket: Ticket, outcome: Outcome) {
        let Ticket { word, start, extra } = ticket;
        let healthy = matches!(outcome, Outcome::Success);
        if !(healthy && self.leave_healthy(Word(word), start, self.timing.coarse_nanos())) {
            self.leave_checked(word, start, extra, outcome);
        }
    }

    /// Records a success where nothing has happened that it would have to look at.
    #[inline(always)]
    fn leave_healthy(&self, word: Word, start: u64, now: u64) -> bool {
        let steady = word.is_plain()
            && self.is_quick
            && self.machine.word() == word
            && now.saturating_sub(start) < self.settings.slow
            && self.pulse.consecutive.load(Ordering::Relaxed) == 0;
        if !steady {
            return false;
        }
        let Some(tick) = self.ring.tick_if_known(now) else { return false };
        if tick >= self.pulse.quiet.load(Ordering::Relaxed) {
            return false;
        }
        let thread = stripe::mine();
        let seat = self.stripes.seat(thread);
        self.ring.add(&self.stripes, seat, (word.generation(), tick), Cell::Total);
        counters::count(&self.stripes, thread, Count::Successful);
        true
    }

    fn tell_end(&self, now: u64, elapsed: u64, outcome: Outcome) {
        let elapsed = Duration::from_nanos(elapsed);
        self.listeners.routine(|| self.event(now, EventKind::Ended { outcome, elapsed }));
    }

    #[inline(never)]
    fn leave_checked(&self, word: u64, start: u64, extra: u64, outcome: Outcome) {
        let ticket = Ticket { word, start, extra };
        let now = self.timing.coarse_nanos();
        self.settle(now);
        let elapsed = now.saturating_sub(ticket.start);
        if let Kind::Probe { slot, deadline } = ticket.kind() {
            self.machine.release(slot, ticket.word().generation(), deadline);
        }
        self.watch_over(ticket, Cell::Ended);
        let word = self.machine.word();
        if word.generation() == ticket.word().generation() {
            if ticket.kind() != Kind::Free {
                self.judge(ticket, word, outcome, (now, elapsed));
            }
        } else {
            self.count(Count::Stale);
        }
        self.tell_end(now, elapsed, outcome);
    }

    fn judge(&self, ticket: Ticket, word: Word, outcome: Outcome, (now, elapsed): (u64, u64)) {
        let slow = elapsed >= self.settings.slow;
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Overloaded { retry_after } => {
                if let Some(wait) = retry_after {
                    let wait = wait.min(LONGEST_RETRY_AFTER).as_nanos();
                    self.machine.not_before((now + u64::try_from(wait).unwrap_or(0)).div_ceil(MS));
                }
                true
            }
            Outcome::Cancelled if slow => {
                self.count(Count::SlowCancelled);
                false
            }
            Outcome::Cancelled => return,
            Outcome::Ignored => return self.count(Count::Ignored),
        };
        if slow {
            self.count(Count::Slow);
        }
        let in_a_row = self.note(outcome, failed, now);
        match ticket.kind() {
            Kind::Plain { .. } => self.weigh(ticket.word(), (failed, slow), in_a_row, now),
            Kind::Probe { .. } => self.decide_probe(word, (failed, slow), now),
            Kind::Shadow | Kind::Free => {}
        }
    }

    /// Counts a success or failure for good, and the failures in a row.
    fn note(&self, outcome: Outcome, failed: bool, now: u64) -> u64 {
        let consecutive = &self.pulse.consecutive;
        if failed {
            self.count(Count::Failed);
            self.last_failure.store(now, Ordering::Relaxed);
            return consecutive.fetch_add(1, Ordering::AcqRel) + 1;
        }
        if matches!(outcome, Outcome::Success) {
            self.count(Count::Successful);
            if consecutive.load(Ordering::Relaxed) != 0 {
                consecutive.store(0, Ordering::Relaxed);
            }
        }
        0
    }

    fn decide_probe(&self, word: Word, (failed, slow): (bool, bool), now: u64) {
        let wait = |exponent| self.open_time(exponent);
        let (generation, at) = (word.generation(), now.div_ceil(MS));
        let change = match (failed, slow) {
            (true, _) => self.machine.reopen(generation, at, Cause::ProbeFailed, wait),
            (false, true) => self.machine.reopen(generation, at, Cause::ProbeSlow, wait),
            (false, false) => self.machine.succeed(generation, at),
        };
        if let Some(change) = change {
            self.tell(change, now, None);
        }
    }

    /// Puts a call into the window and trips if that brings a limit.
    fn weigh(&self, word: Word, (failed, slow): (bool, bool), in_a_row: u64, now: u64) {
        let (generation, tick) = (word.generation(), self.ring.tick(now));
        if let Some(calls) = &self.calls {
            calls.push(generation, failed, slow, || self.machine.word().generation() == generation);
        } else {
            let seat = self.stripes.seat(stripe::mine());
            let add = |cell| self.ring.add(&self.stripes, seat, (generation, tick), cell);
            add(Cell::Total);
            if failed {
                add(Cell::Failed);
            }
            if slow {
                add(Cell::Slow);
            }
        }
        let quiet = self.pulse.quiet.load(Ordering::Relaxed);
        if failed || slow {
            // Two threads that add and then look must not both miss the other's addition.
            fence(Ordering::SeqCst);
        } else if tick < quiet {
            return;
        }
        let view = self.view(generation, now);
        match self.verdict(&view, in_a_row) {
            Some(cause) => self.trip(word, now, cause, &view),
            None => self.rest(quiet, tick, &view),
        }
    }

    /// Until when successes change nothing: within a bucket they only lower the rates of a window that has its fewest calls.
    fn rest(&self, seen: u64, tick: u64, view: &WindowView) {
        let quiet = if view.failed + view.slow == 0 && (self.calls.is_none() || view.total >= self.settings.min_calls) {
            u64::MAX
        } else if view.total < self.settings.min_calls {
            0
        } else if self.calls.is_some() {
            u64::MAX
        } else {
            tick + 1
        };
        let _ = self.pulse.quiet.compare_exchange(seen, quiet, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn verdict(&self, view: &WindowView, in_a_row: u64) -> Option<Cause> {
        if view.total >= self.settings.min_calls {
            if view.failed > 0 && view.failure_rate() >= self.settings.failure_rate {
                return Some(Cause::FailureRate);
            }
            if view.slow > 0 && view.slow_rate() >= self.settings.slow_rate {
                return Some(Cause::SlowRate);
            }
        }
        (in_a_row >= self.settings.consecutive).then_some(Cause::Consecutive)
    }

    fn trip(&self, word: Word, now: u64, cause: Cause, view: &WindowView) {
        let wait = |exponent| self.open_time(exponent);
        if let Some(change) = self.machine.open(word, now.div_ceil(MS), cause, wait) {
            self.tell(change, now, Some(view));
        }
    }

    /// What the window of a generation holds.
    pub(super) fn view(&self, generation: u64, now: u64) -> WindowView {
        if let Some(calls) = &self.calls {
            let (total, failed, slow) = calls.sums(generation);
            return WindowView { total, failed, slow, reach: None };
        }
        let to = self.ring.tick(now);
        let from = (to + 1).saturating_sub(self.settings.buckets);
        let [total, failed, slow, ..] = self.ring.sum(&self.stripes, generation, from, to);
        WindowView { total, failed, slow, reach: Some(Duration::from_nanos(now - self.ring.start(from).min(now))) }
    }

    /// Counts a call that may get stuck where it began.
    fn watch_over(&self, ticket: Ticket, cell: Cell) {
        if let (Kind::Plain { tick }, Some(_)) = (ticket.kind(), self.settings.stuck) {
            let seat = self.stripes.seat(stripe::mine());
            self.ring.add(&self.stripes, seat, (ticket.word().generation(), tick), cell);
        }
    }

    /// Looks for stuck calls once in each bucket; the bucket of `now`.
    fn watch(&self, now: u64) -> u64 {
        let Some(most) = self.settings.stuck else { return 0 };
        let tick = self.ring.tick(now);
        if self.pulse.watched.load(Ordering::Relaxed) == tick {
            return tick;
        }
        self.pulse.watched.store(tick, Ordering::Relaxed);
        let word = self.machine.word();
        if !matches!(word.state(), State::Closed | State::Ramp) {
            return tick;
        }
        let Some(last) = self.ring.tick_before(now.saturating_sub(self.settings.slow)) else { return tick };
        let from = (tick + 1).saturating_sub(self.ring.reach());
        let [.., begun, ended] = self.ring.sum(&self.stripes, word.generation(), from, last);
        let stuck = begun.saturating_sub(ended);
        let view = self.view(word.generation(), now);
        let with = WindowView { total: view.total + stuck, slow: view.slow + stuck, ..view };
        if stuck >= most && with.total >= self.settings.min_calls && with.slow_rate() >= self.settings.slow_rate {
            self.trip(word, now, Cause::Stuck, &with);
        }
        tick
    }

    /// An open time in milliseconds.
    fn open_time(&self, exponent: u64) -> u64 {
        let doubled = 1_u64.checked_shl(u32::try_from(exponent).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
        let base = self.settings.open_ms.saturating_mul(doubled).min(self.settings.open_max_ms);
        let (least, most) = jitter_range(base, self.settings.open_jitter);
        if most > least { least + self.timing.entropy().below(most - least + 1) } else { base }
    }

    /// Makes and tells every change that is due.
    #[inline]
    pub(super) fn settle(&self, now: u64) {
        if !self.machine.word().is_plain() {
            while let Some(change) = self.machine.settle(now / MS, |exponent| self.open_time(exponent)) {
                self.tell(change, change.at * MS, None);
            }
        }
    }

    fn tell(&self, change: Change, at: u64, window: Option<&WindowView>) {
        self.pulse.quiet.store(0, Ordering::Relaxed);
        if change.cause == Cause::Operator {
            self.pulse.consecutive.store(0, Ordering::Relaxed);
        }
        let (from, to) = (word_of(change.from), word_of(change.to));
        let reason = change.cause.as_str();
        if change.to.mode() == Mode::MetricsOnly && change.cause != Cause::Operator {
            let (from, to) = (change.from.state().as_str(), change.to.state().as_str());
            return self.listeners.tell(&self.event(at, EventKind::WouldChange { from, to, reason, window }));
        }
        if change.to.state() == State::Open && change.to.mode() == Mode::Automatic {
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        if from != to {
            self.listeners.tell(&self.event(at, EventKind::StateChanged { from, to, reason, window }));
        }
    }

    /// An operator's word.
    pub(super) fn set(&self, mode: Mode) {
        let now = self.timing.coarse_nanos();
        self.settle(now);
        let change = self.machine.set(mode, now.div_ceil(MS));
        self.tell(change, now, None);
    }

    /// Closed, with every counter at zero.
    pub(super) fn reset(&self) {
        self.set(Mode::Automatic);
        for (zero, total) in self.zero.iter().zip(counters::totals(&self.stripes)) {
            zero.store(total, Ordering::Relaxed);
        }
        self.opened.store(0, Ordering::Relaxed);
        self.last_failure.store(u64::MAX, Ordering::Relaxed);
    }

    pub(super) fn total(&self) -> Totals {
        let sums = counters::totals(&self.stripes);
        let of = |what: Count| {
            let zero = self.zero[what as usize].load(Ordering::Relaxed);
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

/// Whole milliseconds within `base` times 1 - jitter to 1 + jitter.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds of minutes, and a factor of at most 2"
)]
fn jitter_range(base: u64, jitter: f64) -> (u64, u64) {
    let span = (base as f64 * jitter).floor() as u64;
    (base.saturating_sub(span).max(1), base.saturating_add(span))
}
