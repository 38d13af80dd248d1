//! The service as other services drive it.

use super::testing::{Service, refusal};
use super::{router, spaces};
use futures_util::future::join_all;
use partita::core::Store;
use serde_json::{Value, json};

async fn open() -> Service {
    Service::open(spaces(), router).await
}

fn order(id: usize, sku: &str, quantity: u64) -> Value {
    json!({"order_id": format!("o-{id}"), "lines": [{"sku": sku, "quantity": quantity}]})
}

async fn figures(service: &Service, sku: &str) -> [u64; 3] {
    let stock = service.get(&format!("/inventory/{sku}")).await;
    assert_eq!(stock["sku"], sku);
    ["on_hand", "reserved", "available"].map(|name| stock[name].as_u64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_new_store_is_stocked_once() {
    let service = open().await;
    assert_eq!(figures(&service, "espresso-cup").await, [1_000_000, 0, 1_000_000]);
    assert_eq!((figures(&service, "scarce").await, figures(&service, "sold-out").await), ([5, 0, 5], [0, 0, 0]));
    let again = service.crash(router).await;
    assert_eq!(figures(&again, "scarce").await, [5, 0, 5]);
    assert_eq!(again.get("/audit/stock").await[8], json!({"sku": "scarce", "seeded": 5, "on_hand": 5, "reserved": 0}));
    assert_eq!(refusal(&again.client.get("/inventory/ghost").send().await.unwrap()).0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_refused_request_is_refused_though_there_is_room_by_then() {
    let service = open().await;
    let order = |id: &str, quantity: u32| json!({"order_id": id, "lines": [{"sku": "scarce", "quantity": quantity}]});
    assert!(service.post("/reserve", "first", &order("o-1", 5)).await.is_success());
    let refused = service.post("/reserve", "k", &order("o-2", 1)).await;
    assert_eq!(refusal(&refused), (422, "refused".to_owned(), json!("out_of_stock")));
    assert!(service.post("/release", "first", &json!({"order_id": "o-1"})).await.is_success());
    let copy = service.post("/reserve", "k", &order("o-2", 1)).await;
    assert_eq!((copy.status, &copy.body), (refused.status, &refused.body));
    assert_eq!(figures(&service, "scarce").await, [5, 0, 5]);
    assert!(service.post("/release", "k", &json!({"order_id": "o-2"})).await.is_success(), "there is nothing to undo");
}

#[tokio::test(start_paused = true)]
async fn all_lines_are_reserved_or_none() {
    let service = open().await;
    let lines = json!([{"sku": "wall-clock", "quantity": 3}, {"sku": "scarce", "quantity": 6}]);
    let short = service.post("/reserve", "k", &json!({"order_id": "o-1", "lines": lines})).await;
    assert_eq!(refusal(&short), (422, "refused".to_owned(), json!("out_of_stock")));
    assert_eq!(short.problem().unwrap().members["sku"], "scarce");
    assert_eq!(figures(&service, "wall-clock").await, [1_000_000, 0, 1_000_000]);
    let lines = json!([{"sku": "wall-clock", "quantity": 3}, {"sku": "scarce", "quantity": 5}]);
    let body = json!({"order_id": "o-1", "lines": lines});
    assert_eq!(refusal(&service.post("/reserve", "k", &body).await).1, "key-reused", "a refusal has used the key");
    let fits = service.post("/reserve", "k-2", &body).await;
    assert_eq!((fits.status.as_u16(), fits.json::<Value>().unwrap()), (200, body));
    assert_eq!(
        (figures(&service, "wall-clock").await, figures(&service, "scarce").await),
        ([1_000_000, 3, 999_997], [5, 5, 0])
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_key_gets_the_same_answer_also_after_a_crash() {
    let service = open().await;
    let first = service.post("/reserve", "k", &order(1, "scarce", 5)).await;
    let again = service.post("/reserve", "k", &order(1, "scarce", 5)).await;
    let service = service.crash(router).await;
    let later = service.post("/reserve", "k", &order(1, "scarce", 5)).await;
    assert!(first.is_success());
    assert!([again, later].iter().all(|reply| (reply.status, &reply.body) == (first.status, &first.body)));
    assert_eq!(refusal(&service.post("/reserve", "k", &order(1, "scarce", 4)).await).1, "key-reused");
    assert_eq!(figures(&service, "scarce").await, [5, 5, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_release_gives_back_what_was_reserved_and_can_be_repeated() {
    let service = open().await;
    service.post("/reserve", "k", &order(1, "scarce", 5)).await;
    for _ in 0..2 {
        assert!(service.post("/release", "k", &json!({"order_id": "o-1"})).await.is_success());
        assert_eq!(figures(&service, "scarce").await, [5, 0, 5]);
    }
    let rows = service.get("/audit/ledger").await;
    assert_eq!(
        (&rows["rows"][0]["row"]["outcome"], &rows["rows"][0]["row"]["action"]),
        (&json!("undone"), &json!("reserve"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_reservation_that_comes_after_its_release_is_refused() {
    let service = open().await;
    assert!(service.post("/release", "k", &json!({"order_id": "o-1"})).await.is_success());
    let service = service.crash(router).await;
    let late = service.post("/reserve", "k", &order(1, "scarce", 1)).await;
    assert_eq!(refusal(&late), (409, "undone".to_owned(), Value::Null));
    assert_eq!(figures(&service, "scarce").await, [5, 0, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_takes_the_reserved_lines_off_the_shelf_once() {
    let service = open().await;
    service.post("/reserve", "r", &order(1, "scarce", 2)).await;
    for _ in 0..2 {
        let sold = service.post("/commit", "c", &json!({"order_id": "o-1", "reservation": "r"})).await;
        assert_eq!(sold.json::<Value>().unwrap(), order(1, "scarce", 2));
        assert_eq!(figures(&service, "scarce").await, [3, 0, 3]);
    }
    let audit = service.get("/audit/ledger").await;
    assert_eq!(audit["rows"][0]["row"]["detail"], json!({"lines": [{"sku": "scarce", "quantity": 2}]}));
    assert_eq!((&audit["rows"][0]["key"], &audit["rows"][0]["row"]["action"]), (&json!("c"), &json!("commit")));
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_a_standing_reservation_of_that_order_is_a_409() {
    let service = open().await;
    service.post("/reserve", "released", &order(1, "scarce", 1)).await;
    service.post("/release", "released", &json!({"order_id": "o-1"})).await;
    service.post("/reserve", "other", &order(2, "scarce", 1)).await;
    for reservation in ["released", "other", "unknown"] {
        let body = json!({"order_id": "o-1", "reservation": reservation});
        let refused = refusal(&service.post("/commit", "c", &body).await);
        assert_eq!((refused.0, refused.2), (409, json!("no_reservation")), "{reservation}");
    }
    assert_eq!(figures(&service, "scarce").await, [5, 1, 4]);
}

#[tokio::test(start_paused = true)]
async fn orders_for_one_product_do_not_retry_each_others_conflicts() {
    let service = open().await;
    let (commits, flushes) = (service.store.facts().commits, service.store.facts().flushes);
    let replies = join_all((0..64).map(|n| {
        let service = &service;
        async move { service.post("/reserve", &format!("k-{n}"), &order(n, "desk-lamp", 1)).await }
    }));
    assert!(replies.await.iter().all(partita::http::Reply::is_success));
    assert_eq!(figures(&service, "desk-lamp").await, [1_000_000, 64, 999_936]);
    let facts = service.store.facts();
    assert_eq!(facts.commits - commits, 64);
    assert!(facts.flushes - flushes <= 4, "{} flushes", facts.flushes - flushes);
}

#[tokio::test(start_paused = true)]
async fn of_many_orders_for_the_last_five_exactly_five_get_one() {
    let service = open().await;
    let replies = join_all((0..64).map(|n| {
        let service = &service;
        async move { service.post("/reserve", &format!("k-{n}"), &order(n, "scarce", 1)).await.status.as_u16() }
    }));
    let statuses = replies.await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5);
    assert!(statuses.iter().all(|status| [200, 422].contains(status)));
    assert_eq!(figures(&service, "scarce").await, [5, 5, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_action_is_refused() {
    let service = open().await;
    let bare = |body: &Value| service.client.post("/reserve").json(body);
    let slug = |reply: &partita::http::Reply| refusal(reply).1;
    assert_eq!(slug(&bare(&order(1, "scarce", 1)).send().await.unwrap()), "key-missing");
    let plain = service.client.post("/reserve").key("k").header("content-type", "text/plain");
    assert_eq!(slug(&plain.send().await.unwrap()), "unsupported-media-type");
    for wrong in
        [json!({}), json!({"order_id": "o-1", "lines": []}), order(1, "scarce", 0), order(1, "scarce", 100_001)]
    {
        assert_eq!(slug(&service.post("/reserve", "k", &wrong).await), "bad-request", "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_audit_reads_the_ledger_in_pages_and_sees_what_was_edited_by_hand() {
    let service = open().await;
    let keys: Vec<String> = (0..1_003).map(|n| format!("k-{n:04}")).collect();
    join_all(keys.iter().enumerate().map(|(n, key)| {
        let service = &service;
        async move { assert!(service.post("/reserve", key, &order(n, "linen-towel", 1)).await.is_success()) }
    }))
    .await;
    service.edit_row("k-0001", "gone").await;
    let first = service.get("/audit/ledger").await;
    assert_eq!((first["rows"].as_array().map(Vec::len), &first["next"]), (Some(1_000), &json!("k-0999")));
    assert_eq!(first["rows"][1], json!({"key": "k-0001", "row": {"unreadable": "gone"}}));
    let second = service.get("/audit/ledger?after=k-0999").await;
    assert_eq!((second["rows"].as_array().map(Vec::len), &second["next"]), (Some(3), &Value::Null));
    assert_eq!(service.get("/audit/ledger?after=k-0005&limit=2").await["rows"][1]["key"], "k-0007");
}
