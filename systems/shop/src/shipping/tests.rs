//! The service as other services drive it.

use super::{router, spaces};
use crate::inventory::testing::{Service, refusal};
use serde_json::{Value, json};

fn shipment(order: &str) -> Value {
    json!({"order_id": order, "customer_id": "ada", "items": [{"sku": "desk-lamp", "quantity": 2}]})
}

#[tokio::test(start_paused = true)]
async fn a_shipment_is_recorded_once_and_stays() {
    let service = Service::open(spaces(), router).await;
    assert_eq!(refusal(&service.client.get("/shipments/o-1").send().await.unwrap()).0, 404);
    let first = service.post("/shipments", "s", &shipment("o-1")).await;
    let service = service.crash(router).await;
    let again = service.post("/shipments", "s", &shipment("o-1")).await;
    assert!(first.is_success());
    assert_eq!((first.status, first.body), (again.status, again.body));
    assert_eq!(service.get("/shipments/o-1").await, shipment("o-1"));
    let rows = service.get("/audit/ledger").await;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&rows["rows"][0]["row"]["action"], &rows["rows"][0]["row"]["subject"]),
        (&json!("ship"), &json!("o-1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_shipment_of_an_order_is_refused() {
    let service = Service::open(spaces(), router).await;
    service.post("/shipments", "s", &shipment("o-1")).await;
    let second = service.post("/shipments", "t", &shipment("o-1")).await;
    assert_eq!(refusal(&second), (422, "refused".to_owned(), json!("already_shipped")));
    assert_eq!(refusal(&service.post("/shipments", "s", &shipment("o-2")).await).1, "key-reused");
}
