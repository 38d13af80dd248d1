//! A plain HTTP/1.1 client: one request a connection, every byte as the test says.

use serde_json::Value;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(40);

/// A request in the making.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Ask {
    to: SocketAddr,
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    is_ours: bool,
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Sends bytes and reads until the answer is whole or the server closes.
pub(crate) fn exchange(to: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    let mut answer = vec![];
    let mut buffer = [0; 16_384];
    while !is_whole(&answer) {
        match stream.read(&mut buffer)? {
            0 => break,
            read => answer.extend(&buffer[..read]),
        }
    }
    Ok(answer)
}

/// Whether an answer of a known length is there: some servers keep the connection, whatever they are asked.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(answer) = Answer::parse(bytes) else { return false };
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    length.is_some_and(|length: usize| answer.body.len() >= length)
}

impl Ask {
    pub(crate) fn new(to: SocketAddr, method: &str, path: &str) -> Self {
        Self { to, line: format!("{method} {path} HTTP/1.1"), headers: vec![], body: vec![], is_ours: true }
    }

    /// Asks another server than the shop: its answers are not described.
    pub(crate) fn elsewhere(self) -> Self {
        Self { is_ours: false, ..self }
    }

    /// Adds a header, also one that is there.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Sets a body of the type JSON, as it is written.
    pub(crate) fn text(self, body: impl AsRef<[u8]>) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\nhost: {}\r\nconnection: close\r\n", self.line, self.to).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if !self.headers.iter().any(|(name, _)| name == "transfer-encoding") {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    pub(crate) fn try_send(&self) -> io::Result<Answer> {
        let bytes = exchange(self.to, &self.bytes())?;
        let answer = Answer::parse(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if self.is_ours {
            super::described::holds(&self.line, &answer);
        }
        Ok(answer)
    }

    #[track_caller]
    pub(crate) fn send(&self) -> Answer {
        self.try_send().unwrap_or_else(|error| panic!("{}: {error}", self.line))
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..split]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Some(Self { status, headers: lines.filter_map(header).collect(), body: bytes[split + 4..].to_vec() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that it is a problem of the public form; what else it says.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{slug}"), "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        body
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.body_text())
    }
}
