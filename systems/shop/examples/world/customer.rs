//! Who places the order: outside of the process, so a crash takes nothing from its memory.

use super::Wish;
use futures_util::future::join;
use partita::http::{Client, Reply};
use partita::time::Timestamp;
use partita_testkit::explore::Machine;
use serde_json::{Value, json};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(500);
/// How long an answer is awaited.
const PATIENCE: Duration = Duration::from_secs(5);
/// An ended order is watched so long: whatever was under way has arrived by then.
const WATCH: Duration = Duration::from_secs(60);

/// The customer of one order.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) wish: Wish,
    begun: Option<Timestamp>,
    pub(crate) order: Option<String>,
    accepted_at: Timestamp,
    /// Status of the answer to the cancel.
    pub(crate) cancel: Option<u16>,
    /// The order, when it was first seen at its end.
    seen: Option<Value>,
    /// What the customer was promised and did not get.
    pub(crate) complaints: Vec<String>,
}

impl Customer {
    pub(crate) const fn new(wish: Wish) -> Self {
        Self {
            wish,
            begun: None,
            order: None,
            accepted_at: Timestamp::from_millis(0),
            cancel: None,
            seen: None,
            complaints: vec![],
        }
    }

    fn complain(&mut self, what: String) {
        if !self.complaints.contains(&what) {
            self.complaints.push(what);
        }
    }

    /// Goes on where the last process left the customer, until the order has ended and nothing moves any more.
    pub(crate) async fn drive(&mut self, machine: &Machine, shop: &Client) {
        let clock = &*machine.host().clock;
        let begun = *self.begun.get_or_insert_with(|| clock.now());
        clock.sleep(begun.plus(self.wish.after).since(clock.now())).await;
        while self.order.is_none() {
            self.place(machine, shop).await;
        }
        while self.wish.cancels.is_some() && self.cancel.is_none() {
            self.cancel(machine, shop).await;
        }
        while self.seen.is_none() {
            self.seen = self.look(machine, shop, 30).await.filter(is_at_rest);
            clock.sleep(PAUSE).await;
        }
        clock.sleep(WATCH).await;
        let again = self.look(machine, shop, 0).await;
        self.is_unchanged(again.as_ref());
    }

    /// Places the order, or learns that it was placed: two requests at once with one key, as from a nervous finger.
    pub(crate) async fn place(&mut self, machine: &Machine, shop: &Client) {
        let items: Vec<Value> =
            self.wish.items.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let body = json!({"customer_id": self.wish.customer, "items": items, "payment_method": self.wish.method});
        let request = || shop.post("/orders").key(&self.wish.key).json(&body).timeout(PATIENCE).send();
        let (first, second) = join(request(), request()).await;
        for reply in [first, second].into_iter().flatten() {
            match reply.status.as_u16() {
                202 => self.accepted(machine, &reply),
                409 => machine.note("the other request is still being answered"),
                500..=599 => self.is_failed(machine, "POST /orders", &reply),
                other => self.complain(format!("POST /orders answered {other}")),
            }
        }
        if self.order.is_none() {
            machine.host().clock.sleep(PAUSE).await;
        }
    }

    fn accepted(&mut self, machine: &Machine, reply: &Reply) {
        let replayed = reply.headers.contains_key("idempotent-replayed");
        if replayed && self.order.is_none() && machine.number() > 1 {
            machine.count("replayed_key");
        }
        let placed = text(&json_of(reply), "order_id");
        if self.order.get_or_insert_with(|| placed.clone()) != &placed {
            self.complain(format!("the same key gave a second order {placed}"));
        }
        if self.accepted_at == Timestamp::from_millis(0) {
            self.accepted_at = machine.host().clock.now();
        }
        machine.note(if replayed { "the order was accepted before" } else { "the order is accepted" });
    }

    async fn cancel(&mut self, machine: &Machine, shop: &Client) {
        let clock = &*machine.host().clock;
        let at = self.accepted_at.plus(self.wish.cancels.unwrap_or_default());
        clock.sleep(at.since(clock.now())).await;
        match shop.post(&format!("/orders/{}/cancel", self.id())).timeout(PATIENCE).send().await {
            Ok(reply) if matches!(reply.status.as_u16(), 202 | 409) => {
                self.cancel = Some(reply.status.as_u16());
                machine.note(format!("the cancel is answered {}", reply.status.as_u16()));
                if self.cancel == Some(409) {
                    machine.count("cancel_refused");
                }
            }
            Ok(reply) => {
                self.is_failed(machine, "the cancel", &reply);
                clock.sleep(PAUSE).await;
            }
            Err(_) => clock.sleep(PAUSE).await,
        }
    }

    /// Only a process that something happened to may answer so.
    fn is_failed(&mut self, machine: &Machine, what: &str, reply: &Reply) {
        if reply.status.is_server_error() && machine.is_struck() {
            machine.note(format!("{what}: {}", reply.status));
            machine.count("answered_5xx");
        } else {
            self.complain(format!("{what} was answered {}", reply.status));
        }
    }

    fn id(&self) -> &str {
        self.order.as_deref().unwrap_or_default()
    }

    /// Reads the order.
    pub(crate) async fn look(&mut self, machine: &Machine, shop: &Client, wait: u32) -> Option<Value> {
        let call = shop.get(&format!("/orders/{}", self.id())).header("prefer", &format!("wait={wait}"));
        let reply = call.timeout(Duration::from_secs(40)).send().await.ok()?;
        if reply.status.as_u16() == 200 {
            return Some(json_of(&reply));
        }
        self.is_failed(machine, "an accepted order", &reply);
        None
    }

    /// What an ended order says never changes again.
    pub(crate) fn is_unchanged(&mut self, now: Option<&Value>) {
        let Some(seen) = &self.seen else { return };
        let shown = |order: &Value| (text(order, "status"), text(order, "reason"), text(order, "ended_at"));
        let (then, now) = (shown(seen), now.map(shown));
        if now.as_ref() != Some(&then) {
            self.complain(format!("an order at its end changed from {then:?} to {now:?}"));
        }
    }
}

fn is_at_rest(order: &Value) -> bool {
    order["status"] != "PENDING" || order["reason"] == "needs_operator"
}

fn json_of(reply: &Reply) -> Value {
    reply.json().unwrap_or_default()
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}
