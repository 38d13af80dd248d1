//! Keeps a page current: a stream of server-sent events (WHATWG HTML, section 9.2) that carries only what changed.
//!
//! The stream keeps what its client shows. A change, or a lag behind the changes, makes it look again; it sends the
//! difference. So it needs no queue of its own, however fast sagas change.

use crate::console::Console;
use crate::pages::fragments;
use crate::view::{Snapshot, View};
use futures_util::{Stream, StreamExt, stream};
use partita_time::Timestamp;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;

/// Between two looks: at most four a second.
const PAUSE: Duration = Duration::from_millis(250);

/// Silence after which a comment shows that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How soon a browser comes back after the stream ended.
const RETRY: &str = "retry: 1000\n\n";

/// One client and what it shows.
pub(crate) struct Live {
    console: Arc<Console>,
    view: View,
    shown: Snapshot,
    changes: Receiver<Arc<str>>,
    stopping: watch::Receiver<bool>,
    looked_at: Duration,
    sent_at: Duration,
    permit: Option<OwnedSemaphorePermit>,
}

enum Wake {
    Changed,
    Elsewhere,
    Quiet,
    End,
}

impl Live {
    /// `changes` was subscribed to before `shown` was read, so that nothing is missed in between.
    pub(crate) fn new(console: Arc<Console>, view: View, shown: Snapshot, changes: Receiver<Arc<str>>) -> Self {
        let stopping = console.about.stopping.clone();
        let now = console.clock.elapsed();
        Self { console, view, shown, changes, stopping, looked_at: now, sent_at: now, permit: None }
    }

    /// Gives the permit back when the stream ends.
    pub(crate) fn holding(mut self, permit: OwnedSemaphorePermit) -> Self {
        self.permit = Some(permit);
        self
    }

    /// All that is sent; `last` is the id of the last event that the client has seen.
    pub(crate) fn frames(self, last: Option<&str>) -> impl Stream<Item = Result<String, Infallible>> + Send + 'static {
        let mut hello = RETRY.to_owned();
        let id = self.console.event_id(&self.shown);
        if last != Some(id.as_str()) {
            hello.push_str(&encode(&fragments::all(&self.shown, self.now()), &id));
        }
        let rest = stream::unfold(self, async |mut live| live.next().await.map(|frames| (Ok(frames), live)));
        stream::once(async { Ok(hello) }).chain(rest)
    }

    fn now(&self) -> Timestamp {
        self.console.now()
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            let frames = match self.wake().await {
                Wake::End => return None,
                Wake::Elsewhere => None,
                Wake::Quiet => Some(": still here\n\n".to_owned()),
                Wake::Changed => self.look().await?,
            };
            if frames.is_some() {
                self.sent_at = self.console.clock.elapsed();
                return frames;
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let silent = self.console.clock.elapsed().saturating_sub(self.sent_at);
        let Some(quiet) = HEARTBEAT.checked_sub(silent).filter(|left| !left.is_zero()) else {
            return Wake::Quiet;
        };
        tokio::select! {
            biased;
            () = stopped(&mut self.stopping) => Wake::End,
            change = self.changes.recv() => match change {
                Ok(id) if !self.view.shows(&id) => Wake::Elsewhere,
                Ok(_) | Err(RecvError::Lagged(_)) => Wake::Changed,
                Err(RecvError::Closed) => Wake::End,
            },
            () = self.console.clock.sleep(quiet) => Wake::Quiet,
        }
    }

    /// Looks again, not too soon; `Some(None)` if nothing is different, `None` if the stream ends.
    async fn look(&mut self) -> Option<Option<String>> {
        let since = self.console.clock.elapsed().saturating_sub(self.looked_at);
        tokio::select! {
            biased;
            () = stopped(&mut self.stopping) => return None,
            () = self.console.clock.sleep(PAUSE.saturating_sub(since)) => {}
        }
        self.changes = self.changes.resubscribe();
        self.looked_at = self.console.clock.elapsed();
        let seen = self.view.read(&*self.console.sagas).await.ok()??;
        let events = fragments::changed(&self.shown, &seen, self.now());
        self.shown = seen;
        let id = self.console.event_id(&self.shown);
        Some((!events.is_empty()).then(|| encode(&events, &id)))
    }
}

/// A sender that is gone never stops anybody.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One thing for the script to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) data: String,
}

/// Only the last event has the id, so that a client that was cut off in the middle gets all of them again.
fn encode(events: &[Event], id: &str) -> String {
    let mut out = String::new();
    for (index, event) in events.iter().enumerate() {
        if index + 1 == events.len() {
            out.extend(["id: ", id, "\n"]);
        }
        out.extend(["event: ", event.kind, "\n"]);
        for line in event.data.split(['\n', '\r']) {
            out.extend(["data: ", line, "\n"]);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_can_not_leave_its_event() {
        let events =
            [Event { kind: "gone", data: "a".into() }, Event { kind: "row", data: "b\nevent: x\r\rdata: y".into() }];
        let expected = "event: gone\ndata: a\n\nid: 7\nevent: row\ndata: b\ndata: event: x\ndata: \ndata: data: y\n\n";
        assert_eq!(encode(&events, "7"), expected);
    }
}
