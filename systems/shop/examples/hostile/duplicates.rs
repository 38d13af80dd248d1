//! One order, sent by very many at once under one key.

use super::attacks::{Seen, Target};
use super::raw::{PATIENCE, connect, rest, statuses};
use partita::time::{Clock, TokioClock};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// What one of them got in the end.
#[derive(Default)]
struct Got {
    seen: Seen,
    order: Option<String>,
    first: bool,
}

/// Sends the same order on as many connections at once; each goes on until it is accepted.
pub(crate) async fn duplicates(target: Target) -> Seen {
    let clock = TokioClock::system();
    let order = r#"{"customer_id":"hostile","items":[{"sku":"linen-towel","quantity":1}],"payment_method":"pm_ok"}"#;
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: all-at-once\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{order}",
        order.len()
    );
    let all = futures_util::future::join_all((0..target.duplicates).map(|_| one(&target, &clock, &request))).await;
    let accepted = all.iter().filter(|got| got.order.is_some()).count();
    let orders: BTreeSet<&String> = all.iter().filter_map(|got| got.order.as_ref()).collect();
    let first = all.iter().filter(|got| got.first).count();
    let mut wrong = vec![];
    if (orders.len(), first, accepted) != (1, 1, target.duplicates) {
        let n = target.duplicates;
        wrong.push(format!("{n} duplicates: {accepted} accepted, {first} of them first, as {} orders", orders.len()));
    }
    let mut seen = Seen::sum(all.into_iter().map(|got| got.seen).collect());
    seen.wrong.extend(wrong);
    seen
}

async fn one(target: &Target, clock: &TokioClock, request: &str) -> Got {
    let mut got = Got::default();
    while got.order.is_none() && clock.elapsed() < 4 * PATIENCE {
        match connect(target, clock).await {
            Err(why) => got.seen.note(why),
            Ok(mut stream) => {
                let _ = stream.write_all(request.as_bytes()).await;
                got.read(&rest(&mut stream, clock, PATIENCE).await);
            }
        }
        if got.order.is_none() {
            clock.sleep(Duration::from_millis(500)).await;
        }
    }
    got
}

impl Got {
    fn read(&mut self, answer: &[u8]) {
        let status = statuses(answer).swap_remove(0);
        self.seen.note(&status);
        if status != "202" {
            return;
        }
        let text = String::from_utf8_lossy(answer);
        self.first = !text.contains("idempotent-replayed: true");
        let place = text.split_once("location: /orders/").map(|(_, rest)| rest);
        self.order = place.and_then(|rest| rest.split("\r\n").next()).map(str::to_owned);
    }
}
