//! Where throughput ends to grow, fitted to windows.

use std::collections::VecDeque;

/// Windows that are looked at.
const LOOK_BACK: usize = 60;

/// What a window's word is still worth a window later.
const FADING: f64 = 0.95;

/// Before anything is seen, the knee is taken to be about where it was: standard deviation of its logarithm.
const PRIOR: f64 = 0.3;

/// Before anything is seen, a call's time is taken to vary by half of its mean, and that is worth so many windows.
const NOISE: (f64, f64) = (0.5, 3.0);

/// Knees are tried from where it was, so many steps to either side, each of this logarithm.
const TRIED: (i16, f64) = (45, 0.02);

/// One window, in natural logarithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    flight: f64,
    latency: f64,
    calls: f64,
}

impl Seen {
    pub(super) fn of(in_flight: f64, latency: f64, calls: f64) -> Self {
        Self { flight: in_flight.ln(), latency: latency.ln(), calls: calls.max(1.0) }
    }

    /// Latency below the knee, if the knee is there and all else is waiting.
    fn level(&self, knee: f64) -> f64 {
        self.latency - (self.flight - knee).max(0.0)
    }
}

/// Latency over calls under way, in logarithms: level up to the knee, and in proportion to them from there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fit {
    pub(super) knee: f64,
    /// Latency without waiting.
    pub(super) latency: f64,
    /// By how much of its mean one call's time varies.
    noise: f64,
}

impl Fit {
    /// By how much a window's latency lies off, and its standard error.
    pub(super) fn off(&self, seen: &Seen) -> (f64, f64) {
        ((seen.level(self.knee) - self.latency).abs(), self.noise / seen.calls.sqrt())
    }
}

/// The last windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Curve(VecDeque<Seen>);

impl Curve {
    pub(super) fn add(&mut self, seen: Seen) {
        self.0.truncate(LOOK_BACK - 1);
        self.0.push_front(seen);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mean of all knees around `before`, each by its likelihood: how well it explains the windows, whose noise is not
    /// known (so Student's t), and how near it is to `before`.
    pub(super) fn fit(&self, before: f64) -> Fit {
        let tried = (-TRIED.0..=TRIED.0).map(|step| self.at(before, f64::from(step) * TRIED.1));
        let tried: Vec<(f64, Fit)> = tried.collect();
        let best = tried.iter().map(|(likelihood, _)| *likelihood).fold(f64::NEG_INFINITY, f64::max);
        let mut mean = Fit::default();
        let mut all = 0.0;
        for (likelihood, fit) in tried {
            let weight = (likelihood - best).exp();
            all += weight;
            mean.knee += weight * fit.knee;
            mean.latency += weight * fit.latency;
            mean.noise += weight * fit.noise;
        }
        Fit { knee: mean.knee / all, latency: mean.latency / all, noise: (mean.noise / all).sqrt() }
    }

    /// The knee so far from `before`, and the logarithm of its likelihood; the noise is squared.
    fn at(&self, before: f64, away: f64) -> (f64, Fit) {
        let knee = before + away;
        let (mut weights, mut sum, mut squares, mut degrees, mut fade) = (0.0, 0.0, 0.0, NOISE.1, 1.0);
        for seen in &self.0 {
            let (weight, level) = (fade * seen.calls, seen.level(knee));
            weights += weight;
            sum += weight * level;
            squares += weight * level * level;
            degrees += fade;
            fade *= FADING;
        }
        let latency = if weights > 0.0 { sum / weights } else { 0.0 };
        let cost = NOISE.1 * NOISE.0.powi(2) + (squares - latency * sum).max(0.0);
        let likelihood = -(degrees * cost.ln() + (away / PRIOR).powi(2)) / 2.0;
        (likelihood, Fit { knee, latency, noise: cost / degrees })
    }
}
