//! The whole shop as a world: its disks survive, and so does its customer.

use super::books::Books;
use super::bugs::Bug;
use super::customer::Customer;
use super::scenario::{End, Scenario};
use super::timeline;
use super::wiring::{Disks, Done, Seamed};
use partita::core::Result;
use partita::core::memory::MemoryDisk;
use partita::http::Client;
use partita_testkit::explore::{Machine, World};
use serde_json::Value;
use shop::app::{SERVICES, Shop};
use shop::ordering::Options;

/// One order's world.
pub(crate) struct ShopWorld {
    scenario: &'static Scenario,
    bug: Option<Bug>,
    disks: Disks,
    done: Done,
    customer: Customer,
}

/// A running shop, and the line of its customer to it.
pub(crate) struct Process {
    _shop: Shop,
    public: Client,
}

impl ShopWorld {
    /// A new shop, with a planted defect perhaps.
    pub(crate) fn new(scenario: &'static Scenario, bug: Option<Bug>) -> Self {
        let disks = SERVICES.map(|service| (service, MemoryDisk::new())).into();
        Self { scenario, bug, disks, done: Done::default(), customer: Customer::new(scenario) }
    }

    /// How the order must end.
    fn end(&self) -> End {
        match (self.scenario.end, self.customer.cancel) {
            (End::AsAnswered, Some(409)) => End::Confirmed,
            (End::AsAnswered, _) => End::Cancelled,
            (end, _) => end,
        }
    }

    async fn shown(&mut self, machine: &Machine, public: &Client) -> Vec<String> {
        let Some(order) = self.customer.look(public, 0).await else {
            return vec!["SG1: the order cannot be read".to_owned()];
        };
        timeline::count(machine, &order);
        let mut found = timeline::violations(&order);
        let (status, reason) = (order["status"].as_str(), order["reason"].as_str());
        let is_right = match self.end() {
            End::Confirmed => (status, reason) == (Some("CONFIRMED"), None),
            End::Rejected(why) => (status, reason) == (Some("REJECTED"), Some(why)),
            End::Cancelled | End::AsAnswered => (status, reason) == (Some("CANCELLED"), Some("cancelled_by_customer")),
            End::NeedsOperator => (status, reason) == (Some("PENDING"), Some("needs_operator")),
        };
        if !is_right {
            found.push(format!("SG1: {} {} instead of {:?}", order["status"], order["reason"], self.end()));
        }
        found
    }
}

/// What the shop's own audit says.
async fn audited(public: &Client) -> Vec<String> {
    let report: Value = match public.get("/audit").send().await.and_then(|reply| reply.into_success()?.json()) {
        Ok(report) => report,
        Err(error) => return vec![format!("the audit fails: {error}")],
    };
    if report["ok"] == true {
        return vec![];
    }
    let invariants = report["invariants"].as_array().into_iter().flatten();
    let examples = |invariant: &Value| {
        let id = invariant["id"].as_str().unwrap_or_default().to_owned();
        let texts = invariant["examples"].as_array().cloned().unwrap_or_default();
        texts.into_iter().map(move |text| format!("audit {id}: {}", text.as_str().unwrap_or_default()))
    };
    invariants.flat_map(examples).collect()
}

impl World for ShopWorld {
    type Process = Process;

    async fn start(&mut self, machine: &Machine) -> Result<Process> {
        let wiring = Seamed {
            machine: machine.clone(),
            disks: self.disks.clone(),
            done: self.done.clone(),
            forgets_tombstones: self.bug == Some(Bug::NoTombstone),
        };
        let mut options = Options::default();
        options.sagas.sabotage = self.bug.and_then(Bug::of_the_engine);
        let shop = Shop::open(&wiring, options, "http://shop", machine.host()).await?;
        let public = Client::in_process(shop.router(), machine.host());
        Ok(Process { _shop: shop, public })
    }

    async fn drive(&mut self, machine: &Machine, process: &Process) {
        self.customer.drive(machine, &process.public).await;
    }

    async fn check(&mut self, machine: &Machine, process: &Process) -> Vec<String> {
        let mut found = self.shown(machine, &process.public).await;
        self.customer.place(machine, &process.public).await;
        found.extend(audited(&process.public).await);
        let order = self.customer.order.clone().unwrap_or_default();
        match Books::read(&self.disks, machine).await {
            Ok(books) => {
                books.count(machine);
                found.extend(books.violations(self.scenario, &order, self.end()));
            }
            Err(error) => found.push(format!("the disks cannot be read: {error}")),
        }
        found.append(&mut self.customer.complaints);
        found
    }
}
