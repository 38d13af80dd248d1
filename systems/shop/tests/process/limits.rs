//! What one client may take from the others.

use crate::common::process::Process;
use crate::common::{Shop, Watch, shared};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

fn connect(shop: &Shop, patience: f64) -> TcpStream {
    let stream = TcpStream::connect(shop.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs_f64(patience))).unwrap();
    stream
}

/// Sends these bytes and no more; what comes back until the server hangs up, and when that is.
fn cut(shop: &Shop, bytes: &str) -> (String, f64) {
    let watch = Watch::start();
    let mut stream = connect(shop, 20.0);
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), watch.secs())
}

pub(crate) fn a_client_has_10_s_for_head_and_body() {
    let shop = shared();
    let head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: k\r\ncontent-length: 9\r\n\r\n{";
    std::thread::scope(|scope| {
        let sent = ["", "GET /rea", "GET /readyz HTTP/1.1\r\nhost: x\r\n", head];
        let cuts: Vec<_> = sent.into_iter().map(|bytes| (bytes, scope.spawn(|| cut(&shop, bytes)))).collect();
        for (bytes, cut) in cuts {
            let (answer, took) = cut.join().unwrap();
            assert!((9.0..13.0).contains(&took), "{bytes:?} was cut after {took} s: {answer}");
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        assert_eq!(shop.get("/readyz").status, 200);
    });
}

pub(crate) fn over_2048_connections_the_longest_idle_one_is_closed_for_a_new_one() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum.or(files.current);
    setrlimit(Resource::Nofile, files).unwrap();
    let shop = Shop::start();
    let mut idle: Vec<TcpStream> = (0..2_100).map(|_| connect(&shop, 5.0)).collect();
    assert_eq!(shop.get("/readyz").status, 200);
    let mut first = idle.swap_remove(0);
    assert_eq!(first.read(&mut [0; 1]).unwrap(), 0, "who asked nothing is told nothing");
    let mut last = idle.pop().unwrap();
    last.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(shop.process.errors(), "");
}

/// A shop that may have so many files open.
fn with_files(limit: u32, folder: &Path) -> Process {
    let mut command = std::process::Command::new("sh");
    let (shop, run) = (env!("CARGO_BIN_EXE_shop"), format!("ulimit -n {limit}; exec \"$@\""));
    command.args(["-c", &run, "sh", shop, "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    Process::spawn(command)
}

#[test]
fn a_shop_that_may_open_too_few_files_says_so_before_it_does_anything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = with_files(64, &data).said(Duration::from_secs(20));
    assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (Some(1), "", 1), "{said:?}");
    assert!(said.err.contains("64 are allowed") && said.err.contains("ulimit -n") && !data.exists(), "{said:?}");
    let least = with_files(100, &data);
    let address = crate::common::address_in(&least.line(Duration::from_secs(20)).unwrap());
    crate::common::until(20.0, "it is ready", || {
        let asked = crate::common::http::Ask::new(address, "GET", "/readyz").try_send();
        asked.is_ok_and(|answer| answer.status == 200).then_some(())
    });
}

pub(crate) fn a_shop_that_may_open_few_files_takes_fewer_connections_and_stays_reachable() {
    let folder = tempfile::tempdir().unwrap();
    let process = with_files(192, folder.path());
    let address = crate::common::address_in(&process.line(Duration::from_secs(20)).unwrap());
    let ask =
        || crate::common::http::Ask::new(address, "GET", "/readyz").try_send().is_ok_and(|answer| answer.status == 200);
    crate::common::until(20.0, "it is ready", || ask().then_some(()));
    let _idle: Vec<TcpStream> = (0..300).filter_map(|_| TcpStream::connect(address).ok()).collect();
    assert!(ask() && ask(), "{}", process.errors());
    assert!(process.errors().contains("few open files"), "{}", process.errors());
}
