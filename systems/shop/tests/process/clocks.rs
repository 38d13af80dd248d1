//! The wall clock is set while the shop works, and while it is away. `faketime` sets it for the shop alone.

use crate::common::process::Process;
use crate::common::{Shop, end, events, skip};
use rustix::process::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A wall clock that can be set: a file says by how much it is wrong.
struct WallClock {
    library: String,
    offset: PathBuf,
}

impl WallClock {
    /// `None` where there is no `faketime`.
    fn find(folder: &Path) -> Option<Self> {
        let named = std::env::var_os("PARTITA_FAKETIME").unwrap_or_else(|| "faketime".into());
        let said = Command::new(named).args(["-f", "+0", "env"]).output().ok().filter(|said| said.status.success())?;
        let said = String::from_utf8(said.stdout).ok()?;
        let library = said.lines().find_map(|line| line.strip_prefix("LD_PRELOAD="))?.to_owned();
        let clock = Self { library, offset: folder.join("offset") };
        clock.set("+0");
        Some(clock)
    }

    fn set(&self, offset: &str) {
        let new = self.offset.with_extension("new");
        std::fs::write(&new, format!("{offset}\n")).unwrap();
        std::fs::rename(new, &self.offset).unwrap();
    }

    fn govern(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.offset);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// Hours that it is wrong by.
    fn hours(&self) -> i64 {
        let mut command = Command::new("date");
        self.govern(command.arg("+%s"));
        let shown = |mut command: Command| {
            String::from_utf8(command.output().unwrap().stdout).unwrap().trim().parse::<i64>().unwrap()
        };
        let mut real = Command::new("date");
        real.arg("+%s");
        (shown(command) - shown(real) + 1_800).div_euclid(3_600)
    }

    fn shop(&self, data: &Path) -> Shop {
        let mut command = Process::shop_command(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        self.govern(&mut command);
        Shop::of(Process::spawn(command), data)
    }
}

/// A jump by hours would be seen in the hours of the timeline.
fn in_its_order(order: &Value) {
    let times: Vec<&str> =
        order["timeline"].as_array().unwrap().iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{order:#}");
    assert_eq!(times[0][..13], times[times.len() - 1][..13], "no step took an hour: {order:#}");
}

/// Whether an hour of the real clock ends soon, so that times on both sides of it could not be compared.
fn hour_ends_soon() -> bool {
    let minute = Command::new("date").arg("+%M").output().unwrap().stdout;
    String::from_utf8(minute).unwrap().trim() == "59"
}

/// In a live process a jump of the wall clock moves nothing.
fn jumps_while_it_works(shop: &Shop, clock: &WallClock) {
    for (offset, hours) in [("+1h", 1), ("-1h", -1), ("+0", 0)] {
        let id = shop.place("ada", "desk-lamp", 1, "pm_slow");
        shop.paying(&id);
        clock.set(offset);
        assert_eq!(clock.hours(), hours, "the clock is really set");
        let order = shop.settled(&id);
        assert_eq!(end(&order), ("CONFIRMED", None), "{offset}: {order:#}");
        if !hour_ends_soon() {
            in_its_order(&order);
        }
    }
}

pub(crate) fn a_wall_clock_set_an_hour_forth_and_back_moves_no_deadline_of_a_live_process() {
    let temp = tempfile::tempdir().unwrap();
    let Some(clock) = WallClock::find(temp.path()) else {
        return skip("wall clock: no faketime (PARTITA_FAKETIME)");
    };
    let data = temp.path().join("data");
    let mut shop = clock.shop(&data);
    jumps_while_it_works(&shop, &clock);
    let id = shop.place("ada", "desk-lamp", 1, "pm_slow");
    shop.paying(&id);
    shop.process.kill();
    clock.set("-1h");
    let mut shop = clock.shop(&data);
    let order = shop.settled(&id);
    assert_eq!(end(&order), ("CONFIRMED", None), "set back while it was away: {order:#}");
    assert!(events(&order).contains(&"saga.recovered"), "{order:#}");
    let late = shop.place("ada", "desk-lamp", 1, "pm_slow");
    shop.paying(&late);
    shop.process.kill();
    clock.set("+1h");
    let mut shop = clock.shop(&data);
    let order = shop.settled(&late);
    let ran_out = matches!(end(&order), ("REJECTED", Some("deadline" | "payment_unavailable")));
    assert!(ran_out, "two hours went by while it was away: {order:#}");
    assert_eq!(
        (shop.stock("desk-lamp"), shop.get("/audit").json()["ok"].as_bool()),
        ((999_996, 0, 999_996), Some(true))
    );
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.wait(Duration::from_secs(10)).unwrap().code(), Some(0));
}
