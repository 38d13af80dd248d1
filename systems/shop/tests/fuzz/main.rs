//! A property-based fuzzer reads `/openapi.json` of a running shop, asks whatever it says can be asked and much that it says
//! cannot, and finds nothing.
//!
//! `cargo xtask test` installs the fuzzer (schemathesis) and names it in `PARTITA_SCHEMATHESIS`. What is kept from it is
//! argued in `schemathesis.toml` and `hooks.py`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

#[path = "../common/mod.rs"]
mod common;

use common::Shop;
use common::process::Process;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A run takes 13 s of one core; a machine that does much else needs longer.
const BOUND: Duration = Duration::from_secs(300);

const FILES: [(&str, &str); 2] =
    [("schemathesis.toml", include_str!("schemathesis.toml")), ("hooks.py", include_str!("hooks.py"))];

/// Says that a test was not run; at strict that is a failure.
fn skip(why: &str) {
    println!("SKIPPED: {why}");
    if let Some(path) = std::env::var_os("PARTITA_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{why}").unwrap();
    }
    assert!(std::env::var_os("PARTITA_STRICT").is_none_or(|strict| strict != "1"), "nothing may be skipped: {why}");
}

/// The fuzzer in a folder of its own, where it may leave what it likes.
fn fuzz(fuzzer: &Path, folder: &Path, url: &str) -> common::process::Said {
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut command = Command::new(fuzzer);
    command.args(["run", &format!("{url}/openapi.json")]).current_dir(folder);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONIOENCODING", "utf-8");
    Process::spawn(command).said(BOUND)
}

#[test]
fn a_fuzzer_driven_by_the_description_finds_nothing() {
    let Some(fuzzer) = std::env::var_os("PARTITA_SCHEMATHESIS").map(PathBuf::from) else {
        return skip("fuzzing /openapi.json: no schemathesis (PARTITA_SCHEMATHESIS)");
    };
    let shop = Shop::start();
    let folder = tempfile::tempdir().unwrap();
    let said = fuzz(&fuzzer, folder.path(), &shop.url());
    println!("{}", said.out);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let cases = said.out.split_once(" generated, ").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    assert!(cases.is_some_and(|cases: u32| cases >= 500), "it asked too little: {}", said.out);
    let complaints = shop.process.errors();
    // An order that is paid by `pm_undo_fails` is parked, and says so.
    let unasked: Vec<&str> = complaints.lines().filter(|line| !line.contains("saga parked")).collect();
    assert!(unasked.is_empty(), "{unasked:?}");
    let placed = shop.get("/audit").json();
    assert!(placed["ok"] == true, "{placed}");
}
