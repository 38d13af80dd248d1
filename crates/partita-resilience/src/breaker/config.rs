//! The settings of a breaker, and what can only be a mistake among them.

use super::Breaker;
use super::core::{Common, Core};
use super::packed::machine::Rules;
use crate::timing::nanos;
use crate::{BuildError, Event, Listeners, Name, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// The most slots of a window, and places of probes, that a breaker keeps.
const MOST_CALLS: usize = 1 << 20;
const MOST_BUCKETS: u32 = 1_000;
const MOST_PROBES: u32 = 1_000;

/// Ten years in milliseconds: a longer time is as long as that, so that the moments which the machine keeps hold it.
const LONGEST: u64 = 10 * 366 * 86_400_000;

/// Makes a [`Breaker`]. Each method names its default and argues it.
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    pub(super) name: Name,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
    window: Duration,
    buckets: Option<u32>,
    window_calls: Option<usize>,
    min_calls: Option<u64>,
    failure_rate: f64,
    slow_call: Option<Duration>,
    slow_rate: f64,
    consecutive: Option<u64>,
    stuck: Option<u64>,
    open: Duration,
    open_max: Option<Duration>,
    open_jitter: f64,
    half_open_calls: u32,
    half_open_successes: u64,
    half_open_max: Option<Duration>,
    ramp: Duration,
    call_timeout: Option<Duration>,
}

/// Settings as the core uses them; nanoseconds unless named otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) slow: u64,
    pub(crate) slow_rate: f64,
    pub(crate) failure_rate: f64,
    pub(crate) min_calls: u64,
    pub(crate) consecutive: u64,
    pub(crate) stuck: Option<u64>,
    pub(crate) window: u64,
    pub(crate) buckets: u64,
    pub(crate) window_calls: Option<usize>,
    pub(crate) open_ms: u64,
    pub(crate) open_max_ms: u64,
    pub(crate) open_jitter: f64,
    pub(crate) probes: usize,
    pub(crate) rules: Arc<Rules>,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) compact: bool,
}

impl Builder {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            timing: Timing::system(),
            listeners: Listeners::default(),
            window: Duration::from_secs(10),
            buckets: None,
            window_calls: None,
            min_calls: None,
            failure_rate: 0.5,
            slow_call: Some(Duration::from_secs(1)),
            slow_rate: 0.8,
            consecutive: None,
            stuck: None,
            open: Duration::from_secs(30),
            open_max: None,
            open_jitter: 0.25,
            half_open_calls: 3,
            half_open_successes: 3,
            half_open_max: None,
            ramp: Duration::from_secs(10),
            call_timeout: None,
        }
    }

    /// Time and chance; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Hears changes of state, rejections and timeouts; called on the thread of the call that brought them.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Hears every event, that of each healthy call too.
    pub fn tracing_listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_tracing(listener);
        self
    }

    /// `window_ms`: how far back calls count; default 10 s, which outlasts a burst and forgets an incident soon.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self.window_calls = None;
        self
    }

    /// `buckets`: the parts that the window slides by; default 10, so that it is never more than a tenth short, and 8 where
    /// each key has a breaker, which take less memory: room is for 4, 8, 16 and so on.
    pub const fn buckets(mut self, buckets: u32) -> Self {
        self.buckets = Some(buckets);
        self
    }

    /// `window_calls`: the last so many calls count, however old; instead of a window of time, for a dependency that is
    /// called so rarely that a window of time holds too few. Give it a `half_open_max` in which `half_open_successes` calls
    /// come, or it opens again before it has seen them, however well they end.
    pub const fn window_calls(mut self, calls: usize) -> Self {
        self.window_calls = Some(calls);
        self
    }

    /// `min_calls`: fewer calls in the window do not trip it by a rate; default 20, so that one failure among three calls
    /// is no outage, or the whole window of calls if that is smaller.
    pub const fn min_calls(mut self, calls: u64) -> Self {
        self.min_calls = Some(calls);
        self
    }

    /// `failure_rate`: trips at this share of failures, 0 to 1; default 0.5: below it, a retry still helps more callers
    /// than a rejection.
    pub const fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = rate;
        self
    }

    /// `slow_call_ms`: a call that takes this long or longer is slow, failed or not; default 1 s, beyond what a caller in
    /// a request waits for.
    pub const fn slow_call(mut self, threshold: Duration) -> Self {
        self.slow_call = Some(threshold);
        self
    }

    /// No call is slow.
    pub const fn no_slow_calls(mut self) -> Self {
        self.slow_call = None;
        self
    }

    /// `slow_rate`: trips at this share of slow calls, 0 to 1; default 0.8: slow answers are still answers.
    pub const fn slow_rate(mut self, rate: f64) -> Self {
        self.slow_rate = rate;
        self
    }

    /// `consecutive`: trips at so many failures one after the other, whatever the window holds; off by default, since at a
    /// high rate of calls a short blip brings any number of them. Zero for off.
    pub const fn consecutive(mut self, failures: u64) -> Self {
        self.consecutive = if failures == 0 { None } else { Some(failures) };
        self
    }

    /// `stuck`: trips when at least so many calls, begun within the window, are in flight for longer than the slow threshold
    /// and, taken for slow calls, bring the slow rate. For calls without a timeout, which would hang unseen; off by default,
    /// since it costs two additions a call. A response whose body is still read is in flight no more. Looked at by the first
    /// call of each bucket, so up to a bucket late. Zero for off.
    pub const fn stuck(mut self, calls: u64) -> Self {
        self.stuck = if calls == 0 { None } else { Some(calls) };
        self
    }

    /// `open_ms`: how long it stays open the first time; default 30 s, enough for a restart.
    pub const fn open(mut self, open: Duration) -> Self {
        self.open = open;
        self
    }

    /// `open_max_ms`: what doubling at each further opening ends at, before jitter; default 5 min (or `open_ms` if that is
    /// more), so that recovery is noticed within minutes.
    pub const fn open_max(mut self, longest: Duration) -> Self {
        self.open_max = Some(longest);
        self
    }

    /// `open_jitter`: the open time is multiplied by a factor drawn evenly from 1 - jitter to 1 + jitter; default 0.25, so
    /// that a fleet does not probe in step.
    pub const fn open_jitter(mut self, jitter: f64) -> Self {
        self.open_jitter = jitter;
        self
    }

    /// `half_open_calls`: probes in flight at once; default 3, too few to hurt.
    pub const fn half_open_calls(mut self, calls: u32) -> Self {
        self.half_open_calls = calls;
        self
    }

    /// `half_open_successes`: probes that must succeed to close; default 3, so that one lucky answer does not.
    pub const fn half_open_successes(mut self, successes: u64) -> Self {
        self.half_open_successes = successes;
        self
    }

    /// `half_open_max_ms`: half-open's longest time, from its first probe, and a probe's longest time where there is no
    /// timeout of the call; default 60 s, since no healthy call takes a minute, or twice the call timeout if that is more.
    pub const fn half_open_max(mut self, longest: Duration) -> Self {
        self.half_open_max = Some(longest);
        self
    }

    /// `ramp_ms`: the time in which the share let through rises from a tenth to all after closing; default 10 s, so that a
    /// dependency with cold caches is not met by everybody at once. Zero for none.
    pub const fn ramp(mut self, ramp: Duration) -> Self {
        self.ramp = ramp;
        self
    }

    /// `call_timeout_ms`: a call's longest time; the work is dropped then and the call has failed. None by default, since a
    /// timeout of the attempt usually stands inside the breaker; a stack, which has that, refuses a breaker with one.
    pub const fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = Some(limit);
        self
    }

    /// Makes the breaker, closed.
    ///
    /// # Errors
    /// A setting that can only be a mistake, with what to write instead.
    pub fn build(self) -> Result<Breaker, BuildError> {
        let settings = self.settings(false)?;
        let common = Common { settings, timing: self.timing, listeners: self.listeners };
        Ok(Breaker::of(Arc::new(Core::new(self.name, Arc::new(common)))))
    }

    /// Checks without making. `compact` is for one breaker among very many.
    pub(super) fn settings(&self, compact: bool) -> Result<Settings, BuildError> {
        self.check_rates()?;
        let buckets = self.buckets.unwrap_or(if compact { 8 } else { 10 });
        self.check_window(buckets)?;
        self.check_open()?;
        let half_open_max = self.check_half_open()?;
        let open_ms = millis(self.open);
        Ok(Settings {
            slow: self.slow_call.map_or(u64::MAX, nanos),
            slow_rate: self.slow_rate,
            failure_rate: self.failure_rate,
            min_calls: self.fewest_calls(),
            consecutive: self.consecutive.unwrap_or(u64::MAX),
            stuck: self.stuck,
            window: nanos(self.window),
            buckets: u64::from(buckets),
            window_calls: self.window_calls,
            open_ms,
            open_max_ms: self.open_max.map_or(open_ms.max(300_000), millis),
            open_jitter: self.open_jitter,
            probes: usize::try_from(self.half_open_calls).unwrap_or(usize::MAX),
            rules: Arc::new(Rules {
                successes: self.half_open_successes,
                lease: millis(self.call_timeout.unwrap_or(half_open_max)),
                half_open_max: millis(half_open_max),
                ramp: millis(self.ramp),
            }),
            call_timeout: self.call_timeout,
            compact,
        })
    }

    fn fewest_calls(&self) -> u64 {
        let most = self.window_calls.and_then(|calls| u64::try_from(calls).ok()).unwrap_or(u64::MAX);
        self.min_calls.unwrap_or_else(|| most.min(20))
    }

    fn check_rates(&self) -> Result<(), BuildError> {
        for (option, rate) in [("failure_rate", self.failure_rate), ("slow_rate", self.slow_rate)] {
            if !(rate > 0.0 && rate <= 1.0) {
                return mistake(option, format!("{rate} is no share of calls: write more than 0 and at most 1"));
            }
        }
        if !(self.open_jitter >= 0.0 && self.open_jitter < 1.0) {
            return mistake("open_jitter", format!("{}: write 0 or more and less than 1", self.open_jitter));
        }
        if self.slow_call.is_some_and(|slow| slow.is_zero()) {
            return mistake("slow_call_ms", "every call would be slow: write a time, or turn slow calls off");
        }
        match (self.stuck, self.slow_call) {
            (Some(_), None) => mistake("stuck", "it goes by the slow threshold: set `slow_call_ms` too"),
            (Some(_), Some(slow)) if self.window_calls.is_none() && slow.saturating_mul(2) > self.window => mistake(
                "stuck",
                format!("the window forgets calls that are stuck: set `window_ms` to {} or more", slow.as_millis() * 2),
            ),
            _ => Ok(()),
        }
    }

    fn check_window(&self, buckets: u32) -> Result<(), BuildError> {
        if let Some(calls) = self.window_calls {
            if calls == 0 || calls > MOST_CALLS {
                return mistake("window_calls", format!("{calls}: write 1 to {MOST_CALLS}"));
            }
            if self.min_calls.is_some_and(|fewest| usize::try_from(fewest).map_or(true, |fewest| fewest > calls)) {
                return mistake(
                    "min_calls",
                    format!("a window of {calls} calls never holds so many: write at most {calls}"),
                );
            }
        } else {
            if buckets == 0 || buckets > MOST_BUCKETS {
                return mistake("buckets", format!("{buckets}: write 1 to {MOST_BUCKETS}"));
            }
            if self.window < Duration::from_millis(1) * buckets {
                return mistake("window_ms", format!("write at least a millisecond for each of {buckets} buckets"));
            }
            if let Some(limit) = self.call_timeout.filter(|limit| self.window < limit.saturating_mul(2)) {
                let fitting = limit.as_millis() * 2;
                return mistake(
                    "window_ms",
                    format!(
                        "calls of up to {} ms would leave it before they count: write {fitting}",
                        limit.as_millis()
                    ),
                );
            }
        }
        if self.min_calls == Some(0) {
            return mistake("min_calls", "no call has no rate: write 1 or more");
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), BuildError> {
        if self.open < Duration::from_millis(1) {
            return mistake("open_ms", "it would never be open: write 1 or more");
        }
        match self.open_max {
            Some(longest) if longest < self.open => mistake(
                "open_max_ms",
                format!("less than `open_ms`: write {} or more, or leave it out", self.open.as_millis()),
            ),
            _ => Ok(()),
        }
    }

    fn check_half_open(&self) -> Result<Duration, BuildError> {
        if self.half_open_calls == 0 || self.half_open_calls > MOST_PROBES {
            return mistake("half_open_calls", format!("{}: write 1 to {MOST_PROBES}", self.half_open_calls));
        }
        if self.half_open_successes == 0 {
            return mistake("half_open_successes", "it would close unproved: write 1 or more");
        }
        if self.call_timeout.is_some_and(|limit| limit < Duration::from_millis(1)) {
            return mistake("call_timeout_ms", "no call could end: write 1 or more, or leave it out");
        }
        let twice = self.call_timeout.unwrap_or_default().saturating_mul(2);
        let longest = self.half_open_max.unwrap_or_else(|| twice.max(Duration::from_secs(60)));
        if longest < Duration::from_millis(1) {
            return mistake("half_open_max_ms", "no probe could end: write 1 or more");
        }
        match self.call_timeout {
            Some(limit) if longest < limit => mistake(
                "half_open_max_ms",
                format!("no probe could take its {} ms: write that or more", limit.as_millis()),
            ),
            _ => Ok(longest),
        }
    }
}

fn mistake<T>(option: &'static str, why: impl Into<String>) -> Result<T, BuildError> {
    Err(BuildError::new(PolicyKind::Breaker, option, why))
}

/// Rounded up, so that nothing ends early.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).map_or(LONGEST, |millis| millis.min(LONGEST))
}
