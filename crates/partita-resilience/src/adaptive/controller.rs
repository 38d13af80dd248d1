//! How the limit moves: a pure function of windows.

use super::knee::{Curve, Seen};

/// A window in which so much of the limit was in use, on average, shows what the limit does.
const FULL: f64 = 0.8;

/// A window further off the curve than this (in logarithms), and than so many standard errors more, belongs to another one.
const STRANGE: (f64, f64) = (0.06, 5.0);

/// Where the limit stands beside the knee: one window of three below, the others above. Both sides must be seen, and above
/// costs no throughput.
const BESIDE: (f64, f64) = (0.9625, 1.075);

/// A limit that is full for moments only grows by this, while latency stays within this of the baseline.
const ROOM: f64 = 1.1;

/// What one window showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Calls that ended.
    pub(super) calls: f64,
    /// Mean latency of the fastest nine in ten, in seconds.
    pub(super) latency: f64,
    /// Calls under way, on average.
    pub(super) in_flight: f64,
    /// Most calls under way at once.
    pub(super) peak: f64,
    /// Whether the dependency said that it is overloaded.
    pub(super) overloaded: bool,
}

/// The limit and what it was learnt from.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    limit: f64,
    min: f64,
    max: f64,
    baseline: Option<f64>,
    knee: f64,
    turns: u32,
    curve: Curve,
    strange: Option<Seen>,
}

impl Controller {
    pub(super) fn new(initial: f64, min: f64, max: f64) -> Self {
        let (baseline, curve, strange) = (None, Curve::default(), None);
        Self { limit: initial, min, max, baseline, knee: initial, turns: 2, curve, strange }
    }

    /// Latency without waiting as it is taken to be, in seconds.
    pub(super) const fn baseline(&self) -> Option<f64> {
        self.baseline
    }

    /// The limit after a window.
    pub(super) fn next(&mut self, window: &Window) -> f64 {
        let limit = if window.overloaded {
            self.knee = self.limit * 0.9;
            self.knee.floor()
        } else if window.in_flight < self.limit * FULL {
            self.loose(window)
        } else {
            self.tight(window)
        };
        self.limit = limit.clamp(self.min, self.max);
        self.limit
    }

    /// The limit held calls back all the time.
    fn tight(&mut self, window: &Window) -> f64 {
        let seen = Seen::of(window.in_flight, window.latency, window.calls);
        if self.is_strange(&seen) {
            return self.limit;
        }
        self.curve.add(seen);
        let fit = self.curve.fit(self.knee.ln());
        self.baseline = Some(fit.latency.exp());
        self.knee = fit.knee.exp().clamp(self.min, self.max);
        self.turns = (self.turns + 1) % 3;
        let below = (self.knee * BESIDE.0).round();
        if self.turns == 0 { below } else { (self.knee * BESIDE.1).round().max(below + 1.0) }
    }

    /// The limit held calls back for moments, or not at all.
    fn loose(&mut self, window: &Window) -> f64 {
        let baseline = self.baseline.map_or(window.latency, |baseline| baseline.min(window.latency));
        self.baseline = Some(baseline);
        if window.peak < self.limit || window.latency > baseline * ROOM {
            return self.limit;
        }
        self.knee = (self.limit * ROOM).max(self.limit + 1.0);
        self.knee.round()
    }

    /// Whether a window does not belong to what was seen before. After two such windows in a row, the past is forgotten.
    fn is_strange(&mut self, seen: &Seen) -> bool {
        let (off, error) = self.curve.fit(self.knee.ln()).off(seen);
        if self.curve.is_empty() || off < STRANGE.0 + STRANGE.1 * error {
            self.strange = None;
            return false;
        }
        let Some(before) = self.strange.replace(*seen) else { return true };
        self.curve = Curve::default();
        self.curve.add(before);
        self.strange = None;
        false
    }
}
