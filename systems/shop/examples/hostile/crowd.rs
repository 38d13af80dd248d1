//! Clients that behave: they place orders, read them, look at the probe and the console, and try again when told to.

use partita::core::ErrorKind;
use partita::http::{Call, Client, Reply};
use partita::time::Host;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::time::Duration;

/// Between two orders of one client.
const THINKS: Duration = Duration::from_millis(20);
/// Who gets no good answer for so long has lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// All of them.
pub(crate) struct Crowd {
    url: String,
    client: Client,
    size: usize,
    host: Host,
    accepted: RefCell<Vec<String>>,
    noted: RefCell<Noted>,
    over: Cell<bool>,
    orders: Cell<u64>,
}

/// What they met with during one attack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// From the first try to the good answer.
    pub(crate) orders: Times,
    /// The same, of the probe and the console, each on a new connection.
    pub(crate) probes: Times,
    /// Tries that had no good answer.
    pub(crate) again: u64,
    /// What had no good answer at all.
    pub(crate) lost: Vec<String>,
}

impl Noted {
    /// Counts it as lost when one of them waited so long for an answer.
    pub(crate) fn must_not_wait(&mut self, limit: Duration) {
        let longest = self.orders.at(100).max(self.probes.at(100));
        if longest >= limit {
            self.lost.push(format!("one of the others waited for {longest:?}"));
        }
    }
}

/// Times; as many as the crowd has made requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a hundred do not exceed; nothing took no time.
    pub(crate) fn at(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(place).copied().unwrap_or_default()
    }
}

impl Crowd {
    pub(crate) fn new(url: &str, size: usize, host: &Host) -> Result<Self, String> {
        let client = Client::network(url, host).map_err(|error| error.to_string())?;
        let (accepted, noted) = (RefCell::default(), RefCell::default());
        let (url, host, over, orders) = (url.to_owned(), host.clone(), Cell::new(false), Cell::new(0));
        Ok(Self { url, client, size, host, accepted, noted, over, orders })
    }

    /// Lets them go on until something is done, and each one end what it has begun.
    pub(crate) async fn go_on_while<F: Future>(&self, work: F) -> F::Output {
        self.over.set(false);
        let crowd = futures_util::future::join_all((0..self.size).map(|_| self.one()));
        let work = async {
            let done = work.await;
            self.over.set(true);
            done
        };
        tokio::join!(work, crowd).0
    }

    /// What they met with since it was last asked.
    pub(crate) fn take(&self) -> Noted {
        self.noted.take()
    }

    async fn one(&self) {
        while !self.over.get() {
            let number = self.orders.replace(self.orders.get() + 1);
            let (key, customer) = (format!("good-{number}"), format!("good-{}", number % 100));
            let items = json!([{"sku": "espresso-cup", "quantity": 1}]);
            let body = json!({"customer_id": customer, "items": items, "payment_method": "pm_ok"});
            let began = self.host.clock.elapsed();
            let placed = self.ask(&key, |client| client.post("/orders").key(&key).json(&body)).await;
            if let Some(id) = placed.and_then(|reply| order_id(&reply)) {
                let path = format!("/orders/{id}");
                self.ask(&path, |client| client.get(&path)).await;
                self.noted.borrow_mut().orders.0.push(self.host.clock.elapsed().saturating_sub(began));
                self.accepted.borrow_mut().push(id);
            }
            for path in ["/readyz", "/console"] {
                let began = self.host.clock.elapsed();
                self.ask(path, |_| self.newcomer().get(path)).await;
                self.noted.borrow_mut().probes.0.push(self.host.clock.elapsed().saturating_sub(began));
            }
            self.host.clock.sleep(THINKS).await;
        }
    }

    /// Asks until there is a good answer.
    async fn ask(&self, what: &str, request: impl Fn(&Client) -> Call) -> Option<Reply> {
        let began = self.host.clock.elapsed();
        loop {
            let why = match request(&self.client).timeout(Duration::from_secs(10)).send().await {
                Ok(reply) if reply.is_success() => return Some(reply),
                Ok(reply) if !matches!(reply.status.as_u16(), 408 | 409 | 503 | 504) => {
                    self.lost(format!("{what}: {}", reply.status));
                    return None;
                }
                Ok(reply) => reply.status.to_string(),
                Err(error) if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) => {
                    self.lost(format!("{what}: {error}"));
                    return None;
                }
                Err(error) => error.to_string(),
            };
            self.noted.borrow_mut().again += 1;
            if self.host.clock.elapsed().saturating_sub(began) > PATIENCE {
                self.lost(format!("{what}: {why}"));
                return None;
            }
            self.host.clock.sleep(AGAIN).await;
        }
    }

    /// One who has no connection yet, as a probe from outside has none.
    fn newcomer(&self) -> Client {
        Client::network(&self.url, &self.host).unwrap_or_else(|_| self.client.clone())
    }

    fn lost(&self, what: String) {
        self.noted.borrow_mut().lost.push(what);
    }

    /// Reads every order that was accepted: how many there are, and which did not end well.
    pub(crate) async fn all_ended(&self) -> Result<(usize, Vec<String>), String> {
        let accepted = self.accepted.take();
        let mut wrong = vec![];
        for ids in accepted.chunks(64) {
            let asked = ids.iter().map(|id| async move {
                let call = self.client.get(&format!("/orders/{id}")).header("prefer", "wait=20");
                let reply = call.send().await.map_err(|error| error.to_string())?;
                let status = reply.json::<Value>().map_err(|error| error.to_string())?["status"].clone();
                Ok::<_, String>((status != "CONFIRMED").then(|| format!("order {id} is {status}")))
            });
            for end in futures_util::future::join_all(asked).await {
                wrong.extend(end?);
            }
        }
        let audit = self.client.get("/audit").send().await.map_err(|error| error.to_string())?;
        let audit = audit.json::<Value>().map_err(|error| error.to_string())?;
        if audit["ok"] != true {
            wrong.push(format!("the audit: {}", audit["invariants"]));
        }
        Ok((accepted.len(), wrong))
    }
}

fn order_id(reply: &Reply) -> Option<String> {
    reply.json::<Value>().ok()?["order_id"].as_str().map(str::to_owned)
}
