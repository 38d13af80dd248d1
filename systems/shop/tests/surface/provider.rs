//! The provider simulator.

use crate::common::http::{Answer, Ask};
use crate::common::{Shop, Watch, fresh, shared, until};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;

const INTENTS: &str = "/psp/v1/payment_intents";

fn wanted(order_id: &str, method: &str) -> Value {
    json!({
        "amount": 1250, "currency": "EUR", "payment_method": method, "capture_method": "manual", "confirm": true,
        "metadata": {"order_id": order_id},
    })
}

fn create(shop: &Shop, order_id: &str, method: &str) -> Ask {
    shop.post(INTENTS).json(&wanted(order_id, method))
}

fn act(shop: &Shop, id: &Value, verb: &str) -> Ask {
    shop.post(&format!("{INTENTS}/{}/{verb}", id.as_str().unwrap())).text("{}")
}

/// Sends a request without waiting for its answer.
fn send_only(shop: &Shop, ask: &Ask) -> TcpStream {
    let mut stream = TcpStream::connect(shop.address).unwrap();
    stream.write_all(&ask.bytes()).unwrap();
    stream
}

#[track_caller]
fn error(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, body["error"]["code"].as_str()), (status, Some(code)), "{body}");
    assert!(body["error"]["type"].is_string() && body["error"]["message"].is_string(), "{body}");
    body
}

#[track_caller]
fn good(answer: &Answer, status: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, body["status"].as_str()), (200, Some(status)), "{body}");
    body
}

#[test]
fn an_intent_is_authorized_captured_and_read() {
    let shop = shared();
    let order = fresh("o");
    let intent = good(&create(&shop, &order, "pm_ok").send(), "requires_capture");
    let id = &intent["id"];
    let row = json!({"id": id, "order_id": order, "status": "requires_capture", "amount": 1250, "amount_received": 0, "amount_refunded": 0});
    let listed = &shop.intents(&order)[0];
    for (name, value) in row.as_object().unwrap() {
        assert_eq!((&intent[name], &listed[name]), (value, value), "{name}");
    }
    let captured = good(&act(&shop, id, "capture").send(), "succeeded");
    assert_eq!((&captured["amount_received"], &captured["amount_refunded"]), (&json!(1250), &json!(0)));
    good(&shop.get(&format!("{INTENTS}/{}", id.as_str().unwrap())), "succeeded");
    error(&act(&shop, id, "capture").send(), 400, "payment_intent_unexpected_state");
    error(&act(&shop, id, "cancel").send(), 400, "payment_intent_unexpected_state");
    let other = good(&create(&shop, &order, "pm_ok").send(), "requires_capture");
    good(&act(&shop, &other["id"], "cancel").send(), "canceled");
    error(&act(&shop, &other["id"], "capture").send(), 400, "payment_intent_unexpected_state");
    assert_eq!(shop.intents(&order).len(), 2, "a create without a key makes a new intent");
}

#[test]
fn a_key_gives_the_same_answer_for_the_same_parameters_of_one_route() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    let first = create(&shop, &order, "pm_ok").key(&key).send();
    let again = create(&shop, &order, "pm_ok").key(&key).send();
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other = create(&shop, &order, "pm_declined").key(&key).send();
    assert_eq!(error(&other, 400, "idempotency_error")["error"]["type"], "idempotency_error");
    let id = &first.json()["id"];
    for replayed in [None, Some("true")] {
        let captured = act(&shop, id, "capture").key(&key).send();
        good(&captured, "succeeded");
        assert_eq!(captured.header("idempotent-replayed"), replayed);
    }
    let second = create(&shop, &order, "pm_ok").key(&fresh("k")).send();
    assert_ne!(&second.json()["id"], id);
    assert_eq!(shop.intents(&order).len(), 2, "a new key makes a new intent");
}

#[test]
fn a_declined_card_is_a_402_that_is_kept_under_its_key() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    for replayed in [None, Some("true")] {
        let answer = create(&shop, &order, "pm_declined").key(&key).send();
        error(&answer, 402, "card_declined");
        assert_eq!(answer.header("idempotent-replayed"), replayed);
    }
    let intents = shop.intents(&order);
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &json!("requires_payment_method")));
    for method in ["pm_capture_declined", "pm_undo_fails"] {
        let intent = good(&create(&shop, &fresh("o"), method).send(), "requires_capture");
        error(&act(&shop, &intent["id"], "capture").send(), 402, "card_declined");
        let cancelled = act(&shop, &intent["id"], "cancel").key("k").send();
        match method {
            "pm_undo_fails" => assert_eq!(cancelled.status, 503),
            _ => assert_eq!(good(&cancelled, "canceled")["id"], intent["id"]),
        }
    }
}

#[test]
fn a_flaky_provider_answers_503_twice_without_effect_and_never_keeps_that() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    let send = || create(&shop, &order, "pm_flaky").key(&key).send();
    assert_eq!((send().status, send().status, shop.intents(&order).len()), (503, 503, 0));
    let third = send();
    assert_eq!(third.header("idempotent-replayed"), None);
    let intent = good(&third, "requires_capture");
    let statuses = [503, 503, 200].map(|status| (act(&shop, &intent["id"], "capture").key(&key).send().status, status));
    assert!(statuses.iter().all(|(got, expected)| got == expected), "{statuses:?}");
}

#[test]
fn a_lost_reply_has_its_effect_and_its_key_answers_at_once() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    let ask = create(&shop, &order, "pm_lost_reply").key(&key);
    let _held = send_only(&shop, &ask);
    until(5.0, "the effect is there", || (shop.intents(&order).len() == 1).then_some(()));
    let watch = Watch::start();
    let again = ask.send();
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    let capture = act(&shop, &again.json()["id"], "capture").key(&key);
    let _held = send_only(&shop, &capture);
    until(5.0, "it is captured", || (shop.intents(&order)[0]["status"] == "succeeded").then_some(()));
    good(&capture.send(), "succeeded");
    assert!(watch.secs() < 5.0, "it took {} s", watch.secs());
}

#[test]
fn a_lost_request_has_no_effect_and_its_key_is_a_new_request() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    let ask = create(&shop, &order, "pm_lost_request").key(&key);
    let held = send_only(&shop, &ask);
    let stays_silent = |mut stream: TcpStream| {
        stream.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
        std::io::Read::read(&mut stream, &mut [0; 1]).is_err()
    };
    assert!(stays_silent(held), "there was a reply");
    assert_eq!(shop.intents(&order).len(), 0);
    let made = ask.send();
    assert_eq!((made.status, made.header("idempotent-replayed")), (200, None));
    let capture = act(&shop, &made.json()["id"], "capture").key(&key);
    assert!(stays_silent(send_only(&shop, &capture)), "there was a reply");
    assert_eq!(shop.intents(&order)[0]["status"], "requires_capture");
    good(&capture.send(), "succeeded");
}

pub(crate) fn a_slow_intent_is_processing_for_5_s_and_its_key_in_use() {
    let shop = shared();
    let (order, key) = (fresh("o"), fresh("k"));
    let ask = create(&shop, &order, "pm_slow").key(&key);
    let watch = Watch::start();
    let first = std::thread::scope(|scope| {
        let first = scope.spawn(|| ask.send());
        let id = until(4.0, "the intent is there", || shop.intents(&order).first().map(|intent| intent["id"].clone()));
        assert_eq!(shop.intents(&order)[0]["status"], "processing");
        assert_eq!(ask.send().status, 409);
        error(&act(&shop, &id, "cancel").send(), 400, "payment_intent_unexpected_state");
        error(&act(&shop, &id, "capture").send(), 400, "payment_intent_unexpected_state");
        first.join().unwrap()
    });
    good(&first, "requires_capture");
    assert!((4.9..8.0).contains(&watch.secs()), "it took {} s", watch.secs());
    let again = ask.send();
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
}

#[test]
fn the_provider_has_errors_of_its_own_form() {
    let shop = shared();
    let missing = json!({"amount": 1, "currency": "EUR", "capture_method": "manual", "confirm": true});
    error(&shop.post(INTENTS).json(&missing).send(), 400, "parameter_missing");
    for (name, value) in
        [("amount", json!("1")), ("amount", json!(0)), ("payment_method", json!("pm_x")), ("confirm", json!(false))]
    {
        let mut body = wanted("o", "pm_ok");
        body[name] = value;
        error(&shop.post(INTENTS).json(&body).send(), 400, "parameter_invalid");
    }
    for path in [format!("{INTENTS}/pi_nope"), "/psp/v1/nope".to_owned(), "/psp/v1/".to_owned()] {
        error(&shop.get(&path), 404, "resource_missing");
    }
    for (query, code) in [
        ("", "parameter_missing"),
        ("?order_id=a&limit=0", "parameter_unknown"),
        ("?order_id=a&order_id=b", "parameter_invalid"),
    ] {
        error(&shop.get(&format!("{INTENTS}{query}")), 400, code);
    }
    let list = shop.get(&format!("{INTENTS}?order_id=never"));
    assert_eq!((list.status, &list.json()["data"]), (200, &json!([])));
    let answer = shop.ask("DELETE", INTENTS).send();
    assert_eq!((answer.status, answer.header("allow").is_some()), (405, true));
}
