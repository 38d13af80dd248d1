//! Copies made while orders are taken: each is a shop that has merely crashed.

use crate::common::process::{Process, Said};
use crate::common::{Shop, until};
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const MIX: &str =
    "ok=50,declined=8,capture_declined=8,lost_reply=5,lost_request=5,flaky=8,slow=5,out_of_stock=5,cancel=6";

fn shop(arguments: &[&str]) -> Said {
    Process::shop(arguments).said(SOON)
}

fn report(said: &Said) -> Value {
    assert_eq!(said.code, Some(0), "{said:?}");
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

fn accepted(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().lines().count()
}

/// Starts a shop on a copy, lets it end what it finds, audits it. How many orders it found, and how many went on.
fn restored(copy: &str) -> (u64, u64) {
    let checked = report(&shop(&["check", "--json", "--data", copy]));
    let restored = Shop::on(Path::new(copy), &[]);
    let going_on = restored.banner.iter().find_map(|line| line.split(", ").nth(1)?.split(' ').next()?.parse().ok());
    let audited = report(&shop(&["audit", "--settle", "40s", "--json", "--url", &restored.url()]));
    assert_eq!((&audited["ok"], &audited["orders"]["pending"]), (&true.into(), &0.into()), "{audited}");
    (checked["orders"].as_u64().unwrap(), going_on.unwrap())
}

pub(crate) fn a_copy_made_under_load_audits_clean_and_ends_what_it_found_exactly_once() {
    let temp = tempfile::tempdir().unwrap();
    let (log, serving) = (temp.path().join("accepted.log"), Shop::start());
    let (url, data) = (serving.url(), serving.folder().to_str().unwrap());
    let drive = ["drive", "--orders", "300", "--concurrency", "48", "--mix", MIX, "--json", "--url", &url, "--log"];
    let drive = Process::shop(&[&drive[..], &[log.to_str().unwrap()]].concat());
    let copies: Vec<String> =
        (1..=3).map(|copy| temp.path().join(copy.to_string()).to_str().unwrap().to_owned()).collect();
    for (copy, orders) in copies.iter().zip([40, 120, 200]) {
        until(40.0, "orders come in", || (accepted(&log) >= orders).then_some(()));
        let copied = report(&shop(&["backup", "--json", "--data", data, "--to", copy]));
        println!("backup: {copied}");
        assert!(copied["held_ms"].as_f64().unwrap() < 500.0 && copied["files"] == 5, "{copied}");
    }
    let driven = report(&drive.said(SOON));
    assert_eq!((driven["placed"].as_u64(), driven["lost"].as_u64()), (Some(300), Some(0)), "{driven}");
    assert_eq!(serving.process.errors(), "", "the shop did not notice");
    drop(serving);
    let found: Vec<(u64, u64)> = copies.iter().map(|copy| restored(copy)).collect();
    println!("restored: orders, of these unfinished: {found:?}");
    assert!(
        found.iter().all(|(orders, _)| *orders >= 40) && found.iter().any(|(_, going_on)| *going_on > 0),
        "{found:?}"
    );
}

#[test]
fn a_backup_refuses_what_it_cannot_copy_or_would_overwrite() {
    let (serving, temp) = (Shop::start(), tempfile::tempdir().unwrap());
    let (data, to) = (serving.folder().to_str().unwrap(), temp.path().to_str().unwrap());
    std::fs::write(temp.path().join("mine"), "mine").unwrap();
    let said = shop(&["backup", "--data", data, "--to", to]);
    assert!(said.code == Some(1) && said.err.contains("not empty") && said.err.contains(to), "{said:?}");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1);
    let nowhere = temp.path().join("nowhere");
    let said = shop(&["backup", "--data", nowhere.to_str().unwrap(), "--to", to]);
    assert!(said.code == Some(1) && said.err.contains("ordering.db"), "{said:?}");
    assert!(!nowhere.exists());
    let said = shop(&["backup", "--data", data]);
    assert_eq!(said.code, Some(2), "{said:?}");
    let copy = temp.path().join("copy");
    let said = shop(&["backup", "--data", data, "--to", copy.to_str().unwrap()]);
    assert!(said.code == Some(0) && said.out.starts_with("backup: 5 files, "), "{said:?}");
    assert_eq!(std::fs::read_dir(&copy).unwrap().count(), 5);
}

#[test]
fn who_may_not_write_a_served_folder_cannot_copy_it_and_one_at_rest_can_be() {
    let (mut serving, temp) = (Shop::start(), tempfile::tempdir().unwrap());
    let data = serving.folder().to_owned();
    for file in std::fs::read_dir(&data).unwrap() {
        std::fs::set_permissions(file.unwrap().path(), Permissions::from_mode(0o444)).unwrap();
    }
    let copy = |to: &str| {
        let to = temp.path().join(to);
        let arguments = ["backup", "--data", data.to_str().unwrap(), "--to", to.to_str().unwrap()];
        (Process::shop_held_to_rights(&arguments).said(SOON), to)
    };
    let (said, to) = copy("live");
    assert!(said.code == Some(1) && said.err.contains("may not write") && said.err.contains("ordering.db"), "{said:?}");
    assert!(said.err.contains(&serving.process.pid().to_string()) && !to.exists(), "{said:?}");
    serving.process.kill();
    let (said, to) = copy("at-rest");
    assert_eq!((said.code, std::fs::read_dir(to).unwrap().count()), (Some(0), 5), "{said:?}");
}

#[test]
fn what_a_backup_that_was_cut_short_left_is_no_shop() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("psp.db.unfinished"), "SQLite format 3").unwrap();
    let data = temp.path().to_str().unwrap();
    let to = temp.path().join("copy");
    for arguments in [
        &["--listen", "127.0.0.1:0", "--data", data][..],
        &["check", "--data", data],
        &["backup", "--data", data, "--to", to.to_str().unwrap()],
    ] {
        let said = shop(arguments);
        let told = format!("{}{}", said.out, said.err);
        assert!(said.code == Some(1), "{said:?}");
        let named = told.contains("psp.db.unfinished") && told.contains("cut short") && told.contains("again");
        assert!(named || (arguments[0] == "backup" && told.contains("ordering.db")), "{said:?}");
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 1, "{arguments:?}");
    }
}

#[test]
fn a_folder_that_no_shop_has_opened_is_nothing_to_check() {
    let temp = tempfile::tempdir().unwrap();
    let said = shop(&["check", "--json", "--data", temp.path().to_str().unwrap()]);
    assert!(said.code == Some(1) && said.out.is_empty(), "{said:?}");
    assert!(said.err.contains(temp.path().to_str().unwrap()) && said.err.contains("no shop"), "{said:?}");
}
