//! The word that says where a breaker stands: `deadline in ms:39 | generation:16 | exponent:5 | state:2 | mode:2`.
//!
//! One compare-and-swap on it is one change of state. All zero is: closed, automatic, generation 0.

/// What the breaker does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Every call goes through and counts.
    Closed,
    /// No call goes through.
    Open,
    /// A few calls go through as probes.
    HalfOpen,
    /// It has just closed: a rising share of the calls goes through.
    Ramp,
}

impl State {
    /// The word in events and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Ramp => "ramp",
        }
    }
}

/// What an operator made of the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It changes its state by itself.
    Automatic,
    /// Open until told otherwise.
    ForcedOpen,
    /// Every call goes through and nothing counts.
    Disabled,
    /// Every call goes through; it counts, and tells what it would have done.
    MetricsOnly,
}

impl Mode {
    /// The word in events and reports; None for the automatic mode.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Automatic => None,
            Self::ForcedOpen => Some("forced_open"),
            Self::Disabled => Some("disabled"),
            Self::MetricsOnly => Some("metrics_only"),
        }
    }
}

/// A permit that outlives so many changes of state is taken for one of the newest.
const GENERATIONS: u64 = 0xffff;
const EXPONENTS: u64 = 0x1f;
const LATEST: u64 = (1 << 39) - 1;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// Whether it is closed and automatic: the one state in which no time is due.
    pub(crate) const fn is_plain(self) -> bool {
        self.0 & 0xf == 0
    }

    pub(crate) const fn mode(self) -> Mode {
        match self.0 & 3 {
            0 => Mode::Automatic,
            1 => Mode::ForcedOpen,
            2 => Mode::Disabled,
            _ => Mode::MetricsOnly,
        }
    }

    pub(crate) const fn state(self) -> State {
        match (self.0 >> 2) & 3 {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            _ => State::Ramp,
        }
    }

    /// How often the open time was doubled.
    pub(crate) const fn exponent(self) -> u64 {
        (self.0 >> 4) & EXPONENTS
    }

    pub(crate) const fn generation(self) -> u64 {
        (self.0 >> 9) & GENERATIONS
    }

    /// In milliseconds; 0 for none.
    pub(crate) const fn deadline(self) -> u64 {
        self.0 >> 25
    }

    /// The word of the next generation.
    pub(crate) fn next(self, mode: Mode, state: State, exponent: u64, deadline: u64) -> Self {
        let generation = (self.generation() + 1) & GENERATIONS;
        let low = exponent.min(EXPONENTS) << 4 | (state as u64) << 2 | mode as u64;
        Self(deadline.min(LATEST) << 25 | generation << 9 | low)
    }

    /// The same, with a deadline.
    pub(crate) fn until(self, deadline: u64) -> Self {
        Self(deadline.min(LATEST) << 25 | (self.0 & ((1 << 25) - 1)))
    }
}

/// A value that belongs to one generation: `generation:16 | value:48`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tagged(pub(crate) u64);

impl Tagged {
    pub(crate) const fn new(generation: u64, value: u64) -> Self {
        Self(generation << 48 | (value & ((1 << 48) - 1)))
    }

    pub(crate) const fn generation(self) -> u64 {
        self.0 >> 48
    }

    pub(crate) const fn value(self) -> u64 {
        self.0 & ((1 << 48) - 1)
    }
}
