//! Ctrl-C and termination reach the running child, too.
//!
//! Each child leads a process group of its own, so that its bound can end all of it; the terminal's signals therefore
//! never arrive there by themselves.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io,
    sync::atomic::{AtomicI32, Ordering},
    thread,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::say;

/// The group of the child that runs now; zero when none does. There is one at a time.
static RUNNING: AtomicI32 = AtomicI32::new(0);

/// Remembers `group` as the one to end with this process.
pub(crate) fn runs(group: Pid) {
    RUNNING.store(group.as_raw_nonzero().get(), Ordering::SeqCst);
}

/// Forgets the group named last.
pub(crate) fn ended() {
    RUNNING.store(0, Ordering::SeqCst);
}

/// Ends every process of `group`; a group that is gone already is no error.
pub(crate) fn end_group(group: Pid) {
    let _gone = kill_process_group(group, Signal::KILL);
}

/// Waits for signals beside the work. Without it (no thread to be had) a signal ends this process alone.
pub(crate) fn watch() {
    let _unwatched = thread::Builder::new().name("signals".to_owned()).spawn(|| wait().map(end_with));
}

fn wait() -> io::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(tokio::select! {
            biased;
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        })
    })
}

fn end_with(signal: i32) {
    if let Some(group) = Pid::from_raw(RUNNING.load(Ordering::SeqCst)) {
        end_group(group);
    }
    say::err(format_args!("stopped by signal {signal}"));
    std::process::exit(128 + signal);
}
