//! What the kernel knows of a process and of its threads, from `/proc`.

use crate::Result;
use crate::row::rounded;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Duration;

/// Clock ticks a second in `/proc`: fixed at 100 in the kernel's interface to user space.
const TICK_US: u64 = 10_000;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// CPU time in microseconds, ended threads included.
    pub(crate) cpu_us: u64,
    /// CPU time of the threads that write stores, in microseconds.
    pub(crate) writer_cpu_us: u64,
    /// Bytes that these threads have handed to the system: the write-ahead logs, and nothing else.
    pub(crate) written: u64,
}

/// Time of all cores so far, in ticks, and how much of it the host of a virtual machine took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    all: u64,
    stolen: u64,
}

impl Machine {
    /// Now; nothing where the kernel does not tell.
    pub(crate) fn now() -> Self {
        Self::of(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// The line of all cores: user, nice, system, idle, waiting, two kinds of interrupts, stolen; guests are in user.
    fn of(stat: &str) -> Self {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|word| word.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The host's share since then.
    pub(crate) fn host_took_since(self) -> Option<f64> {
        let now = Self::now();
        let all = now.all.checked_sub(self.all).filter(|all| *all > 0)?;
        Some(rounded(now.stolen.saturating_sub(self.stolen) as f64 / all as f64, 3))
    }
}

/// Memory of a process in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) now_mb: f64,
    /// Resident at most.
    pub(crate) peak_mb: f64,
}

/// What a process has used; `self` or a number.
pub(crate) fn usage(pid: &str) -> Result<Usage> {
    let mut usage = Usage { cpu_us: cpu_us(&fs::read_to_string(format!("/proc/{pid}/stat"))?)?, ..Usage::default() };
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path();
        // A thread may end while it is looked at.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        if stat.contains("(sqlite-writer)") {
            usage.writer_cpu_us +=
                match fs::read_to_string(path.join("schedstat")).ok().and_then(|told| nanoseconds(&told)) {
                    Some(nanoseconds) => nanoseconds / 1_000,
                    None => cpu_us(&stat)?,
                };
            let io = fs::read_to_string(path.join("io")).unwrap_or_default();
            usage.written += labelled(&io, "wchar:").unwrap_or(0);
        }
    }
    Ok(usage)
}

/// CPU time of this process to the nanosecond, where [`usage`] counts in ticks of 10 ms; ended threads included.
pub(crate) fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Usage {
    /// What was used since an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_us: self.cpu_us.saturating_sub(earlier.cpu_us),
            writer_cpu_us: self.writer_cpu_us.saturating_sub(earlier.writer_cpu_us),
            written: self.written.saturating_sub(earlier.written),
        }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.cpu_us += other.cpu_us;
        self.writer_cpu_us += other.writer_cpu_us;
        self.written += other.written;
    }
}

/// Memory of a process; `self` or a number.
pub(crate) fn memory(pid: &str) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mb = |label| labelled(&status, label).map(|kib| kib as f64 / 1_024.0);
    let missing = || format!("/proc/{pid}/status says nothing about memory");
    Ok(Memory { now_mb: mb("VmRSS:").ok_or_else(missing)?, peak_mb: mb("VmHWM:").ok_or_else(missing)? })
}

/// CPU time in a `stat` line: the 14th and 15th word, counted behind the name, which may hold blanks.
fn cpu_us(stat: &str) -> Result<u64> {
    let words = stat.rsplit_once(')').map_or("", |(_, words)| words);
    let ticks: Vec<u64> = words.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Ok((user + system) * TICK_US),
        _ => Err(format!("a line of /proc cannot be read: {stat}").into()),
    }
}

/// CPU time of a thread, the first word of its `schedstat`; a kernel without it has no such file.
fn nanoseconds(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn labelled(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(label))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_blanks() {
        let stat = "42 (a b) c) S 1 1 1 0 -1 4194304 10 0 0 0 7 3 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu_us(stat).unwrap(), 100_000);
        assert!(cpu_us("42 (short) S").is_err());
    }

    #[test]
    fn the_hosts_share_is_the_eighth_figure_of_the_first_line() {
        let machine = Machine::of("cpu  1 2 3 4 5 6 7 72 900 900\ncpu0 1 2 3 4 5 6 7 8 0 0\n");
        assert_eq!((machine.all, machine.stolen), (100, 72));
        assert_eq!(Machine::of("").all, 0);
    }

    #[test]
    fn this_process_has_memory_and_time() {
        let memory = memory("self").unwrap();
        assert!(memory.now_mb > 0.5 && memory.peak_mb >= memory.now_mb);
        let (told, exact) = (usage("self").unwrap().cpu_us, own_cpu());
        assert!(exact > Duration::ZERO && Duration::from_micros(told) <= own_cpu());
    }
}
