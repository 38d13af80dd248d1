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
    /// The machine's: one for the whole process, made at the first call.
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

    /// The exact clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
