//! A server's own door: the caller's deadline from the header, a rate limit for each caller, load shedding, and a status
//! for each refusal.
//!
//! It serves on the loopback interface, asks itself some times and ends.
//!
//! ```text
//! cargo run -p partita-resilience --example axum --features http
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use axum::error_handling::HandleErrorLayer;
use axum::http::{Request, Response};
use axum::{Router, body::Body, routing::get};
use partita_resilience::deadline::{Deadline, HEADER};
use partita_resilience::http::refusal;
use partita_resilience::limiter::{KeyedLimiter, Quota};
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::{Error, Timing};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", shown().await?);
    Ok(())
}

pub(crate) async fn shown() -> Result<String, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let client = async {
        let asked = [("/fast", None), ("/fast", None), ("/slow", None), ("/slow", Some(50))];
        let mut answers = vec![];
        for (path, left_ms) in asked {
            let left = left_ms.map_or_else(String::new, |left| format!(", {left} ms left"));
            answers.push(format!("{:<29}{}", format!("GET {path}{left}"), ask(address, path, left_ms).await?));
        }
        let (one, two) = tokio::join!(ask(address, "/slow", None), ask(address, "/slow", None));
        answers.push(format!("GET /slow, twice at once     {} and {}", one?, two?));
        answers.push(format!("GET /fast, a seventh time    {}", ask(address, "/fast", None).await?));
        Ok(answers.join("\n"))
    };
    tokio::select! {
        served = axum::serve(listener, shop()?).into_future() => Err(format!("the server ended: {served:?}").into()),
        asked = client => asked,
    }
}

fn shop() -> Result<Router, Box<dyn std::error::Error>> {
    let deadline = Deadline::builder("shop").limit(Duration::from_secs(2)).build()?;
    // So few, to see them refuse.
    let shed = Shed::builder("shop").max_in_flight(1).build()?;
    let limiter = KeyedLimiter::<String>::builder("shop").quota(Quota::per_minute(6)).build_keyed()?;
    let door = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(refused))
        .layer(limiter.server_layer(caller).nested())
        .layer(deadline.server_layer().nested())
        .layer(shed.body_layer(Priority::Normal));
    Ok(Router::new().route("/fast", get(|| async { "fast" })).route("/slow", get(slow)).layer(door))
}

/// Who asks: one without a key has the quota of all such.
fn caller(request: &Request<Body>) -> String {
    let key = request.headers().get("x-api-key").and_then(|key| key.to_str().ok());
    key.unwrap_or("anonymous").to_owned()
}

async fn slow() -> &'static str {
    Timing::system().sleep(Duration::from_millis(100)).await;
    "slow"
}

async fn refused(error: Error<Infallible>) -> Response<String> {
    refusal(&error)
}

/// The status line of the answer, and its body.
async fn ask(to: std::net::SocketAddr, path: &str, left_ms: Option<u64>) -> Result<String, Box<dyn std::error::Error>> {
    let mut stream = TcpStream::connect(to).await?;
    let left = left_ms.map_or_else(String::new, |left| format!("{HEADER}: {left}\r\n"));
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{left}\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let field =
        |name| answer.lines().find(|line| line.starts_with(name)).map_or_else(String::new, |line| format!(", {line}"));
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    Ok(format!("{status}{}{}: {body}", field("ratelimit-remaining"), field("retry-after")))
}
