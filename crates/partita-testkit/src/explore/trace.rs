//! What happened in a run, in order: two runs of one schedule must not differ in it.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines that are kept; the hash is of all.
const KEPT: usize = 4_096;

/// What happened in a run. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trace(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<(Duration, String)>,
    hash: Fnv,
}

/// 64-bit FNV-1a (Fowler, Noll, Vo): the same on every machine.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(())
    }
}

impl Trace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line; `content` goes into the hash alone.
    pub(super) fn add(&self, at: Duration, line: String, content: Option<&dyn fmt::Debug>) {
        let mut state = self.state();
        let _ = writeln!(state.hash, "{} {line}", at.as_micros());
        if let Some(content) = content {
            let _ = write!(state.hash, "{content:?}");
        }
        if state.lines.len() == KEPT {
            state.lines.pop_front();
        }
        state.lines.push_back((at, line));
    }

    /// Of all lines, their times and the whole content of every commit.
    pub fn hash(&self) -> u64 {
        self.state().hash.0
    }

    /// The last 4,096 lines, each with its time since the run began.
    pub fn lines(&self) -> Vec<String> {
        let state = self.state();
        state.lines.iter().map(|(at, line)| format!("{:>9.3} s  {line}", at.as_secs_f64())).collect()
    }
}
