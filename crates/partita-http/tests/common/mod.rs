//! What the tests of this crate share.
#![allow(dead_code, unreachable_pub, clippy::new_without_default, reason = "each test binary uses its share of it")]

use axum::Router;
use axum::routing::{get, post};
use partita_http::{Listener, ServeLimits, Server};
use partita_time::{Host, TaskGroup};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// A process with a server.
#[derive(Debug)]
pub struct Running {
    pub server: Server,
    pub address: SocketAddr,
    pub host: Host,
    pub group: TaskGroup,
}

impl Running {
    pub async fn start(router: impl Into<partita_http::Gate>, limits: ServeLimits) -> Self {
        let (host, group) = Host::system();
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        Self { server: Server::start(listener, router, limits, &host), address, host, group }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of its own and reads until the server ends it.
    pub async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        until_end(&mut stream).await
    }
}

/// Limits that a test need not wait long for.
pub fn short() -> ServeLimits {
    ServeLimits { head_and_body: Duration::from_millis(300), ..ServeLimits::default() }
}

/// Everything up to the end of the connection.
pub async fn until_end(stream: &mut TcpStream) -> String {
    let mut bytes = vec![];
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One response with `Content-Length`.
pub async fn one_response(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length =
            head.to_ascii_lowercase().split_once("content-length: ")?.1.split("\r\n").next()?.parse::<usize>().ok()?;
        (body.len() >= length).then_some(())
    };
    while whole(&text).is_none() {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "the connection ended after {text:?}");
        text.push(char::from(byte[0]));
    }
    text
}

/// A handler that says when it was entered, goes on when it is let, and says when it is done.
#[derive(Clone, Debug)]
pub struct Held {
    pub entered: Arc<Semaphore>,
    pub go: Arc<Semaphore>,
    pub done: Arc<Semaphore>,
}

impl Held {
    pub fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self { entered: closed(), go: closed(), done: closed() }
    }

    /// `GET` or `POST /held`, and `GET /quick` beside it.
    pub fn router(&self) -> Router {
        let held = self.clone();
        let handler = async move || {
            held.entered.add_permits(1);
            wait(&held.go).await;
            held.done.add_permits(1);
            "held"
        };
        Router::new()
            .route("/held", get(handler.clone()).post(handler))
            .route("/quick", get(async || "quick").merge(post(async || "quick")))
    }
}

/// Waits for one signal and takes it.
pub async fn wait(signal: &Semaphore) {
    signal.acquire().await.unwrap().forget();
}
