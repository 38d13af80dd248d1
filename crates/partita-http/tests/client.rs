//! The client, in the process and over the network alike.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use common::{Held, Running, wait};
use http::{HeaderMap, Request, Response};
use partita_core::{Again, Effect, Error, ErrorKind, Result};
use partita_http::{Client, Problem, Reply, ServeLimits, Slug, Transport, hang_up};
use partita_time::{BoxFuture, Host};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn meaning(error: &Error) -> (ErrorKind, Again, Effect) {
    (error.kind(), error.may_try_again(), error.possible_effect())
}

fn failed(outcome: Result<Reply>) -> (ErrorKind, Again, Effect) {
    meaning(&outcome.unwrap_err())
}

const LOST: (ErrorKind, Again, Effect) = (ErrorKind::Unavailable, Again::Later, Effect::Possible);

/// The same router in the process and behind an address.
async fn both(router: Router) -> (Running, [Client; 2]) {
    let running = Running::start(router.clone(), ServeLimits::default()).await;
    let clients = [Client::in_process(router, &running.host), Client::network(&running.url(), &running.host).unwrap()];
    (running, clients)
}

#[tokio::test]
async fn a_call_carries_key_headers_and_json_and_brings_back_the_reply() {
    let echo = async |headers: HeaderMap, body: String| {
        let shown = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (
            http::StatusCode::ACCEPTED,
            axum::Json((shown("idempotency-key"), shown("x-test"), shown("content-type"), body)),
        )
    };
    let (_running, clients) = both(Router::new().route("/echo", post(echo))).await;
    for client in clients {
        let call = client.post("/echo?a=b").key("k").header("x-test", "t").json(&serde_json::json!({"n": 1}));
        let reply = call.send().await.unwrap().into_success().unwrap();
        assert_eq!(reply.status, 202);
        let expected = ["k", "t", "application/json", r#"{"n":1}"#].map(str::to_owned);
        assert_eq!(reply.json::<[String; 4]>().unwrap(), expected);
        assert_eq!(meaning(&reply.json::<u32>().unwrap_err()), (ErrorKind::Corrupt, Again::Never, Effect::Possible));
    }
}

#[tokio::test]
async fn a_status_is_a_reply_and_its_problem_can_be_read() {
    let refuse = async || Problem::new(Slug::Undone).detail("too late");
    let (_running, clients) = both(Router::new().route("/do", post(refuse))).await;
    for client in clients {
        let reply = client.post("/do").send().await.unwrap();
        assert_eq!(
            reply.problem().map(|problem| (problem.slug, problem.detail)),
            Some(("undone".into(), "too late".into()))
        );
        assert_eq!(failed(reply.into_success()), (ErrorKind::Invalid, Again::Never, Effect::Possible));
    }
}

#[tokio::test]
async fn a_callee_that_hangs_up_may_have_done_it() {
    let (_running, clients) = both(Router::new().route("/", get(async || hang_up()))).await;
    for client in clients {
        let error = client.get("/").send().await.unwrap_err();
        assert_eq!(meaning(&error), LOST);
        assert!(error.to_string().contains("the connection ended without a reply"), "{error}");
    }
}

#[tokio::test]
async fn a_panic_is_a_500_on_both_ways() {
    let panics = async || -> &'static str { panic!("on purpose") };
    let (_running, clients) = both(Router::new().route("/", get(panics))).await;
    for client in clients {
        assert_eq!(client.get("/").send().await.unwrap().status, 500);
    }
}

#[tokio::test]
async fn a_reply_over_the_limit_is_an_error() {
    let large = async || Body::from(vec![b'a'; (4 << 20) + 1]);
    let largest = async || Body::from(vec![b'a'; 4 << 20]);
    let (_running, clients) = both(Router::new().route("/large", get(large)).route("/largest", get(largest))).await;
    for client in clients {
        assert_eq!(failed(client.get("/large").send().await), (ErrorKind::TooLarge, Again::Never, Effect::Possible));
        assert_eq!(client.get("/largest").send().await.unwrap().body.len(), 4 << 20);
    }
}

#[tokio::test]
async fn a_callers_timeout_or_drop_does_not_cancel_the_callee() {
    let held = Held::new();
    let (_running, clients) = both(held.router()).await;
    for client in clients {
        let late = client.get("/held").timeout(Duration::from_millis(50)).send().await;
        assert_eq!(failed(late), (ErrorKind::Timeout, Again::Later, Effect::Possible));
        wait(&held.entered).await;

        let dropped = Box::pin(client.post("/held").send());
        let entered = Box::pin(wait(&held.entered));
        drop(futures_util::future::select(dropped, entered).await);

        held.go.add_permits(2);
        wait(&held.done).await;
        wait(&held.done).await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_the_process_waiting_is_virtual() {
    let held = Held::new();
    let (host, _group) = Host::system();
    let client = Client::in_process(held.router(), &host);
    assert_eq!(failed(client.get("/held").send().await).0, ErrorKind::Timeout);
    assert_eq!(host.clock.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn a_process_that_ends_never_answers() {
    let held = Held::new();
    let (host, group) = Host::system();
    let client = Client::in_process(held.router(), &host);
    let crash = async {
        wait(&held.entered).await;
        group.end().await;
    };
    let (outcome, ()) = tokio::join!(client.get("/held").send(), crash);
    assert_eq!(failed(outcome), LOST);
}

#[tokio::test]
async fn nobody_listening_means_that_nothing_happened() {
    let running = Running::start(Router::new(), ServeLimits::default()).await;
    running.server.stop(Duration::ZERO).await;
    let client = Client::network(&running.url(), &running.host).unwrap();
    let error = client.post("/").send().await.unwrap_err();
    assert_eq!(meaning(&error), (ErrorKind::Unavailable, Again::Later, Effect::None));
    assert!(error.to_string().contains(&running.url()), "{error}");
}

#[tokio::test]
async fn a_connection_lost_within_the_reply_may_have_done_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (host, _group) = Host::system();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    };
    let client = Client::network(&url, &host).unwrap();
    let (outcome, ()) = tokio::join!(client.post("/").send(), serve);
    assert_eq!(failed(outcome), LOST);
}

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let (running, [_, client]) = both(Router::new().route("/", get(async || "hello"))).await;
    for _ in 0..10 {
        assert_eq!(client.get("/").send().await.unwrap().body, "hello");
    }
    assert_eq!(running.server.connections(), 1);
}

#[tokio::test]
async fn a_malformed_call_is_refused_before_it_is_sent() {
    let (_running, clients) = both(Router::new()).await;
    for client in clients {
        for call in
            [client.get("no-slash"), client.get("http://elsewhere/"), client.get("/ "), client.get("/").key("a\nb")]
        {
            assert_eq!(failed(call.send().await), (ErrorKind::Invalid, Again::Never, Effect::None));
        }
    }
    let (host, _group) = Host::system();
    for url in ["https://127.0.0.1:1", "127.0.0.1:8080", "http://", "", "http://x/?q"] {
        assert_eq!(Client::network(url, &host).unwrap_err().kind(), ErrorKind::Invalid, "{url}");
    }
}

/// Loses every reply of the transport behind it.
#[derive(Debug)]
struct Deaf(Arc<dyn Transport>);

impl Transport for Deaf {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        let call = self.0.call(request);
        Box::pin(async move { call.await.and(Err(Error::new(ErrorKind::Unavailable, "deaf"))) })
    }
}

#[tokio::test]
async fn a_transport_can_be_wrapped() {
    let held = Held::new();
    held.go.add_permits(1);
    let (host, _group) = Host::system();
    let inner = Client::in_process(held.router(), &host);
    let client = Client::over(Arc::new(Deaf(inner.transport())), &host);
    assert!(client.get("/held").send().await.unwrap_err().to_string().contains("deaf"));
    wait(&held.done).await;
}
