//! Stopping: soon, well, and saying what goes on later.

use crate::common::http::exchange;
use crate::common::process::Process;
use crate::common::{Shop, Watch};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Takes what is left of stdout.
fn last_words(process: &Process) -> String {
    let mut text = String::new();
    while let Some(line) = process.line(Duration::from_secs(5)) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// An open stream of the console's, its first event read.
fn stream(shop: &Shop) -> TcpStream {
    let mut stream = TcpStream::connect(shop.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /console/events?view=overview HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut seen = String::new();
    while !seen.contains("retry:") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the stream ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(seen.contains("text/event-stream"), "{seen}");
    stream
}

fn stops_by(signal: Signal) {
    let mut shop = Shop::start();
    let id = shop.place("flight", "notebook-a5", 1, "pm_slow");
    shop.paying(&id);
    let mut events = stream(&shop);
    let poll = shop.ask("GET", &format!("/orders/{id}")).header("prefer", "wait=30").bytes();
    let address = shop.address;
    let polling = std::thread::spawn(move || exchange(address, &poll));
    let watch = Watch::start();
    shop.process.signal(signal);
    let status = shop.process.wait(Duration::from_secs(10)).expect("it goes on");
    assert!(watch.secs() < 5.0, "it took {} s", watch.secs());
    assert_eq!((status.code(), shop.process.errors().as_str()), (Some(0), ""));
    assert_eq!(last_words(&shop.process), "stopped; 1 saga go on at the next start\n");
    let mut rest = vec![];
    let _ = events.read_to_end(&mut rest);
    let answer = polling.join().unwrap().unwrap_or_default();
    assert!(!String::from_utf8_lossy(&answer).contains("CONFIRMED"), "it waited for the payment");
}

pub(crate) fn a_signal_stops_it_within_5_s_whatever_is_open() {
    crate::common::together(&[("SIGTERM", || stops_by(Signal::TERM)), ("SIGINT", || stops_by(Signal::INT))]);
}

pub(crate) fn while_it_stops_it_is_not_ready_and_takes_nothing_new() {
    let mut shop = Shop::start();
    let id = shop.place("flight", "notebook-a5", 1, "pm_slow");
    shop.paying(&id);
    shop.process.signal(Signal::TERM);
    let answer = crate::common::until(3.0, "it says that it stops", || {
        let answer = shop.ask("GET", "/readyz").try_send().ok()?;
        (answer.status == 503).then_some(answer)
    });
    let problem = answer.problem(503, "not-ready");
    assert!(problem["checks"].as_object().unwrap().values().any(|check| check != "ok"), "{problem}");
    let body = crate::common::order("late", "notebook-a5", 1, "pm_ok");
    if let Ok(answer) = shop.post("/orders").key("late").json(&body).try_send() {
        answer.problem(503, "not-ready");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(shop.process.wait(Duration::from_secs(5)).expect("it goes on").code(), Some(0));
}

/// A request in flight keeps it for the last second; a new connection is answered until the process ends.
pub(crate) fn until_it_has_stopped_whoever_comes_is_told_so() {
    let mut shop = Shop::start();
    let id = shop.place("flight", "notebook-a5", 1, "pm_slow");
    shop.paying(&id);
    let poll = shop.ask("GET", &format!("/orders/{id}")).header("prefer", "wait=30").bytes();
    let address = shop.address;
    let polling = std::thread::spawn(move || exchange(address, &poll));
    let watch = Watch::start();
    shop.process.signal(Signal::TERM);
    let mut told = vec![];
    loop {
        match shop.ask("GET", "/readyz").try_send() {
            Ok(answer) if answer.status == 200 => assert!(told.is_empty(), "ready again: {answer:?}"),
            Ok(answer) => {
                answer.problem(503, "not-ready");
                told.push(watch.secs());
            }
            Err(error) => {
                let ended = shop.process.wait(Duration::from_millis(200));
                assert!(ended.is_some(), "{error} after {} s, and it goes on", watch.secs());
                break;
            }
        }
    }
    let ended = watch.secs();
    let last = told.last().copied().unwrap_or_default();
    assert!(ended > 1.5 && ended - last < 0.5, "told until {last} s, ended after {ended} s");
    let _ = polling.join();
}

#[test]
fn a_second_signal_stops_it_at_once() {
    let mut shop = Shop::start();
    let id = shop.place("flight", "notebook-a5", 1, "pm_slow");
    shop.paying(&id);
    let watch = Watch::start();
    shop.process.signal(Signal::TERM);
    shop.process.signal(Signal::INT);
    assert!(shop.process.wait(Duration::from_secs(10)).is_some(), "it goes on");
    assert!(watch.secs() < 1.0, "it took {} s", watch.secs());
}

/// An opening waits a second for who has a file locked, then says so.
#[test]
fn a_shop_that_is_still_opening_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(Shop::on(folder.path(), &[]));
    let human = rusqlite::Connection::open(folder.path().join("ordering.db")).unwrap();
    human.execute_batch("BEGIN IMMEDIATE").unwrap();
    let data = folder.path().to_str().unwrap();
    let stops_first = || {
        let mut process = Process::shop(&["--listen", "127.0.0.1:0", "--data", data]);
        process.line(Duration::from_secs(20)).unwrap();
        let watch = Watch::start();
        process.signal(Signal::TERM);
        let status = process.wait(Duration::from_secs(10)).expect("it goes on");
        let stopped = status.code() == Some(0);
        assert!(!stopped || last_words(&process).starts_with("stopped while it opened"), "{}", process.errors());
        stopped && watch.secs() < 0.7
    };
    assert!((0..10).any(|_| stops_first()), "it always waits for the lock");
    human.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn an_idle_shop_stops_at_once() {
    let mut shop = Shop::start();
    let watch = Watch::start();
    shop.process.signal(Signal::TERM);
    let status = shop.process.wait(Duration::from_secs(10)).expect("it goes on");
    assert!(watch.secs() < 2.0, "it took {} s", watch.secs());
    assert_eq!(
        (status.code(), last_words(&shop.process).as_str()),
        (Some(0), "stopped; 0 sagas go on at the next start\n")
    );
}
