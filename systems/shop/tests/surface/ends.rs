//! How each payment method ends, all of them at once.

use crate::common::{Shop, Watch, end, events, fresh, order};
use serde_json::{Value, json};

const ENDS: [(&str, &str, Option<&str>); 8] = [
    ("pm_ok", "CONFIRMED", None),
    ("pm_slow", "CONFIRMED", None),
    ("pm_lost_reply", "CONFIRMED", None),
    ("pm_lost_request", "CONFIRMED", None),
    ("pm_flaky", "CONFIRMED", None),
    ("pm_declined", "REJECTED", Some("payment_declined")),
    ("pm_capture_declined", "REJECTED", Some("payment_declined")),
    ("pm_undo_fails", "PENDING", Some("needs_operator")),
];

/// A product of its own for each method, so that its stock can be counted.
const SKUS: [&str; 8] = [
    "espresso-cup",
    "notebook-a5",
    "desk-lamp",
    "wool-blanket",
    "fountain-pen",
    "tea-kettle",
    "linen-towel",
    "wall-clock",
];

fn money(intents: &[Value]) -> i64 {
    let sum = |name: &str| intents.iter().map(|intent| intent[name].as_i64().unwrap()).sum::<i64>();
    sum("amount_received") - sum("amount_refunded")
}

fn ends_right(shop: &Shop, sku: &str, (method, status, reason): (&str, &str, Option<&str>)) {
    let customer = fresh("c");
    let watch = Watch::start();
    let id = shop.place(&customer, sku, 3, method);
    let order = shop.settled(&id);
    let took = watch.secs();
    println!("{method}: {took:.1} s");
    assert!(took < 30.0, "{method} took {took} s");
    assert_eq!(end(&order), (status, reason), "{method}: {order:#}");
    let total = order["total"].as_i64().unwrap();
    let intents = shop.intents(&id);
    let is = |status: &str| intents.iter().filter(|intent| intent["status"] == status).count();
    if status == "CONFIRMED" {
        assert_eq!((is("succeeded"), money(&intents)), (1, total), "{method}: {intents:?}");
        assert_eq!((shop.stock(sku), shop.points(&customer)), ((999_997, 0, 999_997), (total / 100, 0)), "{method}");
    } else {
        assert_eq!((shop.stock(sku), shop.points(&customer)), ((1_000_000, 0, 1_000_000), (0, 0)), "{method}");
        assert_eq!((is("processing"), money(&intents)), (0, 0), "{method}: {intents:?}");
        assert!(is("requires_capture") == 0 || reason == Some("needs_operator"), "{method}: {intents:?}");
    }
    if reason == Some("needs_operator") {
        parked(shop, &id, &order);
    }
}

fn parked(shop: &Shop, id: &str, order: &Value) {
    assert!(events(order).contains(&"saga.parked") && events(order).contains(&"undo.failed"), "{order:#}");
    assert_eq!(order["ended_at"], Value::Null);
    shop.cancel(id).problem(409, "cannot-cancel");
    let pending = shop.get(&format!("/orders/{id}"));
    assert_eq!(pending.header("retry-after"), Some("1"));
    assert!(shop.get("/console").body_text().contains("needs an operator"));
}

pub(crate) fn each_payment_method_has_its_end_within_30_s() {
    let shop = Shop::start();
    std::thread::scope(|scope| {
        for (expected, sku) in ENDS.into_iter().zip(SKUS) {
            let shop = &shop;
            scope.spawn(move || ends_right(shop, sku, expected));
        }
        scope.spawn(|| a_reply_that_never_comes(&shop));
    });
    let audit = shop.get("/audit").json();
    let orders = json!({"pending": 0, "confirmed": 5, "rejected": 2, "cancelled": 0, "parked": 1});
    assert_eq!((&audit["ok"], &audit["orders"]), (&json!(true), &orders), "{audit:#}");
    let full = shop.send(&fresh("k"), &order("later", "scarce", 1, "pm_ok"));
    assert_eq!(full.status, 202);
}

/// A reply that is withheld never comes: after 30 s the connection ends without a byte. The same key need not wait so long.
fn a_reply_that_never_comes(shop: &Shop) {
    let body = json!({
        "amount": 100, "currency": "EUR", "payment_method": "pm_lost_reply", "capture_method": "manual", "confirm": true,
        "metadata": {"order_id": "nobody"},
    });
    let ask = shop.post("/psp/v1/payment_intents").key("lost").json(&body);
    let watch = Watch::start();
    let bytes = crate::common::http::exchange(shop.address, &ask.bytes()).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&bytes), "");
    assert!((29.5..35.0).contains(&watch.secs()), "held for {} s", watch.secs());
    let again = ask.send();
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(again.json()["status"], "requires_capture");
}
