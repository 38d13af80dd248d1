//! The server when there are more clients than room, or clients that only take.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use common::{Held, Running, one_response, until_end, wait};
use partita_http::{Gate, Problem, ServeLimits};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const QUICK: &[u8] = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n";
const HELD: &[u8] = b"GET /held HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn sent(running: &Running, bytes: &[u8]) -> TcpStream {
    let mut stream = running.connect().await;
    stream.write_all(bytes).await.unwrap();
    stream
}

#[tokio::test]
async fn for_one_connection_too_many_the_one_that_keeps_the_server_waiting_longest_has_to_go() {
    let held = Held::new();
    let limits = ServeLimits { connections: 3, ..ServeLimits::default() };
    let running = Running::start(held.router(), limits).await;
    let mut busy = sent(&running, HELD).await;
    wait(&held.entered).await;
    let mut first = sent(&running, QUICK).await;
    one_response(&mut first).await;
    let mut half = sent(&running, b"GET /quick HTTP/1.1\r\nho").await;
    while running.server.connections() < 3 {
        tokio::task::yield_now().await;
    }
    let mut next = sent(&running, QUICK).await;
    assert!(one_response(&mut next).await.ends_with("quick"));
    assert_eq!(until_end(&mut first).await, "", "an idle connection is closed without a word");
    let mut another = sent(&running, QUICK).await;
    assert!(one_response(&mut another).await.ends_with("quick"));
    let told = until_end(&mut half).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("/problems/overloaded"), "{told}");
    assert!(running.server.connections() <= 3);
    held.go.add_permits(1);
    assert!(until_end(&mut busy).await.ends_with("held"), "who is being answered stays");
}

#[tokio::test]
async fn while_all_are_being_answered_a_new_connection_waits() {
    let held = Held::new();
    let limits = ServeLimits { connections: 1, ..ServeLimits::default() };
    let running = Running::start(held.router(), limits).await;
    let mut busy = sent(&running, HELD).await;
    wait(&held.entered).await;
    let mut next = sent(&running, QUICK).await;
    running.host.clock.sleep(Duration::from_millis(200)).await;
    assert_eq!(next.try_read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    held.go.add_permits(1);
    assert!(until_end(&mut busy).await.ends_with("held"));
    assert!(one_response(&mut next).await.ends_with("quick"));
}

#[tokio::test]
async fn over_the_requests_that_are_answered_at_once_only_the_vital_ones_are() {
    let held = Held::new();
    let limits = ServeLimits { requests: 2, vital: &["/probe"], ..ServeLimits::default() };
    let router = held.router().route("/probe", get(async || "alive"));
    let running = Running::start(router, limits).await;
    let mut stays = sent(&running, HELD).await;
    wait(&held.entered).await;
    drop(sent(&running, HELD).await);
    wait(&held.entered).await;
    let told = running.exchange(QUICK).await;
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 1"), "who left counts too: {told}");
    assert!(told.contains("2 requests are being answered"), "{told}");
    let mut probe = sent(&running, b"GET /probe HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(one_response(&mut probe).await.ends_with("alive"));
    held.go.add_permits(2);
    assert!(until_end(&mut stays).await.ends_with("held"));
    while !running.exchange(b"GET /quick HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ends_with("quick") {}
}

#[tokio::test]
async fn a_handler_that_does_not_answer_in_time_is_a_504_and_goes_on() {
    let held = Held::new();
    let limits = ServeLimits { answer: Duration::from_millis(100), ..ServeLimits::default() };
    let running = Running::start(held.router(), limits).await;
    let told = running.exchange(HELD).await;
    assert!(told.starts_with("HTTP/1.1 504") && told.contains("/problems/timeout"), "{told}");
    held.go.add_permits(1);
    wait(&held.done).await;
}

#[tokio::test]
async fn what_the_server_refuses_itself_is_worded_as_its_gate_says() {
    let held = Held::new();
    let limits = ServeLimits { answer: Duration::from_millis(100), ..ServeLimits::default() };
    let worded = |path: &str, problem: Problem| {
        (problem.status(), format!("{path} {} {}", problem.slug().as_str(), problem.as_detail())).into_response()
    };
    let running = Running::start(Gate::from(held.router()).worded(worded), limits).await;
    let hostless = running.exchange(b"GET /quick HTTP/1.1\r\n\r\n").await;
    assert!(hostless.starts_with("HTTP/1.1 400") && hostless.contains("/quick bad-request an HTTP"), "{hostless}");
    let late = running.exchange(HELD).await;
    assert!(late.starts_with("HTTP/1.1 504") && late.contains("/held timeout there was no answer"), "{late}");
    assert!(late.contains("connection: close\r\n"), "{late}");
    held.go.add_permits(1);
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_connection() {
    let limits = ServeLimits { unread: Duration::from_millis(100), ..ServeLimits::default() };
    let router = Router::new().route("/much", get(async || vec![b'x'; 32 << 20]));
    let running = Running::start(router, limits).await;
    let mut stream = sent(&running, b"GET /much HTTP/1.1\r\nhost: x\r\n\r\n").await;
    while running.server.connections() == 0 {
        tokio::task::yield_now().await;
    }
    while running.server.connections() > 0 {
        running.host.clock.sleep(Duration::from_millis(10)).await;
    }
    let mut taken = vec![];
    let _ = stream.read_to_end(&mut taken).await;
    assert!(taken.len() < 32 << 20, "{} bytes were read", taken.len());
}

#[tokio::test]
async fn answers_to_pipelined_requests_come_whole_and_in_order_also_before_a_refusal() {
    let router = Router::new().route("/{n}", get(async |axum::extract::Path(n): axum::extract::Path<String>| n));
    let running = Running::start(router, ServeLimits::default()).await;
    let requests: String = (0..500).map(|n| format!("GET /n{n} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
    let answers = running.exchange((requests + "and now for something else\r\n\r\n").as_bytes()).await;
    let (good, bad) = answers.split_at(answers.rfind("HTTP/1.1 ").unwrap());
    let bodies: Vec<&str> = good.split("HTTP/1.1 ").skip(1).filter_map(|one| one.split("\r\n\r\n").nth(1)).collect();
    assert_eq!(bodies, (0..500).map(|n| format!("n{n}")).collect::<Vec<_>>());
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
}
