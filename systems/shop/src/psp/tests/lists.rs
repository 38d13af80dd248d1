//! Intents of one order, when there are very many and very large ones.

use super::{World, params, text};
use serde_json::{Map, Value, json};

/// A create with as much metadata as is taken.
fn largest(order_id: &str) -> Value {
    let mut body = params("pm_ok", order_id);
    let entries = (1..50).map(|number| (format!("{number:0>40}"), "x".repeat(500).into()));
    let mut metadata: Map<String, Value> = entries.collect();
    metadata.insert("order_id".to_owned(), order_id.into());
    body["metadata"] = metadata.into();
    body
}

impl World {
    pub(crate) async fn create_largest(&self, count: usize, order_id: &str) -> Vec<String> {
        let mut ids = vec![];
        for _ in 0..count {
            let reply = self.client.post("/psp/v1/payment_intents").json(&largest(order_id)).send().await.unwrap();
            assert_eq!(reply.status, 200, "{reply:?}");
            ids.push(text(&reply, "/id"));
        }
        ids
    }

    async fn page(&self, query: &str) -> (usize, Vec<String>, bool) {
        let reply = self.client.get(&format!("/psp/v1/payment_intents?{query}")).send().await.unwrap();
        let list: Value = reply.json().unwrap();
        let ids = list["data"].as_array().unwrap().iter().map(|intent| intent["id"].as_str().unwrap().to_owned());
        (reply.body.len(), ids.collect(), list["has_more"].as_bool().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_is_bounded_in_bytes_and_goes_on_behind_its_last() {
    let world = World::new().await;
    let made = world.create_largest(150, "big").await;
    let (mut seen, mut behind) = (vec![], String::new());
    loop {
        let (bytes, ids, has_more) = world.page(&format!("order_id=big{behind}")).await;
        assert!(bytes < 4 << 20, "{bytes} bytes in one answer");
        seen.extend(ids);
        if !has_more {
            break;
        }
        behind = format!("&starting_after={}", seen.last().unwrap());
    }
    assert!(!behind.is_empty(), "one answer held all of it");
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(seen), sorted(made.clone()));
    for (query, status, message) in [
        (format!("order_id=other&starting_after={}", made[0]), 404, "No such payment_intent"),
        ("order_id=big&starting_after=pi_nope".to_owned(), 404, "No such payment_intent"),
        ("order_id=big&starting_after=a&starting_after=b".to_owned(), 400, "given once"),
    ] {
        let refused = world.client.get(&format!("/psp/v1/payment_intents?{query}")).send().await.unwrap();
        assert_eq!(refused.status, status, "{query}");
        assert!(text(&refused, "/error/message").contains(message), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_has_50_entries_of_metadata_at_most_and_their_names_40_characters() {
    let world = World::new().await;
    let metadata = |entries: usize, name: usize| {
        let entries = (0..entries).map(|number| (format!("{number:0>name$}"), json!("x")));
        json!(entries.collect::<Map<String, Value>>())
    };
    for (given, status) in [(metadata(50, 40), 200), (metadata(51, 40), 400), (metadata(1, 41), 400)] {
        let mut body = params("pm_ok", "o");
        body["metadata"] = given;
        let reply = world.client.post("/psp/v1/payment_intents").json(&body).send().await.unwrap();
        assert_eq!(reply.status, status, "{reply:?}");
    }
}
