//! A console over made-up sagas, a minute after 1970 began.

#![allow(dead_code, reason = "each test file uses a part")]

use crate::fake::Fake;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use partita_console::About;
use partita_saga::{Class, SagaDetail, SagaRow, StepView, TimelineEntry};
use partita_time::{Entropy, Host, TaskGroup, Timestamp, TokioClock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;

pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub struct Console {
    pub fake: Arc<Fake>,
    pub router: Router,
    pub stop: watch::Sender<bool>,
    pub host: Host,
}

impl Console {
    pub fn new() -> Self {
        Self::over(Fake::new(), 1)
    }

    /// Another run of the process has another seed.
    pub fn over(fake: Arc<Fake>, seed: u64) -> Self {
        let host = Host {
            clock: Arc::new(TokioClock::anchored(Timestamp::from_millis(60_000))),
            spawner: Arc::new(TaskGroup::new()),
            entropy: Arc::new(Entropy::seeded(seed)),
        };
        let (stop, stopping) = watch::channel(false);
        let empty_hint = "curl -d '{\"a\":1}' <here>".to_owned();
        let about = About { system: "shop".into(), empty_hint, stopping };
        Self { router: partita_console::router(fake.clone(), about, &host), fake, stop, host }
    }

    pub async fn get(&self, path: &str) -> Page {
        self.request("GET", path, None).await
    }

    pub async fn request(&self, method: &str, path: &str, last: Option<&str>) -> Page {
        let (status, headers, body) = self.send(method, path, last).await;
        let bytes = body.collect().await.unwrap().to_bytes();
        Page { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// A live stream, open.
    pub async fn events(&self, query: &str, last: Option<&str>) -> Events {
        let (status, headers, body) = self.send("GET", &format!("/console/events?{query}"), last).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "text/event-stream");
        Events(body, self.host.clone())
    }

    async fn send(&self, method: &str, path: &str, last: Option<&str>) -> (StatusCode, HeaderMap, Body) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (answer.status(), answer.headers().clone(), answer.into_body())
    }
}

pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn has(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "no {part} in {}", self.text);
        self
    }

    pub fn lacks(&self, part: &str) -> &Self {
        assert!(!self.text.contains(part), "{part} in {}", self.text);
        self
    }

    pub fn at(&self, part: &str) -> usize {
        self.text.find(part).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// What stands between this and the next quote.
    pub fn attribute(&self, begin: &str) -> String {
        self.text[self.at(begin) + begin.len()..].split('"').next().unwrap().to_owned()
    }
}

pub struct Events(Body, Host);

impl Events {
    /// The next chunk that comes within `wait`; `None` if none does. Panics if the stream ends.
    pub async fn within(&mut self, wait: Duration) -> Option<String> {
        let clock = self.1.clock.clone();
        let next = partita_time::timeout(&*clock, wait, self.chunk()).await.ok()?;
        Some(next.unwrap())
    }

    /// The next chunk; `None` when the stream ended.
    pub async fn chunk(&mut self) -> Option<String> {
        let bytes: Bytes = self.0.frame().await?.unwrap().into_data().unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }
}

/// Kinds of the events in a chunk.
pub fn kinds(chunk: &str) -> Vec<&str> {
    chunk.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
}

/// The only id in a chunk.
pub fn id(chunk: &str) -> String {
    let ids: Vec<&str> = chunk.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids.len(), 1, "{chunk}");
    ids[0].to_owned()
}

pub fn saga(id: &str, class: Class, started: i64) -> SagaDetail {
    let row = SagaRow {
        id: id.into(),
        name: "checkout".into(),
        version: 3,
        class,
        started_at: Timestamp::from_millis(started),
        changed_at: Timestamp::from_millis(started + 5),
        reason: None,
        due: (class == Class::Waiting).then_some(Timestamp::from_millis(90_500)),
    };
    let state = "{\"total\":998}".into();
    SagaDetail { row, deadline: None, waiting_for: None, steps: vec![], timeline: vec![], state }
}

pub fn step(name: &str, state: &'static str) -> StepView {
    StepView {
        name: name.into(),
        kind: "compensatable",
        state,
        attempts: 2,
        undo_attempts: 1,
        started_at: Some(Timestamp::from_millis(1_010)),
        ended_at: None,
        note: None,
    }
}

pub fn entry(at: i64, step: Option<&str>, event: &'static str, detail: Option<&str>) -> TimelineEntry {
    let at = Timestamp::from_millis(at);
    TimelineEntry { at, step: step.map(Into::into), event, attempt: None, detail: detail.map(Into::into) }
}
