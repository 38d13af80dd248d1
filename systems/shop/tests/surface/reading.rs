//! What can be read.

use crate::common::{end, events, fresh, order, shared, until};
use serde_json::{Value, json};

const EVENTS: [&str; 13] = [
    "saga.started",
    "step.started",
    "step.done",
    "step.rejected",
    "step.unknown",
    "step.retried",
    "cancel.requested",
    "unwind.started",
    "step.undone",
    "undo.failed",
    "saga.parked",
    "saga.recovered",
    "saga.ended",
];

/// RFC 3339 in UTC with milliseconds: `2026-11-21T08:00:00.007Z`.
fn is_moment(value: &Value) -> bool {
    let form = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = |(byte, form): (u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form };
    value.as_str().is_some_and(|text| text.len() == form.len() && text.bytes().zip(form).all(fits))
}

#[test]
fn the_first_line_has_the_url_and_no_other_one() {
    let shop = shared();
    let first = &shop.banner[0];
    assert_eq!(first.matches("://").count(), 1, "{first}");
    assert!(first.contains(&format!("http://127.0.0.1:{}", shop.address.port())), "{first}");
}

#[test]
fn the_root_leads_to_the_console() {
    let shop = shared();
    let answer = shop.get("/");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/console")));
    let console = shop.get("/console");
    assert_eq!(console.status, 200);
    assert!(console.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[test]
fn a_shop_that_takes_orders_is_ready_and_names_its_checks() {
    let answer = shared().get("/readyz");
    assert_eq!(answer.status, 200);
    let services = ["inventory", "loyalty", "ordering", "psp", "shipping"];
    let checks: serde_json::Map<_, _> = services.map(|service| (service.to_owned(), json!("ok"))).into_iter().collect();
    assert_eq!(answer.json(), json!({"status": "ok", "checks": checks}));
}

#[test]
fn at_least_eight_products_are_plentiful_then_come_scarce_and_sold_out() {
    let shop = crate::common::Shop::start();
    let products = shop.get("/products").json();
    let products = products["products"].as_array().unwrap();
    let stock: Vec<(&str, i64)> = products
        .iter()
        .map(|product| {
            assert!(product["name"].is_string() && product["price"].as_u64().is_some_and(|price| price > 0));
            assert_eq!(product["currency"], "EUR");
            let sku = product["sku"].as_str().unwrap();
            (sku, shop.stock(sku).0)
        })
        .collect();
    let plenty = stock.len() - 2;
    assert!(plenty >= 8 && stock[..plenty].iter().all(|(_, on_hand)| *on_hand == 1_000_000), "{stock:?}");
    assert_eq!(stock[plenty..], [("scarce", 5), ("sold-out", 0)]);
}

pub(crate) fn an_order_reserves_stock_and_holds_points_until_it_is_confirmed() {
    let shop = shared();
    let customer = fresh("buyer");
    let unit = 8_200;
    let (on_hand, reserved, available) = shop.stock("wall-clock");
    assert_eq!((reserved, available, shop.points(&customer)), (0, on_hand, (0, 0)));
    let id = shop.place(&customer, "wall-clock", 7, "pm_slow");
    shop.paying(&id);
    assert_eq!(shop.stock("wall-clock"), (on_hand, 7, on_hand - 7));
    assert_eq!(shop.points(&customer), (0, 7 * unit / 100));
    assert_eq!(end(&shop.settled(&id)), ("CONFIRMED", None));
    assert_eq!(shop.stock("wall-clock"), (on_hand - 7, 0, on_hand - 7));
    assert_eq!(shop.points(&customer), (7 * unit / 100, 0));
}

#[test]
fn any_other_end_has_restored_stock_and_points() {
    let shop = shared();
    let customer = fresh("buyer");
    let before = shop.stock("linen-towel");
    for method in ["pm_declined", "pm_capture_declined"] {
        let id = shop.place(&customer, "linen-towel", 3, method);
        assert_eq!(end(&shop.settled(&id)), ("REJECTED", Some("payment_declined")));
        assert_eq!((shop.stock("linen-towel"), shop.points(&customer)), (before, (0, 0)), "{method}");
    }
}

#[test]
fn all_lines_are_reserved_or_none_and_the_last_ones_are_sold_once() {
    let shop = shared();
    let customer = fresh("buyer");
    let before = shop.stock("tea-kettle");
    let lines = json!([{"sku": "tea-kettle", "quantity": 1}, {"sku": "scarce", "quantity": 6}]);
    let answer = shop.send(&fresh("k"), &json!({"customer_id": customer, "items": lines, "payment_method": "pm_ok"}));
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(end(&shop.settled(&id)), ("REJECTED", Some("out_of_stock")));
    assert_eq!((shop.stock("tea-kettle"), shop.stock("scarce")), (before, (5, 0, 5)));
    for (sku, quantity, expected) in
        [("scarce", 5, "CONFIRMED"), ("scarce", 1, "REJECTED"), ("sold-out", 1, "REJECTED")]
    {
        let id = shop.place(&customer, sku, quantity, "pm_ok");
        assert_eq!(shop.settled(&id)["status"], expected, "{quantity} {sku}");
    }
    assert_eq!(shop.stock("scarce"), (0, 0, 0));
    assert_eq!(shop.points(&customer), (5 * 2_400 / 100, 0));
}

#[test]
fn what_is_not_there_is_a_problem_404_and_an_unseen_customer_has_nothing() {
    let shop = shared();
    for path in ["/inventory/nope", "/inventory/%FF", "/inventory/a%2Fb", "/orders/nope", "/orders/%FF", "/orders/%00"]
    {
        shop.get(path).problem(404, "not-found");
    }
    shop.get("/orders/0199ffff-0000-7000-8000-000000000000").problem(404, "not-found");
    shop.get(&format!("/orders/{}", "x".repeat(5_000))).problem(404, "not-found");
    shop.get("/customers/%FF/points").problem(404, "not-found");
    let points = shop.get("/customers/never.seen_-9/points").json();
    assert_eq!(points, json!({"customer_id": "never.seen_-9", "balance": 0, "held": 0}));
    let stock = shop.get("/inventory/notebook-a5").json();
    assert_eq!(stock["sku"], "notebook-a5");
}

#[test]
fn an_order_shows_what_was_bought_and_what_happened() {
    let shop = shared();
    let body = json!({
        "customer_id": "shape",
        "items": [{"sku": "espresso-cup", "quantity": 2}, {"sku": "notebook-a5", "quantity": 3}],
        "payment_method": "pm_ok",
    });
    let accepted = shop.send(&fresh("k"), &body).json();
    let id = accepted["order_id"].as_str().unwrap();
    shop.settled(id);
    let answer = shop.get(&format!("/orders/{id}"));
    assert_eq!((answer.status, answer.header("retry-after")), (200, None));
    let order = answer.json();
    let total = 2 * 1_250 + 3 * 890;
    assert_eq!(accepted["total"], total);
    let items = json!([{"sku": "espresso-cup", "quantity": 2, "unit_price": 1250}, {"sku": "notebook-a5", "quantity": 3, "unit_price": 890}]);
    let shown = json!({"order_id": id, "customer_id": "shape", "status": "CONFIRMED", "reason": null, "items": items, "total": total, "currency": "EUR"});
    for (name, value) in shown.as_object().unwrap() {
        assert_eq!(order[name], *value, "{name}");
    }
    assert!(is_moment(&order["created_at"]) && is_moment(&order["ended_at"]), "{order:#}");
    let timeline = order["timeline"].as_array().unwrap();
    let moments: Vec<&str> = timeline.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(moments.is_sorted() && timeline.iter().all(|entry| is_moment(&entry["at"])), "{order:#}");
    assert!(events(&order).iter().all(|event| EVENTS.contains(event)), "{order:#}");
    assert_eq!((events(&order)[0], *events(&order).last().unwrap()), ("saga.started", "saga.ended"));
    assert!(timeline.iter().all(|entry| ["step", "attempt", "detail"].iter().all(|name| entry.get(name).is_some())));
    let done = timeline.iter().filter(|entry| entry["event"] == "step.done").filter_map(|entry| entry["step"].as_str());
    assert_eq!(done.count(), 7);
}

pub(crate) fn waiting_ends_with_the_order_or_with_its_time_and_nonsense_is_ignored() {
    let shop = shared();
    let id = shop.place("waiting", "fountain-pen", 1, "pm_slow");
    let ask = |prefer: &str| {
        let watch = crate::common::Watch::start();
        let answer = shop.ask("GET", &format!("/orders/{id}")).header("prefer", prefer).send();
        (answer, watch.secs())
    };
    for nonsense in ["wait=abc", "wait=-1", "wait", "wait=1.5", "wait=0"] {
        let (answer, took) = ask(nonsense);
        assert!(took < 1.0, "{nonsense} waited {took} s");
        let order = answer.json();
        assert_eq!((answer.status, answer.header("retry-after")), (200, Some("1")));
        assert_eq!(
            (&order["status"], &order["reason"], &order["ended_at"]),
            (&json!("PENDING"), &Value::Null, &Value::Null)
        );
    }
    let (answer, took) = ask("respond-async, wait=1");
    assert_eq!(answer.json()["status"], "PENDING");
    assert!((1.0..3.0).contains(&took), "wait=1 took {took} s");
    let (answer, took) = ask("wait=999");
    assert_eq!(end(&answer.json()), ("CONFIRMED", None));
    assert!(took < 15.0, "it ends with the order, not after {took} s");
    let (answer, took) = ask("wait=30");
    assert!(answer.status == 200 && took < 1.0, "an ended order is not waited for");
    let unknown = shop.ask("GET", "/orders/nope").header("prefer", "wait=30").send();
    unknown.problem(404, "not-found");
}

#[test]
fn the_console_has_a_page_for_each_order_and_its_errors_are_html() {
    let shop = shared();
    let id = shop.place("console", "notebook-a5", 1, "pm_ok");
    shop.settled(&id);
    let page = shop.get(&format!("/console/sagas/{id}"));
    assert_eq!(page.status, 200);
    assert!(page.body_text().contains("saga.ended"));
    for (method, path, status) in
        [("GET", "/console/sagas/nope", 404), ("GET", "/console/nope", 404), ("POST", "/console", 405)]
    {
        let answer = shop.ask(method, path).send();
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{answer:?}");
    }
}

#[test]
fn an_end_is_never_seen_before_its_stock() {
    let shop = shared();
    let before = shop.stock("desk-lamp").0;
    for _ in 0..20 {
        let id = shop.send(&fresh("k"), &order("seen", "desk-lamp", 1, "pm_ok")).json()["order_id"]
            .as_str()
            .unwrap()
            .to_owned();
        until(30.0, "it ends", || (shop.order(&id)["status"] == "CONFIRMED").then_some(()));
        let intents = shop.intents(&id);
        assert_eq!((intents.len(), &intents[0]["status"]), (1, &json!("succeeded")));
    }
    assert!(shop.stock("desk-lamp").0 <= before - 20);
}
