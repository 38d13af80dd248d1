//! The shop as a world: its disks survive, and so do its customers.

use super::Wish;
use super::books::{Books, Ended};
use super::customer::Customer;
use super::timeline;
use super::wiring::{Disks, Done, Seamed};
use futures_util::future::join_all;
use partita::core::Result;
use partita::core::memory::MemoryDisk;
use partita::http::Client;
use partita::saga::Sabotage;
use partita_testkit::explore::{Machine, World};
use serde_json::Value;
use shop::app::{SERVICES, Shop};
use shop::ordering::Options;

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    Engine(Sabotage),
    /// An undo that finds nothing leaves nothing.
    NoTombstone,
    /// Two requests with one key at once both act.
    Race,
}

/// One shop, and everybody who buys there.
pub(crate) struct ShopWorld {
    bug: Option<Bug>,
    shares: u32,
    disks: Disks,
    done: Done,
    customers: Vec<Customer>,
}

/// A running shop, and the line of its customers to it.
pub(crate) struct Process {
    _shop: Shop,
    public: Client,
}

impl ShopWorld {
    /// A new shop, with a planted defect perhaps. `shares` is in how many parts faults that meet share the window of the
    /// payment provider.
    pub(crate) fn new(wishes: impl IntoIterator<Item = Wish>, shares: u32, bug: Option<Bug>) -> Self {
        let disks = SERVICES.map(|service| (service, MemoryDisk::new())).into();
        Self { bug, shares, disks, done: Done::default(), customers: wishes.into_iter().map(Customer::new).collect() }
    }

    /// What the disks hold against how the orders ended.
    async fn books(&self, machine: &Machine, ends: &[Option<super::End>]) -> Vec<String> {
        let books = match Books::read(&self.disks, machine).await {
            Ok(books) => books,
            Err(error) => return vec![format!("the disks cannot be read: {error}")],
        };
        books.count(machine);
        let ended = self.customers.iter().zip(ends).filter_map(|(customer, end)| {
            Some(Ended { wish: &customer.wish, order: customer.order.as_deref()?, end: (*end)? })
        });
        let ended: Vec<Ended<'_>> = ended.collect();
        if ended.len() == self.customers.len() { books.violations(&ended) } else { vec![] }
    }
}

/// What is shown of an order, and how it ended.
async fn shown(
    machine: &Machine,
    public: &Client,
    customer: &mut Customer,
) -> std::result::Result<(Vec<String>, super::End), String> {
    let order = customer.look(machine, public, 0).await;
    let order = order.ok_or_else(|| "SG1: the order cannot be read".to_owned())?;
    timeline::count(machine, &order);
    let end = customer.wish.ended(customer.cancel, &order)?;
    machine.count(end.counter());
    Ok((timeline::violations(&order), end))
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
            shares: self.shares,
            bug: self.bug,
        };
        let mut options = Options::default();
        if let Some(Bug::Engine(sabotage)) = self.bug {
            options.sagas.sabotage = Some(sabotage);
        }
        let shop = Shop::open(&wiring, options, "http://shop", machine.host()).await?;
        let public = Client::in_process(shop.router(), machine.host());
        Ok(Process { _shop: shop, public })
    }

    async fn drive(&mut self, machine: &Machine, process: &Process) {
        join_all(self.customers.iter_mut().map(|customer| customer.drive(machine, &process.public))).await;
    }

    async fn check(&mut self, machine: &Machine, process: &Process) -> Vec<String> {
        let (mut found, mut ends) = (vec![], vec![]);
        for customer in &mut self.customers {
            match shown(machine, &process.public, customer).await {
                Ok((mut violations, end)) => {
                    found.append(&mut violations);
                    ends.push(Some(end));
                }
                Err(violation) => {
                    found.push(violation);
                    ends.push(None);
                }
            }
            customer.place(machine, &process.public).await;
        }
        found.extend(audited(&process.public).await);
        found.extend(self.books(machine, &ends).await);
        for customer in &mut self.customers {
            found.append(&mut customer.complaints);
        }
        found
    }
}
