//! How long calls took lately: a log-linear histogram over a sliding window, in fixed memory and without a lock.
//!
//! Values are told apart to 1/32 from a microsecond to 71 minutes, as in *HdrHistogram*. The window is the running ten
//! seconds and the ten before. A call that was cut off is counted as a *lower bound*: it would have taken at least so
//! long. Quantiles weigh such bounds by the product-limit estimator (Kaplan, Meier 1958), so that a timeout does not hide
//! from itself the slow calls that it cuts off.

#[cfg(test)]
mod tests;
mod tracked;

pub(crate) use tracked::Tracked;

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Steps in each doubling.
const STEPS: u64 = 32;
const STEP_BITS: u32 = 5;
/// Doublings above the first `STEPS` microseconds.
const DOUBLINGS: u64 = 27;
const CELLS: usize = 896;
/// The slot being written, the one before, and one kept clean for what comes.
const SLOTS: u64 = 3;
const WINDOW: u64 = 10;

/// Where a quantile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// Here, to 1/32.
    At(Duration),
    /// Above here: too many calls were cut off to say where.
    Above(Duration),
}

/// How long calls took in the last ten to twenty seconds.
pub struct Histogram {
    slots: [Slot; 3],
    epoch: AtomicU64,
}

struct Slot {
    ended: Box<[AtomicU32]>,
    cut: Box<[AtomicU32]>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Bytes that one takes, whatever it is fed.
    pub const BYTES: usize = 3 * 2 * CELLS * size_of::<AtomicU32>() + size_of::<Self>();

    /// An empty one.
    pub fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Slot::new()), epoch: AtomicU64::new(0) }
    }

    /// A call ended at `now`, as time since the clock was made, after `elapsed`.
    pub fn record(&self, now: Duration, elapsed: Duration) {
        let epoch = self.turn(now);
        self.slot(epoch).ended[cell(elapsed)].fetch_add(1, Ordering::Relaxed);
    }

    /// A call was cut off at `now` after `elapsed`: it would have taken at least so long.
    pub fn record_at_least(&self, now: Duration, elapsed: Duration) {
        let epoch = self.turn(now);
        self.slot(epoch).cut[cell(elapsed)].fetch_add(1, Ordering::Relaxed);
    }

    /// Calls in the window, those that were cut off included.
    pub fn count(&self, now: Duration) -> u64 {
        let epoch = self.turn(now);
        (0..CELLS).map(|cell| self.at(epoch, cell)).map(|(ended, cut)| ended + cut).sum()
    }

    /// Where the quantile `q`, 0 to 1, of the calls in the window lies; None while there are none.
    pub fn quantile(&self, now: Duration, q: f64) -> Option<Quantile> {
        let epoch = self.turn(now);
        let total = self.count(now);
        let (mut at_risk, mut longer, mut last) = (total, 1.0, 0);
        for cell in 0..CELLS {
            let (ended, cut) = self.at(epoch, cell);
            if ended + cut == 0 {
                continue;
            }
            if ended > 0 {
                longer *= 1.0 - share(ended, at_risk);
                if 1.0 - longer >= q - 1e-9 {
                    return Some(Quantile::At(highest(cell)));
                }
            }
            at_risk -= (ended + cut).min(at_risk);
            last = cell;
        }
        (total > 0).then(|| Quantile::Above(highest(last)))
    }

    fn at(&self, epoch: u64, cell: usize) -> (u64, u64) {
        let read = |cells: &[AtomicU32]| u64::from(cells[cell].load(Ordering::Relaxed));
        let (now, before) = (self.slot(epoch), self.slot(epoch + SLOTS - 1));
        let earlier = if epoch > 0 { (read(&before.ended), read(&before.cut)) } else { (0, 0) };
        (read(&now.ended) + earlier.0, read(&now.cut) + earlier.1)
    }

    fn slot(&self, epoch: u64) -> &Slot {
        &self.slots[usize::try_from(epoch % SLOTS).unwrap_or(0)]
    }

    /// Moves on to the slot of `now`; the one who does, cleans the next. A clock behind the others' writes to theirs.
    fn turn(&self, now: Duration) -> u64 {
        let epoch = now.as_secs() / WINDOW;
        let old = self.epoch.load(Ordering::Acquire);
        if epoch <= old {
            return old;
        }
        if self.epoch.compare_exchange(old, epoch, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            // The slot after the old one is clean already; whatever else the new window touches is not.
            let dirty = (old + 2).max(epoch - 1)..=epoch + 1;
            dirty.for_each(|dirty| self.slot(dirty).clean());
        }
        epoch
    }
}

impl Slot {
    fn new() -> Self {
        let cells = || (0..CELLS).map(|_| AtomicU32::new(0)).collect();
        Self { ended: cells(), cut: cells() }
    }

    fn clean(&self) {
        self.ended.iter().chain(&self.cut).for_each(|cell| cell.store(0, Ordering::Relaxed));
    }
}

/// The cell of a value: microseconds one by one up to `STEPS`, then `STEPS` cells for each doubling.
fn cell(elapsed: Duration) -> usize {
    let longest = (STEPS << DOUBLINGS) - 1;
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(longest).min(longest);
    let doubling = u64::from((micros | 1).ilog2().saturating_sub(STEP_BITS - 1)).saturating_sub(1);
    let cell = doubling * STEPS + (micros >> doubling);
    usize::try_from(cell).unwrap_or(0).min(CELLS - 1)
}

/// The longest value of a cell.
fn highest(cell: usize) -> Duration {
    let cell = cell as u64;
    let doubling = (cell / STEPS).saturating_sub(1);
    let first = cell - doubling * STEPS;
    Duration::from_micros(((first + 1) << doubling) - 1)
}

#[allow(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Histogram")
    }
}
