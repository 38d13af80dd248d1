//! Idempotency keys: the same request is the same order.

use crate::common::{Shop, end, events, fresh, order, shared};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn the_same_request_gets_the_first_answer_again_and_says_so() {
    let shop = shared();
    let key = fresh("k");
    let send = |body: &str| shop.post("/orders").key(&key).text(body).send();
    let first = send(r#"{"customer_id":"ada","items":[{"sku":"notebook-a5","quantity":2}],"payment_method":"pm_ok"}"#);
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, None));
    let id = first.json()["order_id"].as_str().unwrap().to_owned();
    shop.settled(&id);
    let shuffled = "{ \"payment_method\" : \"pm_\\u006fk\",\n\t\"items\":[{\"quantity\":2,\"sku\":\"notebook-a5\"}], \"customer_id\":\"ada\"}";
    let again = send(shuffled);
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!((again.header("location"), &again.body), (first.header("location"), &first.body));
    assert_eq!((again.header("retry-after"), again.header("content-type")), (Some("1"), Some("application/json")));
    for other in ["2.0", "2e0", "3", "\"2\""] {
        let body = shuffled.replace("\"quantity\":2", &format!("\"quantity\":{other}"));
        send(&body).problem(422, "key-reused");
    }
    let twice = format!("{}, {}", r#"{"sku":"notebook-a5","quantity":2}"#, r#"{"sku":"scarce","quantity":1}"#);
    send(&format!(r#"{{"customer_id":"ada","items":[{twice}],"payment_method":"pm_ok"}}"#)).problem(422, "key-reused");
    send("{}").problem(422, "key-reused");
}

#[test]
fn a_refusal_leaves_the_key_unused() {
    let shop = shared();
    let key = fresh("k");
    let good = order("ada", "notebook-a5", 1, "pm_declined");
    shop.send(&key, &json!({"customer_id": "ada"})).problem(422, "invalid-order");
    shop.post("/orders").key(&key).text("{").send().problem(400, "bad-request");
    shop.post("/orders").key(&key).body(good.to_string()).send().problem(415, "unsupported-media-type");
    shop.post("/orders").key(&key).text(" ".repeat(70_000)).send().problem(413, "too-large");
    let answer = shop.send(&key, &good);
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (202, None));
}

#[test]
fn sixty_four_duplicates_at_once_are_one_order() {
    let shop = shared();
    let key = fresh("k");
    let ask = shop.post("/orders").key(&key).json(&order("many", "notebook-a5", 1, "pm_ok"));
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| ask.send())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    let others = answers.iter().filter(|answer| answer.status != 202);
    for other in others {
        other.problem(409, "key-in-flight");
        assert!(other.header("retry-after").is_some(), "{other:?}");
    }
    let orders: BTreeSet<_> = accepted.iter().map(|answer| answer.body_text()).collect();
    let firsts = accepted.iter().filter(|answer| answer.header("idempotent-replayed").is_none());
    assert_eq!((orders.len(), firsts.count()), (1, 1));
    let id = accepted[0].json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(end(&shop.settled(&id)), ("CONFIRMED", None));
    assert_eq!((shop.intents(&id).len(), shop.points("many")), (1, (8, 0)));
}

pub(crate) fn a_full_shop_is_overloaded_for_new_orders_and_still_knows_the_old_ones() {
    let shop = Shop::start_with(&["--max-unfinished", "1"]);
    let (key, slow) = (fresh("k"), order("ada", "notebook-a5", 1, "pm_slow"));
    let first = shop.send(&key, &slow);
    assert_eq!(first.status, 202);
    let (refused, other) = (fresh("k"), order("bob", "notebook-a5", 1, "pm_ok"));
    let full = shop.send(&refused, &other);
    full.problem(503, "overloaded");
    assert!(full.header("retry-after").is_some_and(|secs| secs.parse::<u32>().is_ok()), "{full:?}");
    shop.send(&fresh("k"), &json!({})).problem(422, "invalid-order");
    assert_eq!((shop.send(&key, &slow).status, shop.send(&key, &slow).body), (202, first.body.clone()));
    shop.send(&key, &other).problem(422, "key-reused");
    let id = first.json()["order_id"].as_str().unwrap().to_owned();
    shop.settled(&id);
    let now = crate::common::until(2.0, "there is room again", || {
        Some(shop.send(&refused, &other)).filter(|answer| answer.status == 202)
    });
    assert_eq!(now.header("idempotent-replayed"), None);
}

pub(crate) fn the_same_key_across_a_kill_is_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let (key, body) = (fresh("k"), order("ada", "notebook-a5", 4, "pm_slow"));
    let mut shop = Shop::on(folder.path(), &[]);
    let first = shop.send(&key, &body);
    let id = first.json()["order_id"].as_str().unwrap().to_owned();
    shop.paying(&id);
    shop.process.kill();
    let shop = Shop::on(folder.path(), &[]);
    let again = shop.send(&key, &body);
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    assert_eq!((again.header("location"), &again.body), (first.header("location"), &first.body));
    shop.send(&key, &order("bob", "notebook-a5", 4, "pm_slow")).problem(422, "key-reused");
    let order = shop.settled(&id);
    assert_eq!(end(&order), ("CONFIRMED", None));
    assert!(events(&order).contains(&"saga.recovered"), "{order:#}");
    assert_eq!((shop.stock("notebook-a5"), shop.points("ada")), ((999_996, 0, 999_996), (35, 0)));
    let paid = shop.intents(&id).iter().filter(|intent| intent["status"] == "succeeded").count();
    assert_eq!(paid, 1);
}
