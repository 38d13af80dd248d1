//! A shop that is made up: its orders, its participants' books, and what happens to them while they are read.

use super::super::super::model::{Action, Line};
use super::super::super::orders::Unreadable;
use super::super::*;
use bytes::Bytes;
use http::{Request, Response};
use partita::http::Transport;
use partita::time::{BoxFuture, Entropy, Host, TaskGroup, TokioClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// Orders of a test.
pub(super) const ORDERS: usize = 30;

/// Orders that are read at once.
const AT_ONCE: usize = 8;

/// Rows that a service shows at once.
const ROWS: usize = 20;

pub(super) type Event = fn(&mut State);
pub(super) type Rows = BTreeMap<String, Value>;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) orders: BTreeMap<String, OrderFact>,
    /// Orders whose record cannot be read.
    pub(super) broken: HashSet<String>,
    pub(super) shipments: Rows,
    pub(super) ledgers: BTreeMap<Service, Rows>,
    pub(super) intents: Rows,
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) balance: i64,
    pub(super) held: i64,
    pub(super) reads: usize,
    /// What happens just before a read.
    pub(super) event: Option<(usize, Event)>,
}

impl State {
    fn read(&mut self) {
        if let Some((at, event)) = self.event
            && at == self.reads
        {
            event(self);
        }
        self.reads += 1;
    }

    fn seen(&self, order: &OrderFact) -> Seen {
        let order_id = &order.order_id;
        if !self.broken.contains(order_id) {
            return Ok(order.clone());
        }
        Err(Unreadable { order_id: order_id.clone(), space: "orders", why: "no JSON".into() })
    }

    pub(super) fn accept(&mut self, number: usize, now: Timestamp) {
        let order_id = format!("{number:08}");
        let order = OrderFact {
            order_id: order_id.clone(),
            status: OrderStatus::Pending,
            reason: None,
            items: vec![Line { sku: "mug".into(), quantity: 2 }],
            total: 500,
            priced: 500,
            customer_id: "ada".into(),
            created_at: now,
            deadline: now.plus(Duration::from_secs(60)),
            parked_alert: false,
        };
        self.orders.insert(order_id, order);
    }

    pub(super) fn row(&mut self, number: usize, action: Action, outcome: &str) {
        let order_id = format!("{number:08}");
        let key = format!("{order_id}/{}/0", action.step());
        let detail = match action.service() {
            Service::Loyalty => json!({"points": 5, "customer_id": "ada"}),
            _ => json!({"lines": [{"sku": "mug", "quantity": 2}]}),
        };
        let row = json!({
            "outcome": outcome, "action": action.name(), "subject": order_id, "fingerprint": "0".repeat(64),
            "reply": {"order_id": order_id}, "detail": detail, "at": 0,
        });
        self.ledgers.entry(action.service()).or_default().insert(key, row);
    }

    pub(super) fn intent(&mut self, number: usize, status: &str, received: i64) {
        let (id, order_id) = (format!("pi-{number}"), format!("{number:08}"));
        let intent = json!({"id": id, "order_id": order_id, "status": status, "amount": 500, "currency": "eur", "amount_received": received, "amount_refunded": 0});
        self.intents.insert(id, intent);
    }

    pub(super) fn end(&mut self, number: usize, status: OrderStatus, reason: Option<&str>) {
        let order = self.orders.get_mut(&format!("{number:08}")).unwrap();
        (order.status, order.reason) = (status, reason.map(str::to_owned));
    }

    pub(super) fn reserve(&mut self, number: usize) {
        self.row(number, Action::Reserve, "done");
        self.row(number, Action::Hold, "done");
        (self.reserved, self.held) = (self.reserved + 2, self.held + 5);
    }

    pub(super) fn confirm(&mut self, number: usize) {
        [Action::Commit, Action::Award, Action::Ship].into_iter().for_each(|action| self.row(number, action, "done"));
        (self.on_hand, self.reserved) = (self.on_hand - 2, self.reserved - 2);
        (self.balance, self.held) = (self.balance + 5, self.held - 5);
        self.intent(number, "succeeded", 500);
        let order_id = format!("{number:08}");
        let items = json!([{"sku": "mug", "quantity": 2}]);
        let record = json!({"order_id": order_id, "customer_id": "ada", "items": items});
        self.shipments.insert(order_id, record);
        self.end(number, OrderStatus::Confirmed, None);
    }

    pub(super) fn decline(&mut self, number: usize) {
        [Action::Reserve, Action::Hold].into_iter().for_each(|action| self.row(number, action, "undone"));
        (self.reserved, self.held) = (self.reserved - 2, self.held - 5);
        self.intent(number, "requires_payment_method", 0);
        self.end(number, OrderStatus::Rejected, Some("payment_declined"));
    }

    fn answer(&self, service: &str, path: &str, query: &str) -> Value {
        let asked: BTreeMap<&str, &str> = query.split('&').filter_map(|part| part.split_once('=')).collect();
        let after = asked.get("after").map(|text| text.replace("%2F", "/").replace("%20", " ")).unwrap_or_default();
        let limit = asked.get("limit").map_or(ROWS, |limit| limit.parse().unwrap());
        match path {
            "/audit/ledger" => {
                let service = Service::ALL.into_iter().find(|one| one.to_string() == service).unwrap();
                let rows =
                    self.ledgers.get(&service).into_iter().flatten().filter(|(key, _)| **key > after).take(limit);
                json!({"rows": rows.map(|(key, row)| json!({"key": key, "row": row})).collect::<Vec<_>>(), "next": null})
            }
            "/audit/shipments" => {
                let of = asked.get("of");
                let wanted = |key: &String| of.map_or(*key > after, |of| key == of);
                let rows = self.shipments.iter().filter(|(key, _)| wanted(key)).take(limit);
                json!({"rows": rows.map(|(key, record)| json!({"key": key, "record": record})).collect::<Vec<_>>()})
            }
            "/audit/intents" => {
                let intents = self.intents.iter().filter(|(id, _)| **id > after).take(limit);
                json!({"intents": intents.map(|(_, intent)| intent).collect::<Vec<_>>()})
            }
            "/audit/stock" => {
                json!([{"sku": "mug", "seeded": 1_000, "on_hand": self.on_hand, "reserved": self.reserved}])
            }
            _ if after.is_empty() => {
                json!({"accounts": [{"customer_id": "ada", "balance": self.balance, "held": self.held}], "next": null})
            }
            _ => json!({"accounts": [], "next": null}),
        }
    }
}

#[derive(Clone, Debug)]
struct Fake(Arc<Mutex<State>>);

impl Fake {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Orders for Fake {
    fn page<'a>(&'a self, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<Vec<Seen>>> {
        let mut state = self.state();
        state.read();
        let behind = state.orders.iter().filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
        let page = behind.take(limit).map(|(_, order)| state.seen(order)).collect();
        Box::pin(std::future::ready(Ok(page)))
    }

    fn get<'a>(&'a self, order_id: &'a str) -> BoxFuture<'a, Result<Option<Seen>>> {
        let mut state = self.state();
        state.read();
        Box::pin(std::future::ready(Ok(state.orders.get(order_id).map(|order| state.seen(order)))))
    }
}

#[derive(Debug)]
struct Wire(Fake, &'static str);

impl Transport for Wire {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        let mut state = self.0.state();
        state.read();
        let uri = request.uri();
        let body = state.answer(self.1, uri.path(), uri.query().unwrap_or_default()).to_string();
        Box::pin(std::future::ready(Ok(Response::new(body.into()))))
    }
}

pub(super) fn start() -> Timestamp {
    Timestamp::from_millis(1_000_000)
}

pub(super) fn old() -> Timestamp {
    Timestamp::from_millis(900_000)
}

/// A shop of which every third order was declined and the rest confirmed.
pub(super) fn shop() -> State {
    let mut state = State { on_hand: 1_000, ..State::default() };
    for number in 0..ORDERS {
        state.accept(number, old());
        state.reserve(number);
        if number % 3 == 0 { state.decline(number) } else { state.confirm(number) }
    }
    state
}

pub(super) async fn audited(state: State) -> (AuditReport, usize) {
    let host = Host {
        clock: Arc::new(TokioClock::anchored(start())),
        spawner: Arc::new(TaskGroup::new()),
        entropy: Arc::new(Entropy::seeded(1)),
    };
    let fake = Fake(Arc::new(Mutex::new(state)));
    let client = |name| Client::over(Arc::new(Wire(fake.clone(), name)), &host);
    let sources = AuditSources {
        orders: Arc::new(fake.clone()),
        inventory: client("inventory"),
        loyalty: client("loyalty"),
        shipping: client("shipping"),
        psp: client("psp"),
        clock: host.clock.clone(),
    };
    let report = in_pages(&sources, AT_ONCE).await.unwrap();
    let reads = fake.state().reads;
    (report, reads)
}

pub(super) fn examples(report: &AuditReport) -> Vec<String> {
    report.invariants.iter().flat_map(|one| one.examples.clone()).collect()
}
