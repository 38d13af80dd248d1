//! A disk that is really full: a small file system in memory of the test's own.

use crate::common::process::{Process, Said};
use crate::common::{Shop, end, fresh, order, skip, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const SIZE: &str = "size=40m";
/// Ends of every kind that are right whatever the disk does meanwhile.
const MIX: &str = "ok=70,declined=10,capture_declined=5,lost_request=5,flaky=5,out_of_stock=5";

/// A mounted file system. Dropping it takes it away.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder.path()).output();
        let mounted = mounted.map_err(|error| format!("no mount: {error}"))?;
        if mounted.status.success() {
            return Ok(Self(folder));
        }
        Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// A shop whose log lies on the disk too, and cannot be written either.
    fn shop(&self) -> Shop {
        let data = self.data();
        let command = Process::shop_command(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        let log = tempfile::tempdir_in(self.0.path()).unwrap();
        Shop::of(Process::logging_in(log, command), &data)
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Takes all room, also what is given up meanwhile, while `full` runs; then gives it back.
    fn filled<T>(&self, full: impl FnOnce() -> T) -> T {
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let filler = scope.spawn(|| fill(&self.ballast(), &enough));
            let _enough = Flag(&enough);
            let outcome = full();
            drop(_enough);
            filler.join().unwrap();
            std::fs::remove_file(self.ballast()).unwrap();
            outcome
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Raised when it is dropped, also by a panic.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[allow(clippy::disallowed_methods, reason = "it waits for another process to give up room")]
fn fill(path: &Path, enough: &AtomicBool) {
    let mut file = File::create(path).unwrap();
    let mut piece = 1 << 20;
    while !enough.load(Ordering::SeqCst) {
        if file.write_all(&vec![0xa5; piece]).is_err() {
            piece = (piece / 2).max(1 << 10);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Seconds of processor time that a process has used.
fn processor_secs(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: f64 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// Everything that is promised while nothing can be written. Returns the key of an order that was refused.
#[allow(clippy::disallowed_methods, reason = "an outage has a length")]
fn while_it_is_full(shop: &Shop, ended: &str, slow: &str) -> String {
    let checks = until(20.0, "orders cannot be written", || {
        let answer = shop.get("/readyz");
        let checks = (answer.status == 503).then(|| answer.problem(503, "not-ready")["checks"].clone())?;
        (checks["ordering"] != "ok").then_some(checks)
    });
    println!("full disk: {checks}");
    let key = fresh("refused");
    let body = order("ada", "desk-lamp", 1, "pm_ok");
    let answer = shop.send(&key, &body);
    answer.problem(503, "storage-full");
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    let used = processor_secs(shop.process.pid());
    std::thread::sleep(Duration::from_secs(4));
    let used = processor_secs(shop.process.pid()) - used;
    assert!(used < 2.0, "it does not spin: {used} s of processor time within 4 s");
    assert_eq!(end(&shop.order(ended)), ("CONFIRMED", None), "reading goes on");
    assert_eq!(shop.order(slow)["status"], "PENDING", "what cannot be written has not happened");
    for path in ["/products", "/inventory/desk-lamp", "/customers/ada/points", "/console", "/audit"] {
        assert_eq!(shop.get(path).status, 200, "{path}");
    }
    shop.post(&format!("/orders/{slow}/cancel")).send().problem(503, "storage-full");
    shop.send(&key, &body).problem(503, "storage-full");
    key
}

fn report(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

pub(crate) fn a_full_disk_loses_nothing_and_room_ends_it_without_a_restart() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => return skip(&format!("full disk: a file system in memory cannot be mounted ({why})")),
    };
    let mut shop = disk.shop();
    let ended = shop.place("ada", "notebook-a5", 1, "pm_ok");
    shop.settled(&ended);
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("accepted.log");
    let log = log.to_str().unwrap();
    let url = shop.url();
    let drive =
        ["drive", "--orders", "400", "--concurrency", "48", "--mix", MIX, "--json", "--url", &url, "--log", log];
    let drive = Process::shop(&drive);
    until(20.0, "orders come in", || (std::fs::read_to_string(log).ok()?.lines().count() > 50).then_some(()));
    let slow = shop.place("slow", "desk-lamp", 2, "pm_slow");
    shop.paying(&slow);
    let key = disk.filled(|| while_it_is_full(&shop, &ended, &slow));
    until(10.0, "it is ready again", || (shop.get("/readyz").status == 200).then_some(()));
    let again = shop.send(&key, &order("ada", "desk-lamp", 1, "pm_ok"));
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, None), "a refusal leaves the key unused");
    assert_eq!(end(&shop.settled(&slow)), ("CONFIRMED", None));
    let said = drive.said(Duration::from_secs(90));
    let driven = report(&said);
    assert_eq!((said.code, driven["placed"].as_u64()), (Some(0), Some(400)), "{said:?}");
    let audit = Process::shop(&["audit", "--url", &url, "--log", log]).said(Duration::from_secs(60));
    assert_eq!((audit.code, audit.out.lines().last()), (Some(0), Some("audit: ok (403 orders)")), "{audit:?}");
    println!("full disk: {driven}");
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.wait(Duration::from_secs(10)).unwrap().code(), Some(0));
    does_not_start_without_room(&disk);
    a_backup_that_finds_no_room_leaves_none_taken(&disk);
}

/// There is room for the first file only.
fn a_backup_that_finds_no_room_leaves_none_taken(disk: &Disk) {
    let (data, to) = (disk.data(), disk.0.path().join("copy"));
    let backup = || {
        let arguments = ["backup", "--data", data.to_str().unwrap(), "--to", to.to_str().unwrap()];
        Process::shop(&arguments).said(Duration::from_secs(20))
    };
    let room = std::fs::metadata(data.join("ordering.db")).unwrap().len() + 8_192;
    std::fs::write(disk.ballast(), vec![0xa5; usize::try_from(free(disk) - room).unwrap()]).unwrap();
    let said = backup();
    let why = said.err.contains("no room") || said.err.contains("takes no writes");
    assert!(said.code == Some(1) && why && said.err.contains(".db"), "{said:?}");
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 0, "{said:?}");
    std::fs::remove_file(disk.ballast()).unwrap();
    let said = backup();
    assert_eq!(said.code, Some(0), "the same folder can be taken again: {said:?}");
}

fn free(disk: &Disk) -> u64 {
    let facts = rustix::fs::statvfs(disk.0.path()).unwrap();
    facts.f_bavail * facts.f_frsize
}

/// A start is refused with the name of the file, and works once there is room.
fn does_not_start_without_room(disk: &Disk) {
    let data = disk.data();
    let said = disk.filled(|| {
        until(5.0, "it is full", || std::fs::write(data.join("probe"), [0; 4096]).is_err().then_some(()));
        Process::shop(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]).said(Duration::from_secs(20))
    });
    assert_eq!(said.code, Some(1), "{said:?}");
    let why = said.err.contains("no room") || said.err.contains("takes no writes");
    assert!(why && said.err.contains(".db") && said.err.contains("start again"), "{said:?}");
    let new = disk.0.path().join("new");
    let said = disk.filled(|| {
        until(5.0, "it is full", || std::fs::write(data.join("probe"), [0; 4096]).is_err().then_some(()));
        Process::shop(&["--listen", "127.0.0.1:0", "--data", new.to_str().unwrap()]).said(Duration::from_secs(20))
    });
    let why = said.err.contains("no room") && said.err.contains("start again") && said.err.lines().count() == 1;
    assert!(said.code == Some(1) && why, "{said:?}");
    std::fs::remove_file(data.join("probe")).unwrap();
    let shop = Shop::on(&data, &[]);
    assert_eq!(shop.get("/audit").json()["ok"], true);
}
