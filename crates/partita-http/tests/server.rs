//! The server against raw sockets.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use common::{Held, Running, one_response, short, until_end, wait};
use http::HeaderMap;
use partita_core::ErrorKind;
use partita_http::{Gate, Listener, Problem, ServeLimits, fallback, hang_up, read_body, require_json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const GRACE: Duration = Duration::from_secs(5);

async fn echo(headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    require_json(&headers)?;
    Ok(read_body(&headers, body, 65_536).await?.into_response())
}

fn router() -> Router {
    let routes = Router::new().route("/echo", post(echo)).route("/hang-up", get(async || hang_up()));
    fallback(routes.route("/panic", get(panics)).route("/", get(async || "hello")))
}

async fn panics() -> &'static str {
    let nothing: Option<&str> = std::future::ready(None).await;
    nothing.unwrap()
}

fn status(response: &str) -> &str {
    response.get(9..12).unwrap_or_default()
}

#[track_caller]
fn refused(response: &str, expected: &str, slug: &str) {
    assert_eq!(status(response), expected, "{response}");
    assert!(response.contains("content-type: application/problem+json\r\n"), "{response}");
    assert!(response.contains(&format!(r#""type":"/problems/{slug}""#)), "{response}");
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_refused_and_ends_the_connection() {
    let running = Running::start(router(), short()).await;
    let answer = running.exchange(b"GET / HTTP/1.1\r\nhost: x\r\n").await;
    refused(&answer, "408", "request-timeout");
    assert_eq!(running.exchange(b"").await, "", "who asked nothing is told nothing");
}

#[tokio::test]
async fn a_body_that_does_not_end_in_time_is_refused_and_ends_the_connection() {
    let running = Running::start(router(), short()).await;
    let request = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{}";
    let response = running.exchange(request).await;
    refused(&response, "408", "request-timeout");
    assert!(response.contains("longer than this server waits"), "{response}");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_all_the_same() {
    let running = Running::start(router(), short()).await;
    let mut stream = running.connect().await;
    let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let (mut read, mut write) = stream.split();
    let trickle = async {
        while write.write_all(b" ").await.is_ok() {
            running.host.clock.sleep(Duration::from_millis(10)).await;
        }
    };
    let mut response = String::new();
    tokio::select! {
        _ = read.read_to_string(&mut response) => {}
        () = trickle => panic!("the connection was closed before its answer was read"),
    }
    refused(&response, "408", "request-timeout");
}

#[tokio::test]
async fn hanging_up_ends_the_connection_without_a_byte() {
    let running = Running::start(router(), ServeLimits::default()).await;
    assert_eq!(running.exchange(b"GET /hang-up HTTP/1.1\r\nhost: x\r\n\r\n").await, "");
    assert!(running.exchange(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ends_with("hello"));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_refused_unread() {
    let running = Running::start(router(), ServeLimits::default()).await;
    let request = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 65537\r\n\r\n";
    let mut stream = running.connect().await;
    stream.write_all(request).await.unwrap();
    assert_eq!(status(&one_response(&mut stream).await), "413");
}

#[tokio::test]
async fn a_refusal_is_not_lost_though_the_body_goes_on_behind_it() {
    let running = Running::start(router(), ServeLimits::default()).await;
    for framing in ["content-length: 1048585", "transfer-encoding: chunked"] {
        let mut stream = running.connect().await;
        let head =
            format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n100000\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..64 {
            stream.write_all(&[b' '; 16_384]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let response = until_end(&mut stream).await;
        assert_eq!(status(&response), "413", "{response}");
    }
}

#[tokio::test]
async fn a_body_at_the_limit_passes() {
    let running = Running::start(router(), ServeLimits::default()).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 65536\r\n\r\n";
    let response = running.exchange(format!("{head}{}", "a".repeat(65_536)).as_bytes()).await;
    assert_eq!(status(&response), "200");
    assert!(response.ends_with(&"a".repeat(65_536)));
}

#[tokio::test]
async fn heads_are_bounded_in_number_and_size() {
    let running = Running::start(router(), ServeLimits::default()).await;
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
    let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(20_000));
    for request in [many, long] {
        let answer = running.exchange(request.as_bytes()).await;
        refused(&answer, "431", "too-large");
        assert!(answer.contains("16384 bytes long and 100 headers"), "{answer}");
    }
    let two = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n1";
    for request in [&b"this is not HTTP\r\n\r\n"[..], two] {
        refused(&running.exchange(request).await, "400", "bad-request");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_goes_on() {
    let running = Running::start(router(), ServeLimits::default()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let response = one_response(&mut stream).await;
    assert_eq!(status(&response), "500");
    assert!(response.contains("application/problem+json"), "{response}");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(status(&one_response(&mut stream).await), "200");
}

#[tokio::test]
async fn a_client_that_leaves_does_not_cancel_what_it_asked_for() {
    let held = Held::new();
    let running = Running::start(held.router(), ServeLimits::default()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"POST /held HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    wait(&held.entered).await;
    drop(stream);
    while running.server.connections() > 0 {
        tokio::task::yield_now().await;
    }
    held.go.add_permits(1);
    wait(&held.done).await;
}

#[tokio::test]
async fn stopping_lets_requests_end_and_takes_no_new_ones() {
    let held = Held::new();
    let running = Running::start(held.router(), ServeLimits::default()).await;
    let mut idle = running.connect().await;
    idle.write_all(b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(one_response(&mut idle).await.ends_with("quick"));
    let mut busy = running.connect().await;
    busy.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    wait(&held.entered).await;
    let client = async {
        assert_eq!(until_end(&mut idle).await, "", "an idle connection ends at once");
        held.go.add_permits(1);
        until_end(&mut busy).await
    };
    let ((), response) = tokio::join!(running.server.stop(GRACE), client);
    assert!(response.ends_with("held"), "{response}");
    assert_eq!(running.server.connections(), 0);
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());
    running.server.stop(GRACE).await;
}

#[tokio::test]
async fn who_comes_while_it_drains_is_answered_until_it_stops() {
    let (held, gate) = (Held::new(), Gate::new());
    gate.set(held.router());
    let running = Running::start(gate.clone(), ServeLimits::default()).await;
    let request = b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut busy = running.connect().await;
    busy.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    wait(&held.entered).await;
    gate.set(Gate::new().router());
    let late = async {
        let mut silent = running.connect().await;
        let answer = running.exchange(request).await;
        assert_eq!(status(&answer), "503", "{answer}");
        assert!(answer.contains("connection: close") && answer.contains("/problems/not-ready"), "{answer}");
        held.go.add_permits(1);
        assert!(until_end(&mut busy).await.ends_with("held"));
        silent.write_all(request).await.unwrap();
        assert_eq!(status(&until_end(&mut silent).await), "503");
    };
    tokio::join!(running.server.drain(GRACE), late);
    let last = running.connect().await;
    assert_eq!(status(&running.exchange(request).await), "503", "also when all that was open is closed");
    running.server.stop(GRACE).await;
    assert_eq!(running.server.connections(), 0);
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());
    drop(last);
}

#[tokio::test]
async fn a_request_names_one_host() {
    let running = Running::start(router(), ServeLimits::default()).await;
    for head in ["", "host: x\r\nhost: y\r\n"] {
        let answer = running.exchange(format!("GET / HTTP/1.1\r\n{head}\r\n").as_bytes()).await;
        refused(&answer, "400", "bad-request");
        assert!(answer.contains("one Host header"), "{answer}");
    }
    assert_eq!(status(&running.exchange(b"GET / HTTP/1.0\r\n\r\n").await), "200");
    let two = running.exchange(b"GET / HTTP/1.0\r\nhost: x\r\nhost: x\r\n\r\n").await;
    assert_eq!(two.get(..12), Some("HTTP/1.0 400"), "{two}");
    refused(&running.exchange(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n").await, "400", "bad-request");
}

#[tokio::test]
async fn a_body_in_a_coding_that_nobody_undoes_is_refused() {
    let running = Running::start(router(), ServeLimits::default()).await;
    for coding in ["gzip, chunked", "chunked, chunked"] {
        let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let request = format!("{head}transfer-encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
        let answer = running.exchange(request.as_bytes()).await;
        refused(&answer, "400", "bad-request");
        assert!(answer.contains("chunked, once") && answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn stopping_closes_streams_without_end_when_the_grace_is_over() {
    let endless = async || Body::from_stream(futures_util::stream::pending::<Result<&'static str, std::io::Error>>());
    let running = Running::start(Router::new().route("/live", get(endless)), ServeLimits::default()).await;
    let mut stream = running.connect().await;
    stream.write_all(b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    running.server.stop(Duration::from_millis(100)).await;
    assert_eq!(running.server.connections(), 0);
    until_end(&mut stream).await;
}

#[tokio::test]
async fn a_gate_answers_not_ready_until_its_router_is_set() {
    let gate = Gate::new();
    let running = Running::start(gate.clone(), ServeLimits::default()).await;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let early = running.exchange(request).await;
    assert_eq!(status(&early), "503");
    assert!(early.contains("/problems/not-ready") && early.contains("retry-after: 1"), "{early}");
    gate.set(router());
    assert!(running.exchange(request).await.ends_with("hello"));
}

#[tokio::test]
async fn an_address_in_use_is_named_with_the_way_out() {
    let first = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().to_string();
    let error = Listener::bind(&address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&address) && error.to_string().contains("another port"), "{error}");
    assert_eq!(Listener::bind("nonsense").await.unwrap_err().kind(), ErrorKind::Invalid);
}
