//! A clock that costs one load to read.

use crate::Clock;
use std::cell::Cell;
use std::fmt;
use std::hint::cold_path;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

/// How often a ticking clock is refreshed.
const TICK: Duration = Duration::from_millis(1);

/// A reading older than this stands for a ticker that stands.
const LONGEST_LAG: u64 = 10_000_000;

/// Ticks from one question whether anybody reads to the next, and from such a question to sleep.
const PATIENCE: u64 = 1_000;

/// No thread ticks. The next reader reads exactly and starts it.
const ASLEEP: u64 = 0;
/// The ticker asks whether anybody reads. The next reader reads exactly and answers.
const ASKED: u64 = 1;
/// A reader found that the ticker stands. Every reader reads exactly until it ticks again.
const STANDING: u64 = 2;
/// Somebody reads: the answer to the ticker. Every reader reads exactly until it ticks. Only the ticker writes a time, for that
/// of a reader may run ahead, as in a runtime whose clock is paused and moved by hand.
const READ: u64 = 3;

/// Reads another clock, late by at most what its ticker is late, and never ahead of it.
///
/// A ticking clock is refreshed each millisecond by a thread of its own, so that a read costs one load. The thread starts
/// at the first read, goes to sleep when nobody has read for a second or two, and ends with the last clone; the read that
/// wakes it is exact. A ticker that stands (a starved thread, a stopped one) is noticed by the second read of a thread that
/// falls on the same tick, and by each 64th after it; by a thread that reads other clocks between, within some hundred of its
/// reads. Readers read exactly from then on, until it ticks again.
///
/// The readings of one thread do not go back, but at the moment when a ticker that stood, slept or asked ticks again: by the
/// few microseconds between two threads' readings, or for as long as the ticker is held up between its reading and its
/// writing. Take differences saturating.
#[derive(Clone)]
pub struct CoarseClock(Kind);

#[derive(Clone)]
enum Kind {
    Exact(Arc<dyn Clock>),
    Ticking(Arc<Dial>),
}

/// How late the readings of a [`CoarseClock`] were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Whether a thread ticks now. False for an exact clock, and while nobody reads.
    pub ticking: bool,
    /// Refreshes so far.
    pub ticks: u64,
    /// The mean age that a reading had reached when it was refreshed.
    pub mean: Duration,
    /// The greatest such age.
    pub worst: Duration,
    /// How often readers found that the ticker stood.
    pub stops: u64,
}

impl CoarseClock {
    /// Each read asks `clock`: for virtual time, where a read costs little and nothing may be late.
    pub fn exact(clock: Arc<dyn Clock>) -> Self {
        Self(Kind::Exact(clock))
    }

    /// Refreshed each millisecond by a thread of its own, which starts at the first read.
    pub fn ticking(clock: Arc<dyn Clock>) -> Self {
        Self(Kind::Ticking(Arc::new(Dial::new(clock))))
    }

    /// Time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    /// Time since the clock was made, in nanoseconds.
    #[inline]
    pub fn nanos(&self) -> u64 {
        match &self.0 {
            Kind::Exact(clock) => {
                cold_path();
                nanos_of(clock.as_ref())
            }
            Kind::Ticking(dial) => dial.read(),
        }
    }

    /// [`CoarseClock::nanos`] for a thread that has just asked for that: one load, by which nobody notices that a ticker
    /// stands.
    #[inline]
    pub fn nanos_again(&self) -> u64 {
        match &self.0 {
            Kind::Exact(clock) => {
                cold_path();
                nanos_of(clock.as_ref())
            }
            Kind::Ticking(dial) => dial.read_again(),
        }
    }

    /// How late its readings were. All zero for an exact clock.
    pub fn lag(&self) -> Lag {
        match &self.0 {
            Kind::Exact(_) => Lag::default(),
            Kind::Ticking(dial) => dial.lag(),
        }
    }
}

impl fmt::Debug for CoarseClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(clock) => write!(f, "CoarseClock(exact, {clock:?})"),
            Kind::Ticking(dial) => write!(f, "CoarseClock(ticking, {:?})", dial.lag()),
        }
    }
}

fn nanos_of(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// A thread looks at the exact clock when it reads the same twice, and then at each so many readings.
const LOOK: u64 = 64;

/// And when it has read something else so many times: a prime, so that a thread which reads up to 60 clocks by turns looks
/// at each.
const CHANGES: u64 = 61;

/// What a thread has read, of whichever clock.
struct Seen {
    last: Cell<u64>,
    /// Readings of the same until it looks.
    same: Cell<u64>,
    /// Readings of something else until it looks.
    other: Cell<u64>,
}

thread_local! {
    static SEEN: Seen = const { Seen { last: Cell::new(u64::MAX), same: Cell::new(LOOK), other: Cell::new(CHANGES) } };
}

/// Whether a thread that reads this has to look.
#[inline(always)]
fn must_look(value: u64) -> bool {
    if value != SEEN.with(|seen| seen.last.get()) {
        return must_look_for(value);
    }
    SEEN.with(|seen| {
        let left = seen.same.get() - 1;
        seen.same.set(left);
        left == 0
    })
}

/// [`must_look`] where the last reading was another. What says that no thread ticks is never kept as a reading.
#[inline(never)]
fn must_look_for(value: u64) -> bool {
    if value <= READ {
        return true;
    }
    SEEN.with(|seen| {
        seen.last.set(value);
        seen.same.set(1);
        let left = seen.other.get() - 1;
        seen.other.set(if left == 0 { CHANGES } else { left });
        left == 0
    })
}

/// What the ticker writes and readers read.
#[repr(align(128))]
struct Face(AtomicU64);

struct Dial {
    face: Face,
    clock: Arc<dyn Clock>,
    thread: OnceLock<Option<Thread>>,
    /// When somebody answered last, by his clock.
    answered: AtomicU64,
    ticks: AtomicU64,
    sum: AtomicU64,
    worst: AtomicU64,
    stops: AtomicU64,
}

impl Dial {
    const fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            face: Face(AtomicU64::new(ASLEEP)),
            clock,
            thread: OnceLock::new(),
            answered: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            worst: AtomicU64::new(0),
            stops: AtomicU64::new(0),
        }
    }

    #[inline]
    fn read(self: &Arc<Self>) -> u64 {
        let value = self.face.0.load(Ordering::Relaxed);
        if must_look(value) { self.look(value) } else { value }
    }

    #[inline]
    fn read_again(self: &Arc<Self>) -> u64 {
        let value = self.face.0.load(Ordering::Relaxed);
        if value <= READ { self.look(value) } else { value }
    }

    #[cold]
    fn look(self: &Arc<Self>, value: u64) -> u64 {
        SEEN.with(|seen| seen.same.set(if seen.same.get() == 0 { LOOK } else { seen.same.get() }));
        let exact = nanos_of(self.clock.as_ref());
        let face = &self.face.0;
        match value {
            STANDING => exact,
            READ => {
                // Who sees an answer sees when it was given.
                fence(Ordering::Acquire);
                if exact.saturating_sub(self.answered.load(Ordering::Relaxed)) > LONGEST_LAG {
                    self.stands(READ);
                }
                exact
            }
            ASLEEP | ASKED => {
                self.answered.store(exact, Ordering::Relaxed);
                let answered = face.compare_exchange(value, READ, Ordering::Release, Ordering::Relaxed).is_ok();
                if answered && value == ASLEEP {
                    self.wake();
                }
                exact
            }
            _ if value <= exact && exact - value <= LONGEST_LAG => value,
            _ => {
                self.stands(value);
                exact
            }
        }
    }

    /// Tells that the ticker stands, if the face still shows this.
    fn stands(&self, value: u64) {
        if self.face.0.compare_exchange(value, STANDING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.stops.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wake(self: &Arc<Self>) {
        let thread = self.thread.get_or_init(|| {
            let dial = Arc::downgrade(self);
            let ticker = thread::Builder::new().name("coarse-clock".to_owned());
            ticker.spawn(move || run(&dial)).ok().map(|handle| handle.thread().clone())
        });
        match thread {
            Some(thread) => thread.unpark(),
            None => self.face.0.store(STANDING, Ordering::Relaxed),
        }
    }

    /// Refreshes the face; `quiet` counts the ticks since a question or an answer. Whether to go on ticking.
    fn tick(&self, quiet: &mut u64) -> bool {
        let face = &self.face.0;
        let exact = nanos_of(self.clock.as_ref());
        let value = face.load(Ordering::Relaxed);
        *quiet += 1;
        match value {
            ASLEEP => return false,
            ASKED if *quiet < PATIENCE => return true,
            ASKED => return face.compare_exchange(ASKED, ASLEEP, Ordering::Relaxed, Ordering::Relaxed).is_err(),
            STANDING | READ => {}
            _ => self.measure(exact.saturating_sub(value)),
        }
        if *quiet >= PATIENCE && value > READ {
            *quiet = 0;
            let _ = face.compare_exchange(value, ASKED, Ordering::Relaxed, Ordering::Relaxed);
        } else {
            face.fetch_max(exact, Ordering::Relaxed);
        }
        true
    }

    fn measure(&self, age: u64) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(age, Ordering::Relaxed);
        self.worst.fetch_max(age, Ordering::Relaxed);
    }

    fn lag(&self) -> Lag {
        let ticks = self.ticks.load(Ordering::Relaxed);
        let mean = self.sum.load(Ordering::Relaxed).checked_div(ticks).unwrap_or(0);
        Lag {
            ticking: !matches!(self.face.0.load(Ordering::Relaxed), ASLEEP | STANDING),
            ticks,
            mean: Duration::from_nanos(mean),
            worst: Duration::from_nanos(self.worst.load(Ordering::Relaxed)),
            stops: self.stops.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// The ticker: parks for a tick while somebody reads, and until a reader wakes it otherwise.
fn run(dial: &Weak<Dial>) {
    let mut quiet = 0;
    let mut rest = TICK;
    loop {
        thread::park_timeout(rest);
        let Some(dial) = dial.upgrade() else { return };
        rest = if dial.tick(&mut quiet) { TICK } else { Duration::MAX };
    }
}

#[cfg(test)]
#[path = "coarse_tests.rs"]
mod tests;
