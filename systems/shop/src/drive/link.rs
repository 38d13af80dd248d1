//! Asks a server that may be gone for a while.

use super::presence::Presence;
use http::header::RETRY_AFTER;
use partita::core::{Error, ErrorKind};
use partita::http::{Call, Client, Reply};
use partita::time::{Backoff, Host};
use std::fmt;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Requests under way at once. The server answers 1,024 at once; some are left for others.
const AT_ONCE: usize = 768;

/// A server that is there and only ever says "later" is given up after this time.
const ONLY_LATER: Duration = Duration::from_secs(120);

/// How soon a lost request is sent again: quickly at first, so that a restart is noticed.
const BACKOFF: Backoff = Backoff { initial: Duration::from_millis(50), max: Duration::from_millis(500) };

/// Why a run ended before its work was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GaveUp(pub String);

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A server, and how patient one is with it.
#[derive(Debug)]
pub struct Link {
    client: Client,
    host: Host,
    url: String,
    patience: Duration,
    presence: Presence,
    room: Semaphore,
}

impl Link {
    /// To a server; `url` is how it is called in messages.
    pub fn new(client: Client, host: &Host, url: &str, patience: Duration) -> Self {
        let (presence, room) = (Presence::default(), Semaphore::new(AT_ONCE));
        Self { client, host: host.clone(), url: url.to_owned(), patience, presence, room }
    }

    /// The machine that it runs on.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Time on the machine's clock.
    pub(super) fn now(&self) -> Duration {
        self.host.clock.elapsed()
    }

    /// Time on a clock that stands still while the server is away.
    pub(super) fn present(&self) -> Duration {
        self.presence.present(self.now())
    }

    /// Whether nobody got an answer since a connection was lost. An answer that is held back would not tell for long.
    pub(super) fn is_away(&self) -> bool {
        self.presence.is_away()
    }

    /// Sends the same request until there is an answer other than "later".
    ///
    /// # Errors
    /// Nobody got an answer for as long as patience lasts, the server only ever said "later", or the request can never be
    /// sent.
    pub(super) async fn ask(&self, request: impl Fn(&Client) -> Call) -> Result<Reply, GaveUp> {
        let first = self.present();
        let mut tries = 0_u32;
        loop {
            match self.once(&request).await {
                Ok(reply) => {
                    let Some(wait) = later(&reply) else { return Ok(reply) };
                    if self.present().saturating_sub(first) >= ONLY_LATER {
                        return Err(self.only_later(&reply));
                    }
                    tries = 0;
                    self.host.clock.sleep(wait).await;
                }
                Err(error) => {
                    self.lost(&error)?;
                    tries = tries.saturating_add(1);
                    self.host.clock.sleep(BACKOFF.wait(tries, &self.host.entropy)).await;
                }
            }
        }
    }

    /// Sends a request once. Whatever comes back is an answer.
    pub(super) async fn once(&self, request: impl Fn(&Client) -> Call) -> Result<Reply, Error> {
        let _room = self.room.acquire().await;
        let reply = request(&self.client).send().await?;
        self.presence.answered(self.now());
        Ok(reply)
    }

    fn lost(&self, error: &Error) -> Result<(), GaveUp> {
        if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) {
            return Err(GaveUp(format!("{} cannot be asked: {error}", self.url)));
        }
        let away = self.presence.lost(self.now());
        if away < self.patience {
            return Ok(());
        }
        let (url, seconds) = (&self.url, away.as_secs());
        Err(GaveUp(format!("no answer from {url} for {seconds} s (--patience): {error}")))
    }

    fn only_later(&self, reply: &Reply) -> GaveUp {
        let seconds = ONLY_LATER.as_secs();
        GaveUp(format!("{} answers, but only {} for {seconds} s", self.url, described(reply)))
    }
}

/// A status, with the reason where one was given.
pub(super) fn described(reply: &Reply) -> String {
    let status = reply.status.as_u16();
    match reply.problem() {
        Some(problem) if problem.detail.is_empty() => format!("{status} {}", problem.slug),
        Some(problem) => format!("{status} {} ({})", problem.slug, problem.detail),
        None => status.to_string(),
    }
}

/// How long to wait when the answer is "later". A 409 is one only while the first request with the same key runs.
fn later(reply: &Reply) -> Option<Duration> {
    let told = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let wait = || Duration::from_secs(told.unwrap_or(1).min(30));
    match reply.status.as_u16() {
        408 | 425 | 429 | 500..=599 => Some(wait()),
        409 if reply.problem().is_some_and(|problem| problem.slug == "key-in-flight") => Some(wait()),
        _ => None,
    }
}
