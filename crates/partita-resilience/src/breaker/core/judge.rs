//! What an end means: it is noted, judged, and trips the breaker or does not.

use super::{Core, HEADED, Kind, MS, NEVER_SLOW, Ticket};
use crate::breaker::packed::counters::{self, Count};
use crate::breaker::packed::machine::{Cause, Change};
use crate::breaker::packed::ring::Cell;
use crate::breaker::packed::word::{State, Word};
use crate::sync::{Ordering, fence};
use crate::{EventKind, Outcome, WindowView};
use std::time::Duration;

/// No word of a dependency holds a breaker open for longer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3_600);

impl Core {
    /// Gives a permit back with what became of the call. The ticket goes on word by word, in registers.
    #[inline(always)]
    pub(crate) fn leave(&self, ticket: Ticket, outcome: Outcome) {
        let Ticket { word, start, extra } = ticket;
        let healthy = matches!(outcome, Outcome::Success);
        if !(healthy && self.leave_healthy(Word(word), start, self.now_again())) {
            self.leave_checked(word, start, extra, (outcome, false));
        }
    }

    /// Gives back the permit of a call whose deadline cut it short, although it had its time: it counts as a slow one.
    #[cold]
    pub(in crate::breaker) fn leave_cut(&self, ticket: Ticket) {
        self.leave_checked(ticket.word, ticket.start, ticket.extra, (Outcome::Cancelled, true));
    }

    /// Records a success where nothing has happened that it would have to look at.
    #[inline(always)]
    fn leave_healthy(&self, word: Word, start: u64, now: u64) -> bool {
        let steady = word.is_plain()
            && self.is_quick
            && self.machine.word() == word
            && now.saturating_sub(start) < self.slow
            && self.pulse.consecutive.load(Ordering::Relaxed) == 0;
        if !steady {
            return false;
        }
        let Some(tick) = self.ring.tick_if_known(now) else { return false };
        if tick >= self.pulse.quiet.load(Ordering::Relaxed) {
            return false;
        }
        let seat = self.seat();
        self.ring.add(&self.words, seat, (word.generation(), tick), Cell::Total);
        counters::count(&self.words, seat, Count::Successful);
        true
    }

    fn tell_end(&self, now: u64, elapsed: u64, outcome: Outcome) {
        let elapsed = Duration::from_nanos(elapsed);
        self.common.listeners.routine(|| self.event(now, EventKind::Ended { outcome, elapsed }));
    }

    #[inline(never)]
    fn leave_checked(&self, word: u64, start: u64, extra: u64, (outcome, cut): (Outcome, bool)) {
        let ticket = Ticket { word, start, extra };
        let now = self.now();
        self.settle(now);
        let elapsed = now.saturating_sub(ticket.start);
        self.vacate(ticket);
        self.heed(outcome, now);
        let word = self.machine.word();
        if word.generation() == ticket.word().generation() {
            if ticket.kind() != Kind::Free {
                let slow = elapsed >= self.common.settings.slow || (cut && self.common.settings.slow != NEVER_SLOW);
                self.judge(ticket, word, (outcome, slow), now);
            }
        } else {
            self.count(Count::Stale);
        }
        self.tell_end(now, elapsed, outcome);
    }

    /// Gives back what a call under way holds: a probe's place, and its count among those that may get stuck.
    pub(super) fn vacate(&self, ticket: Ticket) {
        if let Kind::Probe { slot, deadline } = ticket.kind() {
            self.machine.release(slot, ticket.word().generation(), deadline);
        }
        self.watch_over(ticket, Cell::Ended);
    }

    /// When to come again holds whether or not the call still counts.
    fn heed(&self, outcome: Outcome, now: u64) {
        if let Outcome::Overloaded { retry_after: Some(wait) } = outcome {
            let wait = wait.min(LONGEST_RETRY_AFTER).as_nanos();
            self.machine.not_before((now + u64::try_from(wait).unwrap_or(0)).div_ceil(MS));
        }
    }

    fn judge(&self, ticket: Ticket, word: Word, (outcome, slow): (Outcome, bool), now: u64) {
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure | Outcome::Overloaded { .. } => true,
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

    /// A probe that did not end in its time has failed at its deadline, whatever it says later.
    #[cold]
    pub(super) fn expire(&self, change: Change) {
        let rules = &self.common.settings.rules;
        for _ in 0..self.machine.expired(change).max(1) {
            self.note(Outcome::Failure, true, change.at * MS);
            if rules.lease.saturating_mul(MS) >= self.common.settings.slow {
                self.count(Count::Slow);
            }
        }
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
            self.tell(change, now);
        }
    }

    /// Puts a call into the window and trips if that brings a limit.
    fn weigh(&self, word: Word, (failed, slow): (bool, bool), in_a_row: u64, now: u64) {
        let (generation, tick) = (word.generation(), self.ring.tick(now));
        if let Some(calls) = &self.calls {
            calls.push(generation, failed, slow, || self.machine.word().generation() == generation);
        } else {
            let seat = self.seat();
            let add = |cell| self.ring.add(&self.words, seat, (generation, tick), cell);
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
        let quiet =
            if view.failed + view.slow == 0 && (self.calls.is_none() || view.total >= self.common.settings.min_calls) {
                u64::MAX
            } else if view.total < self.common.settings.min_calls {
                0
            } else if self.calls.is_some() {
                u64::MAX
            } else {
                tick + 1
            };
        let _ = self.pulse.quiet.compare_exchange(seen, quiet, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn verdict(&self, view: &WindowView, in_a_row: u64) -> Option<Cause> {
        if view.total >= self.common.settings.min_calls {
            if view.failed > 0 && view.failure_rate() >= self.common.settings.failure_rate {
                return Some(Cause::FailureRate);
            }
            if view.slow > 0 && view.slow_rate() >= self.common.settings.slow_rate {
                return Some(Cause::SlowRate);
            }
        }
        (in_a_row >= self.common.settings.consecutive).then_some(Cause::Consecutive)
    }

    fn trip(&self, word: Word, now: u64, cause: Cause, view: &WindowView) {
        let wait = |exponent| self.open_time(exponent);
        if let Some(change) = self.machine.open(word, now.div_ceil(MS), cause, wait) {
            self.tell_judged(change, now, view);
        }
    }

    /// What the window of a generation holds.
    pub(in crate::breaker) fn view(&self, generation: u64, now: u64) -> WindowView {
        if let Some(calls) = &self.calls {
            let (total, failed, slow) = calls.sums(generation);
            return WindowView { total, failed, slow, reach: None };
        }
        let to = self.ring.tick(now);
        let from = (to + 1).saturating_sub(self.common.settings.buckets);
        let [total, failed, slow, ..] = self.ring.sum(&self.words, generation, from, to);
        WindowView { total, failed, slow, reach: Some(Duration::from_nanos(now - self.ring.start(from).min(now))) }
    }

    /// Counts a call that may get stuck where it began, unless its state is over: it would take the place of a newer one's.
    pub(super) fn watch_over(&self, ticket: Ticket, cell: Cell) {
        let generation = ticket.word().generation();
        if let (Kind::Plain { tick }, Some(_)) = (ticket.kind(), self.common.settings.stuck)
            && ticket.extra & HEADED == 0
            && self.machine.word().generation() == generation
        {
            self.ring.add(&self.words, self.seat(), (generation, tick), cell);
        }
    }

    /// The answer to a plain call has begun: it is not stuck, however long the rest takes.
    pub(in crate::breaker) fn head(&self, ticket: &mut Ticket) {
        self.watch_over(*ticket, Cell::Ended);
        ticket.extra |= HEADED;
    }

    /// A call that has not begun yet waits: it is neither slow nor stuck, however long that takes.
    pub(in crate::breaker) fn pause(&self, ticket: &mut Ticket) {
        if matches!(ticket.kind(), Kind::Plain { .. }) {
            self.head(ticket);
        }
        ticket.start = u64::MAX;
    }

    /// And begins.
    pub(in crate::breaker) fn resume(&self, ticket: &mut Ticket) {
        let now = self.now();
        if matches!(ticket.kind(), Kind::Plain { .. }) {
            *ticket = Ticket::new(ticket.word(), now, Kind::Plain { tick: self.ring.tick(now) });
            self.watch_over(*ticket, Cell::Begun);
        }
        ticket.start = now;
    }

    /// Looks for stuck calls once in each bucket; the bucket of `now`.
    pub(super) fn watch(&self, now: u64) -> u64 {
        let Some(most) = self.common.settings.stuck else { return 0 };
        let tick = self.ring.tick(now);
        if self.pulse.watched.load(Ordering::Relaxed) == tick {
            return tick;
        }
        self.pulse.watched.store(tick, Ordering::Relaxed);
        let word = self.machine.word();
        if !matches!(word.state(), State::Closed | State::Ramp) {
            return tick;
        }
        let Some(last) = self.ring.tick_before(now.saturating_sub(self.common.settings.slow)) else { return tick };
        let from = (tick + 1).saturating_sub(self.ring.reach());
        let [.., begun, ended] = self.ring.sum(&self.words, word.generation(), from, last);
        let stuck = begun.saturating_sub(ended);
        let view = self.view(word.generation(), now);
        let with = WindowView { total: view.total + stuck, slow: view.slow + stuck, ..view };
        if stuck >= most
            && with.total >= self.common.settings.min_calls
            && with.slow_rate() >= self.common.settings.slow_rate
        {
            self.trip(word, now, Cause::Stuck, &with);
        }
        tick
    }

    /// An open time in milliseconds.
    pub(super) fn open_time(&self, exponent: u64) -> u64 {
        let doubled = 1_u64.checked_shl(u32::try_from(exponent).unwrap_or(u32::MAX)).unwrap_or(u64::MAX);
        let base = self.common.settings.open_ms.saturating_mul(doubled).min(self.common.settings.open_max_ms);
        let (least, most) = jitter_range(base, self.common.settings.open_jitter);
        if most > least { least + self.common.timing.entropy().below(most - least + 1) } else { base }
    }
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
