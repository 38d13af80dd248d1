//! Audits of a shop that is made up, standing still and moving.

use super::super::model::{Action, Line};
use super::super::orders::Unreadable;
use super::*;
use bytes::Bytes;
use http::{Request, Response};
use partita::http::Transport;
use partita::time::{BoxFuture, Entropy, Host, TaskGroup, TokioClock};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

/// Orders of a test.
const ORDERS: usize = 30;

/// Orders that are read at once.
const AT_ONCE: usize = 8;

/// Rows that a service shows at once.
const ROWS: usize = 20;

type Event = fn(&mut State);
type Rows = BTreeMap<String, Value>;

#[derive(Debug, Default)]
struct State {
    orders: BTreeMap<String, OrderFact>,
    /// Orders whose record cannot be read.
    broken: HashSet<String>,
    shipments: Rows,
    ledgers: BTreeMap<Service, Rows>,
    intents: Rows,
    on_hand: i64,
    reserved: i64,
    balance: i64,
    held: i64,
    reads: usize,
    /// What happens just before a read.
    event: Option<(usize, Event)>,
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

    fn accept(&mut self, number: usize, now: Timestamp) {
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

    fn row(&mut self, number: usize, action: Action, outcome: &str) {
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

    fn intent(&mut self, number: usize, status: &str, received: i64) {
        let (id, order_id) = (format!("pi-{number}"), format!("{number:08}"));
        let intent = json!({"id": id, "order_id": order_id, "status": status, "amount": 500, "currency": "eur", "amount_received": received, "amount_refunded": 0});
        self.intents.insert(id, intent);
    }

    fn end(&mut self, number: usize, status: OrderStatus, reason: Option<&str>) {
        let order = self.orders.get_mut(&format!("{number:08}")).unwrap();
        (order.status, order.reason) = (status, reason.map(str::to_owned));
    }

    fn reserve(&mut self, number: usize) {
        self.row(number, Action::Reserve, "done");
        self.row(number, Action::Hold, "done");
        (self.reserved, self.held) = (self.reserved + 2, self.held + 5);
    }

    fn confirm(&mut self, number: usize) {
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

    fn decline(&mut self, number: usize) {
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

fn start() -> Timestamp {
    Timestamp::from_millis(1_000_000)
}

fn old() -> Timestamp {
    Timestamp::from_millis(900_000)
}

/// A shop of which every third order was declined and the rest confirmed.
fn shop() -> State {
    let mut state = State { on_hand: 1_000, ..State::default() };
    for number in 0..ORDERS {
        state.accept(number, old());
        state.reserve(number);
        if number % 3 == 0 { state.decline(number) } else { state.confirm(number) }
    }
    state
}

async fn audited(state: State) -> (AuditReport, usize) {
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

fn examples(report: &AuditReport) -> Vec<String> {
    report.invariants.iter().flat_map(|one| one.examples.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_shop_at_rest_is_counted_and_found_in_order() {
    let (report, _) = audited(shop()).await;
    assert_eq!(examples(&report), Vec::<String>::new());
    assert_eq!((report.orders.confirmed, report.orders.rejected, report.orders.all()), (20, 10, 30));
    let checked: Vec<u64> = report.invariants.iter().map(|one| one.checked).collect();
    assert_eq!(checked, [30, 30, 22]);
}

/// Whatever happens to an order, and at whatever moment of the audit, is no violation.
#[tokio::test(start_paused = true)]
async fn orders_that_move_while_they_are_audited_raise_no_alarm() {
    let events: [Event; 3] = [
        |state| state.reserve(ORDERS),
        |state| {
            state.reserve(ORDERS);
            state.confirm(ORDERS);
        },
        |state| {
            state.reserve(ORDERS);
            state.decline(ORDERS);
        },
    ];
    let moving = || {
        let mut state = shop();
        state.accept(ORDERS, old());
        state
    };
    for event in events {
        no_alarm(&moving, event).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_and_ends_while_it_is_audited_raises_no_alarm() {
    no_alarm(&shop, |state| {
        state.accept(ORDERS, start());
        state.reserve(ORDERS);
        state.confirm(ORDERS);
    })
    .await;
}

async fn no_alarm(state: &dyn Fn() -> State, event: Event) {
    let (_, reads) = audited(state()).await;
    for at in 0..reads + 8 {
        let (report, _) = audited(State { event: Some((at, event)), ..state() }).await;
        assert_eq!(examples(&report), Vec::<String>::new(), "before read {at} of {reads}");
    }
}

/// Drops, changes and doubles each of the rows of two orders, one declined and one confirmed.
#[tokio::test(start_paused = true)]
async fn any_one_row_that_was_tampered_with_is_named_with_its_order() {
    let tamper: [fn(&mut Rows, &str); 5] = [
        |rows, key| drop(rows.remove(key)),
        |rows, key| drop(rows.insert(key.replace("/0", "/1"), rows[key].clone())),
        |rows, key| drop(rows.insert(format!("copy of {key}"), rows[key].clone())),
        |rows, key| drop(rows.insert(key.to_owned(), json!({"unreadable": "{"}))),
        |rows, key| {
            let changed = rows[key]
                .to_string()
                .replace("\"quantity\":2", "\"quantity\":3")
                .replace("\"points\":5", "\"points\":6");
            rows.insert(key.to_owned(), serde_json::from_str(&changed).unwrap());
        },
    ];
    for order in ["00000000", "00000029"] {
        let keys =
            shop().ledgers.into_iter().flat_map(|(service, rows)| rows.into_keys().map(move |key| (service, key)));
        for (service, key) in keys.filter(|(_, key)| key.starts_with(order)) {
            for (number, tamper) in tamper.iter().enumerate() {
                let mut state = shop();
                tamper(state.ledgers.get_mut(&service).unwrap(), &key);
                let (report, _) = audited(state).await;
                let named = examples(&report).iter().any(|text| text.starts_with(&format!("order {order}: ")));
                assert!(!report.ok && named, "{key} by {number}: {:?}", examples(&report));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn books_that_do_not_add_up_are_violations() {
    let changes: [(Event, &str); 3] = [
        (|state| state.on_hand += 1, "sku mug: on_hand is 961, the ledger says 960"),
        (|state| state.reserved += 1, "sku mug: reserved is 1, the ledger says 0"),
        (|state| state.balance -= 1, "customer ada: balance is 99, the ledger says 100"),
    ];
    for (change, expected) in changes {
        let mut state = shop();
        change(&mut state);
        assert_eq!(examples(&audited(state).await.0), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn intents_of_other_shops_are_ignored_and_a_second_one_for_an_order_is_not() {
    let mut state = shop();
    state.intent(9_999, "requires_capture", 0);
    assert!(audited(state).await.0.ok);
    let mut state = shop();
    let mut second = state.intents["pi-1"].clone();
    second["id"] = "pi-x".into();
    state.intents.insert("pi-x".into(), second);
    let expected = "order 00000001: CONFIRMED, but the provider has 2 succeeded intents";
    assert_eq!(examples(&audited(state).await.0), [expected]);
}

#[tokio::test(start_paused = true)]
async fn an_order_long_past_its_deadline_is_named_and_a_young_one_is_only_counted() {
    let mut state = shop();
    state.accept(ORDERS, Timestamp::from_millis(800_000));
    state.accept(ORDERS + 1, start());
    let (report, _) = audited(state).await;
    assert_eq!(report.orders.pending, 2);
    assert_eq!(examples(&report), ["order 00000030: still in progress, its deadline was 1970-01-01T00:14:20.000Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_named_and_the_rest_is_audited() {
    let mut state = shop();
    state.broken.insert("00000001".into());
    let expected = "order 00000001: it cannot be read (ordering.db, space `orders`, key `00000001`): no JSON";
    assert_eq!(examples(&audited(state).await.0), [expected]);

    let mut state = shop();
    state.intents.insert("pi-0".into(), json!({"id": "pi-0", "order_id": null, "status": "unreadable", "amount": 0, "currency": "", "amount_received": 0, "amount_refunded": 0}));
    let expected = [
        "intent pi-0: it cannot be read (psp.db, space `intents`, key `pi-0`)",
        "order 00000000: REJECTED payment_declined, but the provider has no intent that it declined",
    ];
    assert_eq!(examples(&audited(state).await.0), expected);
}

#[tokio::test(start_paused = true)]
async fn a_shipment_that_is_dropped_or_of_no_order_is_named() {
    let mut state = shop();
    state.shipments.remove("00000001");
    assert_eq!(examples(&audited(state).await.0), ["order 00000001: CONFIRMED, but shipping has no shipment for it"]);
    for stray in ["0", "00000001x", "zz"] {
        let mut state = shop();
        let record = state.shipments["00000001"].clone();
        state.shipments.insert(stray.into(), record);
        let expected = format!("order {stray}: shipping's shipment `{stray}` is of no order of this shop");
        assert_eq!(examples(&audited(state).await.0), [expected]);
    }
}
