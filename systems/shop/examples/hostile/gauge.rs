//! What the shop's process takes of the machine, as `/proc` tells.

use partita::time::{Clock, TokioClock};
use std::future::Future;
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A process to look at.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    folder: String,
}

/// The most that was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peak {
    pub(crate) resident_mib: u64,
    pub(crate) files: usize,
}

impl Gauge {
    pub(crate) fn of(pid: u32) -> Self {
        Self { folder: format!("/proc/{pid}") }
    }

    fn look(&self, peak: &mut Peak) {
        let status = std::fs::read_to_string(format!("{}/status", self.folder)).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        let resident = resident.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_024;
        let files = std::fs::read_dir(format!("{}/fd", self.folder)).map_or(0, Iterator::count);
        *peak = Peak { resident_mib: peak.resident_mib.max(resident), files: peak.files.max(files) };
    }

    /// Looks now and then until something is done.
    pub(crate) async fn watch<F: Future>(&self, work: F) -> (F::Output, Peak) {
        let clock = TokioClock::system();
        let mut peak = Peak::default();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return (done, peak),
                () = clock.sleep(LOOK) => self.look(&mut peak),
            }
        }
    }
}
