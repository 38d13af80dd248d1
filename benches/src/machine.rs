//! The machine under the figures, and the folder on its disk.

use crate::Result;
use crate::measure::{Timings, now};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Keeps this thread, and those that it starts from now on, on one of its cores.
pub(crate) fn stay_on_one_core() -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)).ok_or("no core is allowed")?;
    let mut one = CpuSet::new();
    one.set(last);
    Ok(sched_setaffinity(None, &one)?)
}

/// A fresh folder on a real disk: the one asked for, or the folder of the build, which lies with the sources.
pub(crate) fn folder(wanted: Option<&Path>) -> Result<TempDir> {
    let parent = match wanted {
        Some(folder) => folder.to_owned(),
        None => beside_the_build()?,
    };
    let parent = parent.canonicalize().map_err(|error| format!("{} cannot be used: {error}", parent.display()))?;
    let system = file_system(&fs::read_to_string("/proc/mounts").unwrap_or_default(), &parent);
    if matches!(system.as_str(), "tmpfs" | "ramfs") {
        let text = format!(
            "{} is in memory ({system}), where a flush costs nothing; choose a disk with --data",
            parent.display()
        );
        return Err(text.into());
    }
    tempfile::Builder::new().prefix("bench-data-").tempdir_in(&parent).map_err(|error| {
        format!("{} cannot be written ({error}); choose another folder with --data", parent.display()).into()
    })
}

/// `target/release/partita-bench` stands in `target`.
fn beside_the_build() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.ancestors().nth(2).map(Path::to_owned).ok_or_else(|| "the build has no folder; say --data".into())
}

/// Type of the file system that a path lies on: that of the longest mount point above it.
fn file_system(mounts: &str, path: &Path) -> String {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let above = mounts.filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map_or_else(|| "unknown".to_owned(), |(_, system)| system.to_owned())
}

/// One line about what the figures were measured on.
pub(crate) fn describe(folder: &Path) -> Result<String> {
    let system = file_system(&fs::read_to_string("/proc/mounts").unwrap_or_default(), folder);
    let flush = flush_us(folder)?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ok(format!(
        "{} cores, load {}; SQLite {} with {}; 4 KiB and a flush take {flush:.0} us (p50); data in {} ({system})",
        cores(),
        load.split(' ').next().unwrap_or("unknown"),
        rusqlite::version(),
        flush_call(),
        folder.display(),
    ))
}

/// Which call SQLite flushes with, by the flags that it was compiled with.
fn flush_call() -> &'static str {
    let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
    if flags.contains("HAVE_FDATASYNC=1") { "fdatasync" } else { "fsync" }
}

/// Half of the flushes of one page at the end of a file take less.
fn flush_us(folder: &Path) -> Result<f64> {
    let path = folder.join("flush");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let mut timings = Timings::new()?;
    for _ in 0..500 {
        let begun = now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        timings.record(begun.elapsed());
    }
    fs::remove_file(path)?;
    timings.quantile_us(0.5).ok_or_else(|| "nothing was flushed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/disk xfs rw 0 0\n";
        let of = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!((of("/home/a"), of("/tmp/a"), of("/tmp/disk/a")), ("ext4".into(), "tmpfs".into(), "xfs".into()));
        assert_eq!(of("/tmpx"), "ext4");
    }

    #[test]
    fn a_thread_that_stays_on_one_core_takes_its_threads_along() {
        let stays = || {
            stay_on_one_core().unwrap();
            std::thread::scope(|scope| scope.spawn(cores).join().unwrap())
        };
        assert_eq!(std::thread::spawn(stays).join().unwrap(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = folder(Some(Path::new("/not/there"))).unwrap_err().to_string();
        assert!(error.starts_with("/not/there cannot be used"), "{error}");
    }
}
