//! `shop drive` as people and scripts meet it: its exit codes, its one JSON object, its list of accepted orders.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use partita::time::Host;
use serde_json::Value;
use server::Server;
use std::path::Path;
use std::process::{Command, Output};

#[allow(dead_code, reason = "the drill uses the rest of it")]
#[path = "../examples/drill/server.rs"]
mod server;

const SHOP: &str = env!("CARGO_BIN_EXE_shop");
const MEMBERS: [&str; 11] = [
    "placed",
    "confirmed",
    "rejected",
    "cancelled",
    "parked",
    "unended",
    "lost",
    "wrong_end",
    "orders_per_s",
    "accept_ms",
    "end_ms",
];

fn drive(arguments: &[&str]) -> Output {
    Command::new(SHOP).arg("drive").args(arguments).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn orders_of_every_kind_end_as_they_must_and_are_listed_also_over_a_restart() {
    let (host, _tasks) = Host::system();
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(Path::new(SHOP), folder.path(), &host).await.unwrap();
    let log = folder.path().join("accepted.log");
    let kinds =
        "ok=4,declined=1,capture_declined=1,lost_reply=1,lost_request=1,flaky=1,undo_fails=1,out_of_stock=1,cancel=1";
    let url = server.url().to_owned();
    let fixed = ["--orders", "40", "--concurrency", "40", "--seed", "3", "--json", "--mix", kinds, "--url", &url];
    let output = drive(&[&fixed[..], &["--log", log.to_str().unwrap()]].concat());
    let first = report(&output);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(first.as_object().unwrap().len(), MEMBERS.len());
    assert!(MEMBERS.iter().all(|member| first[member].is_number() || first[member]["p99"].is_number()), "{first}");
    assert_eq!(first["placed"], 40);
    assert!(first["parked"].as_u64() > Some(0), "{first}");
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 40);

    server.kill().await.unwrap();
    server.start_again(&host).await.unwrap();
    let audit = Command::new(SHOP).args(["audit", "--url", &url, "--log"]).arg(&log).output().unwrap();
    let text = String::from_utf8_lossy(&audit.stdout);
    assert_eq!(text.lines().last(), Some("audit: ok (40 orders)"), "{text}");
    server.stop(&host).await.unwrap();
}

#[test]
fn without_a_server_it_names_the_command_that_starts_one() {
    for command in [&["drive", "--orders", "1", "--concurrency", "1"][..], &["audit"]] {
        let output = Command::new(SHOP).args(command).args(["--json", "--url", "http://127.0.0.1:1"]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(errors.contains("start one with: shop --listen 127.0.0.1:1 --data ./shop-data"), "{errors}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_a_run_that_failed() {
    let one = ["--orders", "1", "--concurrency", "1"];
    let wrong =
        [&["--orders", "1"][..], &["--orders", "0", "--concurrency", "1"], &["--orders", "1", "--concurrency", "0"]];
    for arguments in wrong {
        assert_eq!(drive(arguments).status.code(), Some(2), "{arguments:?}");
    }
    for more in [["--mix", "fine=1"], ["--patience", "soon"], ["--url", "ftp://x"], ["--seed", "x"]] {
        assert_eq!(drive(&[&one[..], &more].concat()).status.code(), Some(2), "{more:?}");
    }
}

#[tokio::test]
async fn an_audit_of_what_never_answers_ends_with_a_clear_error() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (host, _tasks) = Host::system();
    let begun = host.clock.elapsed();
    let audit = Command::new(SHOP).args(["audit", "--url", &url]).output().unwrap();
    let errors = String::from_utf8_lossy(&audit.stderr);
    assert!((host.clock.elapsed() - begun).as_secs() < 30, "{errors}");
    assert_eq!((audit.status.code(), audit.stdout.len()), (Some(1), 0));
    assert!(errors.contains("something listens there and does not answer"), "{errors}");
}

#[test]
fn a_check_of_a_file_says_that_it_is_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let check = Command::new(SHOP).args(["check", "--data"]).arg(file.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&check.stderr);
    assert_eq!(check.status.code(), Some(1));
    assert!(errors.contains("it is a file"), "{errors}");
}

#[tokio::test]
async fn a_report_that_cannot_be_written_is_an_error() {
    let (host, _tasks) = Host::system();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(SHOP), folder.path(), &host).await.unwrap();
    let drive = ["drive", "--orders", "1", "--concurrency", "1", "--json"];
    for arguments in [&drive[..], &["audit"], &["audit", "--json"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        for (stdout, told) in [(std::process::Stdio::from(full), true), (closed.into(), false)] {
            let mut command = Command::new(SHOP);
            command.args(arguments).args(["--url", server.url()]).stdout(stdout).stderr(std::process::Stdio::piped());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
            assert_eq!(errors.contains("stdout cannot be written"), told, "{errors}");
        }
    }
    server.stop(&host).await.unwrap();
}
