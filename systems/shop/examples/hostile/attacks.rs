//! Ways to treat a shop badly, and what may come back.

use super::duplicates::duplicates;
use super::raw::{PATIENCE, again_and_again, connect, drip, rest, statuses};
use partita::time::{BoxFuture, Clock, TokioClock, timeout};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Whom to attack, and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) lasts: Duration,
    pub(crate) connections: usize,
    pub(crate) duplicates: usize,
}

/// What came back, by status or in a word, and what should not have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) wrong: Vec<String>,
}

type Run = Box<dyn FnOnce(Target) -> BoxFuture<'static, Seen> + Send>;

/// A way to treat a shop badly.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// What may come back.
    pub(crate) right: &'static [&'static str],
    pub(crate) run: Run,
    /// Whether it goes on after its time.
    pub(crate) is_long: bool,
}

/// What may become of a connection that is only held.
const HELD: [&str; 4] = ["408", "503", "closed", "still held"];
/// Nobody should have to wait so long.
pub(crate) const OUTWAITS: Duration = Duration::from_secs(6);
const BODY: &str = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: hostile\r\n";

impl Seen {
    pub(crate) fn note(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn sum(all: Vec<Self>) -> Self {
        let mut sum = Self::default();
        for one in all {
            one.counts.into_iter().for_each(|(what, count)| *sum.counts.entry(what).or_default() += count);
            sum.wrong.extend(one.wrong);
        }
        sum
    }
}

impl Attack {
    fn new<F>(
        name: &'static str,
        right: &'static [&'static str],
        run: impl FnOnce(Target) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Seen> + Send + 'static,
    {
        Self { name, right, run: Box::new(move |target| Box::pin(run(target))), is_long: false }
    }

    /// Sends the same bytes on one connection after another.
    fn flood(name: &'static str, right: &'static [&'static str], bytes: Vec<u8>) -> Self {
        Self::new(name, right, move |target| again_and_again(target, bytes))
    }

    /// Holds connections.
    fn drip(name: &'static str, head: &'static [u8], drop: &'static [u8]) -> Self {
        Self::new(name, &HELD, move |target| drip(target, head, drop))
    }

    /// Holds more than there is room for, and so long that whoever has to wait for the end of it has waited too long.
    fn crowd_out(name: &'static str, head: &'static [u8]) -> Self {
        Self::new(name, &HELD, move |target| {
            let lasts = target.lasts.max(OUTWAITS);
            drip(Target { connections: target.connections * 3, lasts, ..target }, head, b"")
        })
    }

    /// All of them, the quiet before them first.
    pub(crate) fn all() -> Vec<Self> {
        let slow_body =
            b"POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n";
        let duplicates =
            Self::new("one key, all at once", &["202", "409", "503", "closed", "no connection"], duplicates);
        let never = Self::new("replies that never come", &["503", "closed"], unanswered);
        vec![
            Self::new("none", &[], nothing),
            Self::drip("half-open", b"", b""),
            Self::crowd_out("three times as many", b"GET /orders/x HTTP/1.1\r\nhost: x\r\n"),
            Self::drip("a byte a second, head", b"GET /readyz HTTP/1.1\r\na: ", b"b"),
            Self::drip("a byte a second, body", slow_body, b" "),
            Self::flood("64 KiB + 1", &["413"], body(&vec![b' '; (64 << 10) + 1])),
            Self::flood("64 KiB + 1, chunked", &["413"], chunked()),
            Self::flood("deep JSON", &["400"], body(&[b'['; 60_000])),
            Self::flood("10,000 headers", &["431"], headers(10_000, 8)),
            Self::flood("a header of 1 MiB", &["431"], headers(1, 1 << 20)),
            Self::flood("a URL of 100 KiB", &["414", "431"], url()),
            Self::flood("lengths that differ", &["400"], framing("content-length: 5\r\ncontent-length: 6")),
            Self::flood("length and chunks", &["400"], framing("content-length: 5\r\ntransfer-encoding: chunked")),
            Self::flood("chunks that are none", &["400"], framing("transfer-encoding: chunked")),
            Self::new("1,000 pipelined", &["200"], pipelined),
            Self::new("answers never read", &["closed", "still held"], unread),
            duplicates,
            Self { is_long: true, ..never },
        ]
    }
}

async fn nothing(target: Target) -> Seen {
    TokioClock::system().sleep(target.lasts).await;
    Seen::default()
}

fn body(bytes: &[u8]) -> Vec<u8> {
    [format!("{BODY}content-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).as_bytes(), bytes].concat()
}

fn chunked() -> Vec<u8> {
    let chunks = format!("1000\r\n{}\r\n", " ".repeat(0x1000)).repeat(16);
    format!("{BODY}transfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunks}1\r\n \r\n0\r\n\r\n").into_bytes()
}

fn headers(count: usize, length: usize) -> Vec<u8> {
    format!("GET /readyz HTTP/1.1\r\nhost: x\r\n{}\r\n", format!("x: {}\r\n", "y".repeat(length)).repeat(count))
        .into_bytes()
}

fn url() -> Vec<u8> {
    format!("GET /orders/{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100 << 10)).into_bytes()
}

fn framing(headers: &str) -> Vec<u8> {
    format!("{BODY}{headers}\r\nconnection: close\r\n\r\nnonsense").into_bytes()
}

/// Many requests in one piece, then all their answers.
async fn pipelined(target: Target) -> Seen {
    let clock = TokioClock::system();
    let requests = "GET /orders/x HTTP/1.1\r\nhost: x\r\n\r\n".repeat(999)
        + "GET /products HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut seen = Seen::default();
    while clock.elapsed() < target.lasts {
        let Ok(stream) = connect(&target, &clock).await else { continue };
        let (mut read, mut write) = stream.into_split();
        let sending = async {
            let _ = write.write_all(requests.as_bytes()).await;
        };
        let mut answers = vec![];
        let _ = timeout(&clock, PATIENCE, async {
            tokio::join!(sending, tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answers))
        })
        .await;
        let (good, all) = (statuses(&answers).iter().filter(|status| *status == "404").count(), statuses(&answers));
        seen.note(all.last().map_or("closed", String::as_str));
        if good != 999 {
            seen.wrong.push(format!("{good} of 999 pipelined requests were answered"));
        }
    }
    seen
}

/// Asks on and on and never reads an answer.
async fn unread(target: Target) -> Seen {
    let clock = TokioClock::system();
    let requests = "GET /products HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    let one = async || {
        let mut seen = Seen::default();
        while clock.elapsed() < target.lasts {
            let Ok(mut stream) = connect(&target, &clock).await else { continue };
            let asking = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
            let left = target.lasts.saturating_sub(clock.elapsed());
            seen.note(if timeout(&clock, left, asking).await.is_ok() { "closed" } else { "still held" });
        }
        seen
    };
    Seen::sum(futures_util::future::join_all((0..32).map(|_| one())).await)
}

/// Asks the provider simulator for what it never answers, on more connections than are answered at once.
async fn unanswered(target: Target) -> Seen {
    let clock = TokioClock::system();
    let wanted =
        r#"{"amount":1,"currency":"EUR","payment_method":"pm_lost_request","capture_method":"manual","confirm":true}"#;
    let request = format!(
        "POST /psp/v1/payment_intents HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{wanted}",
        wanted.len()
    );
    let one = async || {
        let mut seen = Seen::default();
        if let Ok(mut stream) = connect(&target, &clock).await {
            let _ = stream.write_all(request.as_bytes()).await;
            let answer = rest(&mut stream, &clock, 2 * PATIENCE).await;
            statuses(&answer).iter().for_each(|status| seen.note(status));
        }
        seen
    };
    Seen::sum(futures_util::future::join_all((0..target.connections * 3 / 2).map(|_| one())).await)
}
