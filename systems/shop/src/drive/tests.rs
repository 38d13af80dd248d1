//! A run against a shop that is made up, in virtual time.

use super::*;
use bytes::Bytes;
use http::{Request, Response};
use partita::core::{Effect, Error, ErrorKind};
use partita::http::Transport;
use partita::time::{BoxFuture, Entropy, TaskGroup, Timestamp, TokioClock};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A shop that ends each order as it should, and has faults to choose from.
#[derive(Debug)]
struct Fake {
    host: Host,
    faults: Faults,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Faults {
    /// How long an order takes; for ever when there is none.
    ends_after: Option<Duration>,
    /// No connection in this time.
    away: (Duration, Duration),
    /// Each order is taken, and the first reply to it lost.
    loses_first_reply: bool,
    /// So many times each order is answered 503.
    later: u32,
    /// What is answered when an ended order is read again.
    again: Option<(u16, &'static str)>,
}

const NONE: Faults = Faults {
    ends_after: Some(Duration::from_millis(10)),
    away: (Duration::MAX, Duration::MAX),
    loses_first_reply: false,
    later: 0,
    again: None,
};

#[derive(Debug, Default)]
struct Seen {
    tries: BTreeMap<String, u32>,
    accepted: BTreeMap<String, Duration>,
    unfinished: usize,
    most_unfinished: usize,
}

impl Fake {
    async fn answer(self: Arc<Self>, request: Request<Bytes>) -> partita::core::Result<Response<Bytes>> {
        let now = self.host.clock.elapsed();
        if (self.faults.away.0..self.faults.away.1).contains(&now) {
            return Err(Error::new(ErrorKind::Unavailable, "no connection").effect(Effect::None));
        }
        match request.uri().path() {
            "/products" => Ok(reply(200, r#"{"products":[{"sku":"mug"},{"sku":"scarce"},{"sku":"sold-out"}]}"#)),
            "/orders" => self.place(request.headers()["idempotency-key"].to_str().unwrap()),
            path => Ok(self.look(path.trim_start_matches("/orders/").to_owned(), &request).await),
        }
    }

    fn place(&self, key: &str) -> partita::core::Result<Response<Bytes>> {
        let mut seen = self.seen.lock().unwrap();
        let tries = seen.tries.entry(key.to_owned()).or_default();
        *tries += 1;
        let first = *tries == 1;
        if *tries <= self.faults.later {
            return Ok(reply(503, ""));
        }
        let id = key.replace("drive", "order");
        if seen.accepted.insert(id.clone(), self.host.clock.elapsed()).is_none() {
            seen.unfinished += 1;
            seen.most_unfinished = seen.most_unfinished.max(seen.unfinished);
        }
        if first && self.faults.loses_first_reply {
            return Err(Error::new(ErrorKind::Unavailable, "no reply"));
        }
        Ok(reply(202, &format!(r#"{{"order_id":"{id}","status":"PENDING"}}"#)))
    }

    async fn look(&self, id: String, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(prefer) = request.headers().get("prefer") else {
            let (status, body) = self.faults.again.unwrap_or((200, self.body(&id)));
            return reply(status, body);
        };
        let hold = Duration::from_secs(prefer.to_str().unwrap().trim_start_matches("wait=").parse().unwrap());
        let since = self.seen.lock().unwrap().accepted[&id];
        let end = self.faults.ends_after.map(|after| (since + after).saturating_sub(self.host.clock.elapsed()));
        self.host.clock.sleep(end.unwrap_or(hold).min(hold)).await;
        if end.is_none_or(|end| end > hold) {
            return reply(200, self.body(&id));
        }
        self.seen.lock().unwrap().unfinished -= 1;
        reply(200, self.body(&id))
    }

    fn body(&self, id: &str) -> &'static str {
        let age = self.host.clock.elapsed().saturating_sub(self.seen.lock().unwrap().accepted[id]);
        if self.faults.ends_after.is_some_and(|after| age >= after) {
            return r#"{"status":"CONFIRMED","reason":null,"timeline":[]}"#;
        }
        r#"{"status":"PENDING","reason":null,"timeline":[]}"#
    }
}

fn reply(status: u16, body: &str) -> Response<Bytes> {
    let response = Response::builder().status(status).header("retry-after", "2");
    response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

#[derive(Debug)]
struct Wire(Arc<Fake>);

impl Transport for Wire {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, partita::core::Result<Response<Bytes>>> {
        Box::pin(self.0.clone().answer(request))
    }
}

struct Drove {
    fake: Arc<Fake>,
    outcome: Result<DriveOutcome, GaveUp>,
    took: Duration,
    log: Vec<Accepted>,
}

impl Drove {
    fn report(&self) -> DriveReport {
        self.outcome.as_ref().unwrap().report
    }
}

/// Twenty orders, five at once, with a patience of a minute.
async fn driven(faults: Faults) -> Drove {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accepted.log");
    let host = Host {
        clock: Arc::new(TokioClock::anchored(Timestamp::default())),
        spawner: Arc::new(TaskGroup::new()),
        entropy: Arc::new(Entropy::seeded(1)),
    };
    let fake = Arc::new(Fake { host: host.clone(), faults, seen: Mutex::default() });
    let client = Client::over(Arc::new(Wire(fake.clone())), &host);
    let link = Arc::new(Link::new(client, &host, "http://shop", Duration::from_secs(60)));
    let (mix, log) = ("ok=1".parse().unwrap(), Some(path.clone()));
    let options =
        DriveOptions { url: "http://shop".into(), orders: 20, concurrency: 5, mix, seed: 1, log, late_ends: false };
    let outcome = drive(&options, link, &ProgressBar::hidden()).await;
    let log = if path.exists() { read_accepted(&path).unwrap().accepted } else { vec![] };
    Drove { fake, outcome, took: host.clock.elapsed(), log }
}

#[tokio::test(start_paused = true)]
async fn every_order_is_placed_once_listed_once_and_no_more_are_under_way_than_asked_for() {
    let drove = driven(NONE).await;
    let seen = drove.fake.seen.lock().unwrap();
    assert!(drove.outcome.as_ref().unwrap().ok);
    assert_eq!((drove.report().placed, drove.report().confirmed, drove.log.len()), (20, 20, 20));
    assert_eq!((seen.accepted.len(), seen.most_unfinished), (20, 5));
}

#[tokio::test(start_paused = true)]
async fn an_order_whose_reply_was_lost_is_sent_again_with_its_key_and_stays_one_order() {
    let drove = driven(Faults { loses_first_reply: true, ..NONE }).await;
    let seen = drove.fake.seen.lock().unwrap();
    assert!(drove.outcome.as_ref().unwrap().ok);
    assert!(seen.tries.values().all(|tries| *tries == 2), "{:?}", seen.tries);
    assert_eq!((seen.accepted.len(), drove.log.len()), (20, 20));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_within_the_patience_is_waited_for() {
    let away = (Duration::from_millis(5), Duration::from_secs(50));
    let drove = driven(Faults { away, ..NONE }).await;
    assert!(drove.outcome.as_ref().unwrap().ok);
    assert!(drove.took < Duration::from_secs(52), "{:?}", drove.took);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_given_up_and_what_it_had_accepted_is_unended() {
    let drove = driven(Faults { away: (Duration::from_millis(5), Duration::MAX), ..NONE }).await;
    let gave_up = drove.outcome.as_ref().unwrap().gave_up.clone().unwrap();
    assert!(gave_up.0.contains("no answer from http://shop for 60 s (--patience)"), "{gave_up}");
    assert!((60..62).contains(&drove.took.as_secs()), "{:?}", drove.took);
    assert!(!drove.outcome.as_ref().unwrap().ok);
    assert_eq!(drove.report().placed, drove.report().confirmed + drove.report().unended);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_later_is_asked_again_when_it_said() {
    let drove = driven(Faults { later: 2, ..NONE }).await;
    assert!(drove.outcome.as_ref().unwrap().ok);
    assert!(drove.report().accept_ms.p50 > 3_990.0, "{:?}", drove.report().accept_ms);
    let never = driven(Faults { later: u32::MAX, ..NONE }).await;
    let gave_up = never.outcome.as_ref().unwrap().gave_up.clone().unwrap();
    assert_eq!(gave_up.0, "http://shop answers, but only 503 for 120 s");
}

#[tokio::test(start_paused = true)]
async fn an_order_without_an_end_is_unended_after_120_s_with_a_server() {
    let drove = driven(Faults { ends_after: None, ..NONE }).await;
    assert_eq!((drove.report().unended, drove.report().wrong_end, drove.report().lost), (20, 0, 0));
    assert!((480..500).contains(&drove.took.as_secs()), "four rounds of five: {:?}", drove.took);
    let away = (Duration::from_secs(50), Duration::from_secs(90));
    let longer = driven(Faults { ends_after: None, away, ..NONE }).await;
    let more = longer.took.saturating_sub(drove.took).as_secs();
    assert!((28..34).contains(&more), "time without a server does not count: {more} s more");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_gone_or_changed_in_the_end_is_lost() {
    for again in [(404, ""), (200, r#"{"status":"CANCELLED","reason":null}"#)] {
        let drove = driven(Faults { again: Some(again), ..NONE }).await;
        assert_eq!((drove.report().lost, drove.report().confirmed), (20, 20));
        assert!(!drove.outcome.as_ref().unwrap().ok);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_server_at_the_start_the_run_ends_at_once_and_names_the_command() {
    let drove = driven(Faults { away: (Duration::ZERO, Duration::MAX), ..NONE }).await;
    assert!(
        drove.outcome.as_ref().unwrap_err().0.contains("start one with: shop --listen shop"),
        "{:?}",
        drove.outcome
    );
    assert!(drove.took < Duration::from_secs(3));
    assert!(drove.log.is_empty());
}
