//! The whole shop: every service built, each on a store of its own, wired through clients.

mod audit;
mod describe;
mod public;
mod wiring;

use crate::env::ServiceEnv;
use crate::ordering::{self, Links, Options, Ordering};
use crate::{inventory, loyalty, payments, psp, shipping};
use axum::Router;
use axum::response::Response;
pub(crate) use describe::describe;
use partita::core::{Result, Store};
use partita::http::{Client, Problem};
use partita::time::Host;
pub use public::order_to_try;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
pub use wiring::{Files, Wiring};

/// The services that have a store, in the order in which they are opened.
pub const SERVICES: [&str; 5] = ["ordering", "inventory", "loyalty", "shipping", "psp"];

/// A shop, open for orders.
#[derive(Debug)]
pub struct Shop {
    ordering: Ordering,
    stores: Vec<(&'static str, Arc<dyn Store>)>,
    router: Router,
    stopping: watch::Sender<bool>,
}

/// The clients of every service.
#[derive(Clone, Debug)]
struct Clients {
    links: Links,
    /// The provider's own records, for the audit.
    psp_audit: Client,
}

impl Shop {
    /// Opens the stores, builds the services, and lets what an earlier process left go on.
    ///
    /// # Errors
    /// Those of the stores, naming the file.
    pub async fn open(wiring: &dyn Wiring, options: Options, url: &str, host: &Host) -> Result<Self> {
        let mut stores = vec![];
        for service in SERVICES {
            stores.push((service, wiring.store(service, spaces(service)).await?));
        }
        let env = |service: &str| {
            let store = stores.iter().find(|(name, _)| *name == service).map(|(_, store)| store.clone());
            let closed = || partita::core::Error::new(partita::core::ErrorKind::NotFound, "no such service");
            Ok::<_, partita::core::Error>(ServiceEnv { store: store.ok_or_else(closed)?, host: host.clone() })
        };
        let ledger = |service: &str| Ok::<_, partita::core::Error>(wiring.ledger(&env(service)?));
        let psp_router = psp::router(env("psp")?).await?;
        let provider = wiring.link("psp", psp_router.clone()).await?;
        let links = Links {
            inventory: wiring
                .link("inventory", inventory::router(env("inventory")?, ledger("inventory")?).await?)
                .await?,
            loyalty: wiring.link("loyalty", loyalty::router(env("loyalty")?, ledger("loyalty")?).await?).await?,
            payments: wiring.link("payments", payments::router(provider)).await?,
            shipping: wiring.link("shipping", shipping::router(env("shipping")?, ledger("shipping")?).await?).await?,
        };
        let psp_audit = Client::in_process(psp::audit_router(&env("psp")?), host);
        let ordering = Ordering::open(env("ordering")?, links.clone(), options).await?;
        let stopping = watch::Sender::new(false);
        let clients = Clients { links, psp_audit };
        let parts = public::Parts {
            ordering: ordering.clone(),
            clients,
            psp: psp_router,
            stores: stores.clone(),
            url: url.to_owned(),
        };
        let router = public::routes(parts, stopping.subscribe(), host);
        ordering.begin();
        Ok(Self { ordering, stores, router, stopping })
    }

    /// What is served before a shop is open.
    pub fn opening() -> Router {
        public::not_serving("opening", "the shop is opening its stores")
    }

    /// How the server words what it refuses itself: in the form of the route that was asked for.
    pub fn refused(path: &str, problem: Problem) -> Response {
        public::refused(path, problem)
    }

    /// What is served once a shop rests.
    pub fn stopping() -> Router {
        public::not_serving("stopping", "the shop is stopping")
    }

    /// Everything that is served to the public.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The ordering service.
    pub fn ordering(&self) -> &Ordering {
        &self.ordering
    }

    /// The store of each service.
    pub fn stores(&self) -> &[(&'static str, Arc<dyn Store>)] {
        &self.stores
    }

    /// Ends live streams and takes nothing new into work; attempts under way get a grace period.
    pub async fn rest(&self, grace: Duration) {
        self.stopping.send_replace(true);
        self.ordering.engine().stop(grace).await;
    }

    /// Closes the stores.
    pub async fn close(&self) {
        for (_, store) in &self.stores {
            store.close().await;
        }
    }
}

/// The spaces of a service's store.
pub(crate) fn spaces(service: &str) -> Vec<partita::core::Space> {
    match service {
        "ordering" => ordering::spaces(),
        "inventory" => inventory::spaces(),
        "loyalty" => loyalty::spaces(),
        "shipping" => shipping::spaces(),
        _ => psp::spaces(),
    }
}
