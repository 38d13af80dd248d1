//! Time and chance, as every policy is given them.

use partita_time::{Clock, CoarseClock, Entropy, Host, Lag, ManualClock, Runtime, Sleep, Spawner, TokioClock};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a policy reads the time, waits and draws by. Clones share all of it.
#[derive(Clone, Debug)]
pub struct Timing {
    clock: Arc<dyn Clock>,
    coarse: CoarseClock,
    entropy: Arc<Entropy>,
    tasks: Tasks,
}

/// Who runs what goes on behind a call.
#[derive(Clone, Debug)]
enum Tasks {
    /// The caller, within the call.
    Nobody,
    Host(Arc<dyn Spawner>),
    /// The runtime of the caller, if it has one.
    Runtime,
}

impl Timing {
    /// The machine's: one for the whole process, made at the first call. Waits need a tokio runtime, as its own timers do. A
    /// test on a paused runtime hands in [`Timing::of`] a host or [`Timing::manual`]: the coarse clock, which ticks on a thread
    /// of its own, does not know of the pause.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Timing> = OnceLock::new();
        SYSTEM
            .get_or_init(|| {
                let clock: Arc<dyn Clock> = Arc::new(TokioClock::system());
                let coarse = CoarseClock::ticking(Arc::clone(&clock));
                Self { clock, coarse, entropy: Arc::new(Entropy::from_system()), tasks: Tasks::Runtime }
            })
            .clone()
    }

    /// That of a host, which runs what goes on behind a call too: its clock is read for each call, with nothing coarse
    /// between, so that virtual time is exact.
    pub fn of(host: &Host) -> Self {
        let (clock, entropy) = (Arc::clone(&host.clock), Arc::clone(&host.entropy));
        let tasks = Tasks::Host(Arc::clone(&host.spawner));
        Self { coarse: CoarseClock::exact(Arc::clone(&clock)), clock, entropy, tasks }
    }

    /// Virtual time and a seed: the same calls give the same answers. Nothing goes on behind a call.
    pub fn manual(clock: &ManualClock, seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        let (coarse, entropy) = (CoarseClock::exact(Arc::clone(&clock)), Arc::new(Entropy::seeded(seed)));
        Self { clock, coarse, entropy, tasks: Tasks::Nobody }
    }

    /// Exact time since the clock was made; about 22 ns on the machine's clock.
    #[inline]
    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// [`Timing::now`] in nanoseconds.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "nanoseconds of 584 years fit")]
    pub(crate) fn nanos(&self) -> u64 {
        self.now().as_nanos() as u64
    }

    /// Time since the clock was made, late by at most a tick where the coarse clock ticks; never ahead.
    #[inline]
    pub fn coarse(&self) -> Duration {
        Duration::from_nanos(self.coarse.nanos())
    }

    /// [`Timing::coarse`] in nanoseconds: one load on the machine's clock.
    #[inline]
    pub fn coarse_nanos(&self) -> u64 {
        self.coarse.nanos()
    }

    /// [`Timing::coarse_nanos`] where it matters little that the coarse clock may stand: nobody notices by this.
    #[inline]
    pub(crate) fn coarse_again(&self) -> u64 {
        self.coarse.nanos_again()
    }

    pub(crate) const fn coarse_clock(&self) -> &CoarseClock {
        &self.coarse
    }

    /// How late the coarse clock is.
    pub fn lag(&self) -> Lag {
        self.coarse.lag()
    }

    /// Waits.
    pub fn sleep(&self, wait: Duration) -> Sleep {
        self.clock.sleep(wait)
    }

    /// The source of jitter.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// What runs work behind a call: the host, or the tokio runtime that the caller runs on, if there is one.
    pub(crate) fn spawner(&self) -> Option<Arc<dyn Spawner>> {
        match &self.tasks {
            Tasks::Nobody => None,
            Tasks::Host(spawner) => Some(Arc::clone(spawner)),
            Tasks::Runtime => Runtime::current().map(|runtime| Arc::new(runtime) as Arc<dyn Spawner>),
        }
    }

    /// Virtual time whose coarse clock stands at zero, to see who reads which.
    #[cfg(test)]
    pub(crate) fn coarse_stands(clock: &ManualClock) -> Self {
        Self { coarse: CoarseClock::exact(Arc::new(ManualClock::new())), ..Self::manual(clock, 1) }
    }

    /// The exact clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

/// A time in nanoseconds, at most those of 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Default for Timing {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::{Context, Deadline};
    use crate::limiter::{KeyedLimiter, Limiter, Quota};
    use crate::testing::{ms, run, wait};
    use crate::timeout::Timeout;
    use crate::{Error, Limit, Policy};

    #[test]
    fn a_limiter_reads_the_exact_clock() {
        let clock = ManualClock::new();
        let quota = Quota::new(1, ms(100));
        let limiter = Limiter::builder("l").quota(quota).timing(Timing::coarse_stands(&clock)).build().unwrap();
        let keyed = KeyedLimiter::<u8>::builder("k").quota(quota).timing(Timing::coarse_stands(&clock));
        let keyed = keyed.build_keyed().unwrap();
        for _ in 0..3 {
            assert!(limiter.check().allowed() && keyed.check(&1).allowed());
            assert!(!limiter.check().allowed() && !keyed.check(&1).allowed());
            clock.advance(ms(100));
        }
    }

    #[test]
    fn a_timeout_reads_the_exact_clock() {
        let clock = ManualClock::new();
        clock.advance(ms(1_000));
        let timeout = Timeout::builder("t").fixed(ms(50)).timing(Timing::coarse_stands(&clock)).build().unwrap();
        let hang = || timeout.call(std::future::pending::<Result<(), ()>>);
        let end = run(&clock, Context::new().until(ms(1_020)).scope(hang()));
        assert_eq!(end, Err(Error::TimedOut { after: ms(20), which: Limit::Deadline }));
        assert_eq!(run(&clock, hang()), Err(Error::TimedOut { after: ms(50), which: Limit::Attempt }));
        assert_eq!(clock.elapsed(), ms(1_070));
    }

    #[test]
    fn a_deadline_reads_the_exact_clock() {
        let clock = ManualClock::new();
        clock.advance(ms(1_000));
        let timing = || Timing::coarse_stands(&clock);
        let until = || async {
            wait(&clock, 60).await;
            Ok::<_, ()>(Context::current().deadline())
        };
        let deadline = Deadline::builder("d").limit(ms(100)).timing(timing()).build().unwrap();
        assert_eq!(run(&clock, deadline.call(|context| context.scope(until()))), Ok(Some(ms(1_100))));
        let stack = Policy::new("s").deadline(ms(100)).timing(timing()).build().unwrap();
        let call = stack.call(|attempt| attempt.context().clone().scope(until()));
        assert_eq!(run(&clock, call), Ok(Some(ms(1_160))));
    }

    #[test]
    fn on_the_machine_the_callers_runtime_runs_what_goes_on_behind_a_call() {
        assert!(Timing::system().spawner().is_none(), "nobody's runtime");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (tell, told) = tokio::sync::oneshot::channel();
            Timing::system().spawner().unwrap().spawn(Box::pin(async move { tell.send(()).unwrap() }));
            told.await.unwrap();
            assert!(Timing::manual(&ManualClock::new(), 1).spawner().is_none());
        });
    }
}
