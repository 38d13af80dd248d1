//! Payments and the provider together, in process, under paused time.

use super::router;
use crate::psp::tests::{World, text};
use axum::routing::get;
use partita::http::{Client, Reply};
use partita::time::Host;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Payments {
    psp: World,
    client: Client,
}

impl Payments {
    async fn new() -> Self {
        let psp = World::new().await;
        let routes = router(psp.client.clone());
        let client = Client::in_process(routes, &psp.env.host);
        Self { psp, client }
    }

    async fn authorize(&self, key: &str, method: &str) -> Reply {
        let body = json!({"order_id": "o", "amount": 1250, "currency": "EUR", "payment_method": method});
        self.client.post("/authorize").key(key).json(&body).send().await.unwrap()
    }

    async fn act(&self, key: &str, path: &str) -> Reply {
        self.client.post(path).key(key).json(&json!({"order_id": "o"})).send().await.unwrap()
    }

    async fn state(&self) -> String {
        text(&self.client.get("/authorization?order_id=o").send().await.unwrap(), "/state")
    }

    /// Repeats a call until it succeeds, as a saga that insists does; how many it took.
    async fn insist<F: Future<Output = Reply>>(&self, call: impl Fn() -> F) -> u32 {
        for attempt in 1..20 {
            if call().await.is_success() {
                return attempt;
            }
            self.psp.env.host.clock.sleep(Duration::from_millis(1_200)).await;
        }
        panic!("it never succeeds");
    }
}

fn kind(reply: &Reply) -> (u16, String) {
    let slug = text(reply, "/type").rsplit('/').next().unwrap_or_default().to_owned();
    (reply.status.as_u16(), slug)
}

#[tokio::test(start_paused = true)]
async fn an_ok_payment_is_authorized_captured_and_captured_again() {
    let payments = Payments::new().await;
    assert_eq!(payments.state().await, "none");
    let authorized = payments.authorize("s/authorize/1", "pm_ok").await;
    assert_eq!((authorized.status.as_u16(), text(&authorized, "/status").as_str()), (200, "requires_capture"));
    assert_eq!(payments.state().await, "authorized");
    for _ in 0..2 {
        let captured = payments.act("s/capture/1", "/capture").await;
        assert_eq!((captured.status.as_u16(), text(&captured, "/status").as_str()), (200, "succeeded"));
    }
    assert_eq!(payments.state().await, "captured");
    assert_eq!(kind(&payments.act("s/authorize/1", "/void").await), (409, "cannot-cancel".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn declined_payments_are_refused_by_name() {
    let payments = Payments::new().await;
    let refused = payments.authorize("k", "pm_declined").await;
    assert_eq!(kind(&refused), (422, "refused".to_owned()));
    assert_eq!(text(&refused, "/reason"), "payment_declined");
    assert_eq!(payments.state().await, "declined");
    assert_eq!(payments.act("k", "/void").await.status, 200);
    assert_eq!(payments.state().await, "canceled");
}

#[tokio::test(start_paused = true)]
async fn a_declined_capture_is_refused_and_its_hold_voided() {
    let payments = Payments::new().await;
    assert!(payments.authorize("k", "pm_capture_declined").await.is_success());
    for _ in 0..2 {
        assert_eq!(kind(&payments.act("c", "/capture").await), (422, "refused".to_owned()));
    }
    for _ in 0..2 {
        assert!(payments.act("k", "/void").await.is_success());
    }
    assert_eq!(payments.psp.statuses("o").await, ["canceled"]);
    assert_eq!(kind(&payments.act("c", "/capture").await), (422, "refused".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_leaves_open_is_unfinished_and_the_same_key_finishes_it() {
    for (method, first, attempts) in [
        ("pm_lost_reply", (504, "timeout"), 1),
        ("pm_lost_request", (504, "timeout"), 1),
        ("pm_flaky", (502, "upstream"), 2),
        ("pm_slow", (504, "timeout"), 4),
    ] {
        let payments = Payments::new().await;
        let reply = payments.authorize("k", method).await;
        assert_eq!(kind(&reply), (first.0, first.1.to_owned()), "{method}");
        let tries = payments.insist(|| payments.authorize("k", method)).await;
        assert_eq!(tries, attempts, "{method}");
        payments.insist(|| payments.act("c", "/capture")).await;
        assert_eq!(payments.psp.statuses("o").await, ["succeeded"], "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_payment_is_no_answer_until_it_is_done() {
    let payments = Payments::new().await;
    assert_eq!(kind(&payments.authorize("k", "pm_slow").await), (504, "timeout".to_owned()));
    assert_eq!(kind(&payments.authorize("k", "pm_slow").await), (502, "upstream".to_owned()));
    assert_eq!(payments.state().await, "processing");
    assert_eq!(kind(&payments.act("k", "/void").await), (409, "key-in-flight".to_owned()));
    payments.psp.sleep(4).await;
    assert!(payments.act("k", "/void").await.is_success());
    assert_eq!(payments.psp.statuses("o").await, ["canceled"]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_stays_unfinished_and_a_flaky_one_ends() {
    let payments = Payments::new().await;
    payments.authorize("k", "pm_undo_fails").await;
    for _ in 0..4 {
        assert_eq!(kind(&payments.act("k", "/void").await), (502, "upstream".to_owned()));
    }
    let payments = Payments::new().await;
    payments.authorize("k", "pm_undo_flaky").await;
    assert_eq!(payments.insist(|| payments.act("k", "/void")).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_void_that_comes_first_finds_nothing_to_do_and_a_capture_says_so() {
    let payments = Payments::new().await;
    assert!(payments.act("k", "/void").await.is_success());
    assert_eq!(kind(&payments.act("c", "/capture").await), (404, "not-found".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_void_ends_every_intent_of_the_order() {
    let payments = Payments::new().await;
    for (key, method) in [("a", "pm_ok"), ("b", "pm_ok"), ("c", "pm_declined")] {
        payments.authorize(key, method).await;
    }
    assert_eq!(kind(&payments.act("c", "/capture").await), (409, "cannot-cancel".to_owned()));
    let voided: Value = payments.act("k", "/void").await.json().unwrap();
    assert_eq!(voided["canceled"].as_array().unwrap().len(), 3);
    assert_eq!(payments.psp.statuses("o").await, ["canceled"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_void_finds_every_intent_of_an_order_however_many_and_large() {
    let payments = Payments::new().await;
    payments.psp.create_largest(150, "o").await;
    let voided: Value = payments.act("k", "/void").await.json().unwrap();
    assert_eq!(voided["canceled"].as_array().unwrap().len(), 150);
}

#[tokio::test(start_paused = true)]
async fn a_capture_takes_the_payment_that_it_names_and_looks_for_what_became_of_it() {
    let payments = Payments::new().await;
    let first = text(&payments.authorize("a", "pm_ok").await, "/intent_id");
    payments.psp.sleep(1).await;
    payments.authorize("b", "pm_ok").await;
    let capture = async |key: &str| {
        let body = json!({"order_id": "o", "intent_id": first});
        payments.client.post("/capture").key(key).json(&body).send().await.unwrap()
    };
    for key in ["c", "c", "another"] {
        let captured = capture(key).await;
        assert_eq!((captured.status.as_u16(), text(&captured, "/intent_id")), (200, first.clone()), "{key}");
    }
    assert_eq!(payments.psp.statuses("o").await, ["succeeded", "requires_capture"]);
    let payments = Payments::new().await;
    let voided = text(&payments.authorize("a", "pm_ok").await, "/intent_id");
    assert!(payments.act("a", "/void").await.is_success());
    let body = json!({"order_id": "o", "intent_id": voided});
    let refused = payments.client.post("/capture").key("c").json(&body).send().await.unwrap();
    assert_eq!(kind(&refused), (422, "refused".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_gone_is_upstream() {
    let psp = World::new().await;
    let dead = router(Client::in_process(axum::Router::new(), &psp.env.host));
    let client = Client::in_process(dead, &psp.env.host);
    let reply = client.post("/void").key("k").json(&json!({"order_id": "o"})).send().await.unwrap();
    assert_eq!(kind(&reply), (502, "upstream".to_owned()));
}

/// A provider that lists so many intents at once, and says that more are behind them; how often it was asked.
fn endless(at_once: u64) -> (axum::Router, Arc<AtomicU64>) {
    /// Far behind any bound: who has none comes to an end all the same.
    const PAGES: u64 = 1_000;
    let asked: Arc<AtomicU64> = Arc::default();
    let counted = asked.clone();
    let list = async move || {
        let page = counted.fetch_add(1, Ordering::Relaxed);
        let intent = |number| json!({"id": format!("pi_{number}"), "status": "requires_capture"});
        let data: Vec<Value> = (page * at_once..(page + 1) * at_once).map(intent).collect();
        axum::Json(json!({"data": data, "has_more": page < PAGES}))
    };
    (axum::Router::new().route("/psp/v1/payment_intents", get(list)), asked)
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_upstream_and_asked_for_no_further() {
    let psp = World::new().await;
    for (at_once, pages, says) in
        [(100, 100, "more than 10000 payments"), (30, 334, "more than 10000 payments"), (0, 1, "lists nothing")]
    {
        let (provider, asked) = endless(at_once);
        let client = Client::in_process(router(Client::in_process(provider, &psp.env.host)), &psp.env.host);
        for times in 1..=2 {
            let reply = client.post("/void").key("k").json(&json!({"order_id": "o"})).send().await.unwrap();
            assert_eq!(kind(&reply), (502, "upstream".to_owned()), "{reply:?}");
            assert!(text(&reply, "/detail").contains(says), "{reply:?}");
            assert_eq!(asked.load(Ordering::Relaxed), times * pages, "{at_once} at once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defects_of_the_caller_are_named() {
    let payments = Payments::new().await;
    let keyless = payments.client.post("/void").json(&json!({"order_id": "o"})).send().await.unwrap();
    assert_eq!(kind(&keyless), (400, "key-missing".to_owned()));
    assert_eq!(kind(&payments.authorize("k", "pm_unknown").await), (400, "bad-request".to_owned()));
    assert!(payments.authorize("k", "pm_ok").await.is_success());
    assert_eq!(kind(&payments.authorize("k", "pm_declined").await), (422, "key-reused".to_owned()));
}

#[tokio::test]
async fn a_void_is_put_off_while_the_provider_cannot_be_reached() {
    let (host, _tasks) = Host::system();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Client::network(&format!("http://{free}"), &host).unwrap();
    let client = Client::in_process(router(gone), &host);
    for (path, slug, retry_after) in [("/void", "overloaded", true), ("/capture", "upstream", false)] {
        let reply = client.post(path).key("k").json(&json!({"order_id": "o"})).send().await.unwrap();
        assert_eq!(
            (kind(&reply).1.as_str(), reply.headers.contains_key("retry-after")),
            (slug, retry_after),
            "{reply:?}"
        );
    }
}
