//! The service as other services drive it.

use super::{router, spaces};
use crate::inventory::testing::{Service, refusal};
use futures_util::future::join_all;
use serde_json::{Value, json};

async fn open() -> Service {
    Service::open(spaces(), router).await
}

fn hold(order: &str, customer: &str, points: u64) -> Value {
    json!({"order_id": order, "customer_id": customer, "points": points})
}

async fn points(service: &Service, customer: &str) -> [u64; 2] {
    let account = service.get(&format!("/customers/{customer}/points")).await;
    assert_eq!(account["customer_id"], customer);
    ["balance", "held"].map(|name| account[name].as_u64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn held_points_are_awarded_or_released() {
    let service = open().await;
    assert_eq!(points(&service, "ada").await, [0, 0]);
    for (key, order, amount) in [("h-1", "o-1", 7), ("h-2", "o-2", 2)] {
        let held = service.post("/hold", key, &hold(order, "ada", amount)).await;
        assert_eq!(held.json::<Value>().unwrap(), hold(order, "ada", amount));
    }
    assert_eq!(points(&service, "ada").await, [0, 9]);
    for _ in 0..2 {
        assert!(service.post("/award", "a", &json!({"order_id": "o-1", "hold": "h-1"})).await.is_success());
        assert!(service.post("/release", "h-2", &json!({"order_id": "o-2"})).await.is_success());
        assert_eq!(points(&service, "ada").await, [7, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn no_points_are_an_entry_in_the_ledger_and_no_account() {
    let service = open().await;
    assert!(service.post("/hold", "h", &hold("o-1", "ada", 0)).await.is_success());
    assert!(service.post("/award", "a", &json!({"order_id": "o-1", "hold": "h"})).await.is_success());
    assert_eq!(points(&service, "ada").await, [0, 0]);
    let rows = service.get("/audit/ledger").await;
    assert_eq!(rows["rows"][1]["row"]["detail"], json!({"customer_id": "ada", "points": 0}));
    assert_eq!(service.get("/audit/accounts").await, json!({"accounts": [], "next": null}));
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_comes_after_its_release_is_refused() {
    let service = open().await;
    assert!(service.post("/release", "h", &json!({"order_id": "o-1"})).await.is_success());
    let service = service.crash(router).await;
    assert_eq!(refusal(&service.post("/hold", "h", &hold("o-1", "ada", 7)).await).0, 409);
    assert_eq!(points(&service, "ada").await, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_award_needs_a_standing_hold_of_that_order() {
    let service = open().await;
    service.post("/hold", "h", &hold("o-1", "ada", 7)).await;
    for body in [json!({"order_id": "o-1", "hold": "unknown"}), json!({"order_id": "o-2", "hold": "h"})] {
        let refused = refusal(&service.post("/award", "a", &body).await);
        assert_eq!((refused.0, refused.2), (409, json!("no_hold")));
    }
    assert_eq!(points(&service, "ada").await, [0, 7]);
}

#[tokio::test(start_paused = true)]
async fn many_orders_of_one_customer_add_up_in_account_and_ledger() {
    let service = open().await;
    join_all((0..64).map(|n| {
        let service = &service;
        async move {
            let (order, key) = (format!("o-{n}"), format!("h-{n:02}"));
            assert!(service.post("/hold", &key, &hold(&order, "ada", n)).await.is_success());
            let ended = if n % 2 == 0 {
                service.post("/award", &format!("a-{n:02}"), &json!({"order_id": order, "hold": key})).await
            } else {
                service.post("/release", &key, &json!({"order_id": order})).await
            };
            assert!(ended.is_success());
        }
    }))
    .await;
    let service = service.crash(router).await;
    let even: u64 = (0..64).step_by(2).sum();
    assert_eq!(points(&service, "ada").await, [even, 0]);
    let rows = service.get("/audit/ledger").await;
    let awarded = rows["rows"].as_array().unwrap().iter().filter(|row| row["row"]["action"] == "award");
    assert_eq!(awarded.map(|row| row["row"]["detail"]["points"].as_u64().unwrap()).sum::<u64>(), even);
}

#[tokio::test(start_paused = true)]
async fn accounts_are_listed_in_pages() {
    let service = open().await;
    for customer in ["ada", "bob", "cyd"] {
        service.post("/hold", &format!("h-{customer}"), &hold("o", customer, 1)).await;
    }
    let first = service.get("/audit/accounts?limit=2").await;
    assert_eq!((first["accounts"].as_array().map(Vec::len), &first["next"]), (Some(2), &json!("bob")));
    let rest = service.get("/audit/accounts?after=bob").await;
    assert_eq!(rest, json!({"accounts": [{"customer_id": "cyd", "balance": 0, "held": 1}], "next": null}));
}

#[tokio::test(start_paused = true)]
async fn a_customer_without_a_name_is_refused() {
    let service = open().await;
    for customer in [String::new(), "x".repeat(65)] {
        assert_eq!(refusal(&service.post("/hold", "h", &hold("o-1", &customer, 1)).await).1, "bad-request");
    }
}
