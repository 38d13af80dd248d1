//! How the limit moves: a pure function of windows.

use std::collections::VecDeque;

/// Windows that the correlation test looks at.
const LOOK_BACK: usize = 10;

/// The calls under way must have moved so much (standard deviation of the logarithm) for the test to speak.
const LEAST_SPREAD: f64 = 0.01;

/// Share of the latency that is waiting, above which the limit sinks.
const CONGESTED: f64 = 0.04;

/// Share of the latency that is waiting, below which the limit may grow.
const FREE: f64 = 0.015;

/// What one window showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Mean latency of the fastest nine in ten, in seconds.
    pub(super) latency: f64,
    /// Calls a second.
    pub(super) throughput: f64,
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
    recent: Option<f64>,
    seen: VecDeque<(f64, f64)>,
}

impl Controller {
    pub(super) const fn new(initial: f64, min: f64, max: f64) -> Self {
        Self { limit: initial, min, max, baseline: None, recent: None, seen: VecDeque::new() }
    }

    /// Latency without waiting as it is taken to be, in seconds.
    pub(super) const fn baseline(&self) -> Option<f64> {
        self.baseline
    }

    /// The limit after a window.
    pub(super) fn next(&mut self, window: &Window) -> f64 {
        let recent = ewma(self.recent, window.latency, 0.5);
        self.recent = Some(recent);
        let idle = window.peak < self.limit / 2.0;
        let baseline = match self.baseline {
            Some(baseline) if recent > baseline => ewma(self.baseline, recent, if idle { 0.05 } else { 0.0 }),
            baseline => ewma(baseline, recent, 0.3),
        };
        self.baseline = Some(baseline);
        if self.seen.len() == LOOK_BACK {
            self.seen.pop_front();
        }
        self.seen.push_back((window.in_flight.ln(), window.throughput.ln()));
        self.limit = (self.limit * self.factor(window, recent, baseline)).clamp(self.min, self.max);
        self.limit
    }

    fn factor(&mut self, window: &Window, recent: f64, baseline: f64) -> f64 {
        if window.overloaded {
            return 0.9;
        }
        if window.peak < self.limit / 2.0 {
            return 1.0;
        }
        let waiting = 1.0 - (baseline / recent).min(1.0);
        let elasticity = self.elasticity();
        if waiting > FREE && elasticity.is_some_and(|(slope, error)| slope - error > 0.5) {
            self.baseline = Some(recent);
            self.seen.clear();
            return 1.0;
        }
        if waiting > CONGESTED {
            return 1.0 - (waiting / 2.0).min(0.2);
        }
        let flat = elasticity.is_some_and(|(slope, error)| slope + error < 0.4);
        match (waiting < FREE, flat) {
            (_, true) => 0.95,
            (true, false) => 1.04 + 0.5 / self.limit,
            (false, false) => 0.99,
        }
    }

    /// By how much of a change of the calls under way the throughput changed with it, with its standard error; None while
    /// they hardly moved.
    #[allow(clippy::cast_precision_loss, reason = "a few windows")]
    fn elasticity(&self) -> Option<(f64, f64)> {
        let count = self.seen.len() as f64;
        if self.seen.len() < 4 {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| self.seen.iter().map(of).sum::<f64>() / count;
        let (flight, through) = (mean(|seen| seen.0), mean(|seen| seen.1));
        let spread = self.seen.iter().map(|seen| (seen.0 - flight).powi(2)).sum::<f64>() / count;
        let both = self.seen.iter().map(|seen| (seen.0 - flight) * (seen.1 - through)).sum::<f64>() / count;
        let slope = both / spread;
        let miss = |seen: &(f64, f64)| (seen.1 - through - slope * (seen.0 - flight)).powi(2);
        let error = (self.seen.iter().map(miss).sum::<f64>() / (count - 2.0) / (spread * count)).sqrt();
        (spread.sqrt() >= LEAST_SPREAD).then_some((slope, error))
    }
}

fn ewma(old: Option<f64>, new: f64, weight: f64) -> f64 {
    old.map_or(new, |old| old + (new - old) * weight)
}
