//! Ordering: takes orders, and finishes or undoes each by its checkout saga.

mod accept;
mod api;
mod describe;
mod facts;
mod model;
mod requests;
mod saga;
mod shown;
mod waiters;

use crate::env::ServiceEnv;
use axum::Router;
pub(crate) use describe::describe;
pub use facts::Facts;
use model::Checkout;
use partita::core::{FieldKind, Result, Space};
use partita::http::{Client, Intake};
use partita::saga::{Engine, Registered, Settings};
use saga::Participants;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering as Atomic};
use tokio::sync::Notify;
use waiters::Waiters;

pub(crate) const ORDERS: &str = "orders";

/// The ordering service.
#[derive(Clone, Debug)]
pub struct Ordering(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    env: ServiceEnv,
    engine: Engine,
    checkout: Registered<Checkout>,
    waiters: Waiters,
    unfinished: AtomicI64,
    taken_over: i64,
    recent_keys: accept::RecentKeys,
    keys_taken: AtomicU32,
    /// Rings when it is time to forget old keys.
    many_keys: Notify,
    max_unfinished: i64,
}

/// How the service runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Orders accepted and not yet ended, parked ones not counted; over it the shop answers 503.
    pub max_unfinished: u32,
    /// How its sagas run.
    pub sagas: Settings,
}

impl Default for Options {
    fn default() -> Self {
        let sagas = Settings { source: "/ordering".to_owned(), ..Settings::default() };
        Self { max_unfinished: 10_000, sagas }
    }
}

/// The spaces of the service.
pub fn spaces() -> Vec<Space> {
    let mut spaces = Engine::spaces();
    spaces.push(Space::named(ORDERS).clustered().field("status", FieldKind::Text));
    spaces.push(Intake::space());
    spaces
}

/// The clients of the other services.
#[derive(Clone, Debug)]
pub struct Links {
    /// Keeps the stock.
    pub inventory: Client,
    /// Keeps the points.
    pub loyalty: Client,
    /// Talks to the provider.
    pub payments: Client,
    /// Hands parcels over.
    pub shipping: Client,
}

impl Ordering {
    /// Builds the service. Sagas run from [`Ordering::begin`] on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(env: ServiceEnv, links: Links, options: Options) -> Result<Self> {
        let engine = Engine::new(env.store.clone(), env.host.clone(), options.sagas);
        let participants = Participants::new(links);
        for earlier in [saga::checkout_one_by_one(), saga::checkout_points_after_stock()] {
            engine.register(&earlier, participants.clone())?;
        }
        let checkout = engine.register(&saga::checkout(), participants)?;
        let pending =
            env.store.counters(ORDERS).await?.iter().find(|(name, _)| name == "PENDING").map_or(0, |(_, n)| *n);
        let parked = facts::parked(&engine).await?;
        let waiters = Waiters::new();
        let inner = Inner {
            env,
            engine,
            checkout,
            waiters,
            unfinished: AtomicI64::new(pending - parked),
            taken_over: pending - parked,
            recent_keys: accept::RecentKeys::default(),
            keys_taken: AtomicU32::new(0),
            many_keys: Notify::new(),
            max_unfinished: i64::from(options.max_unfinished),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Starts working: what an earlier process left goes on.
    pub fn begin(&self) {
        waiters::watch(self.clone());
        accept::forget_old_keys(self.clone());
        self.0.engine.begin();
    }

    /// The engine of its sagas.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Its public routes.
    pub fn router(&self) -> Router {
        api::routes(self.clone())
    }

    /// Orders that an earlier process left unfinished, parked ones not counted.
    pub fn taken_over(&self) -> i64 {
        self.0.taken_over.max(0)
    }

    /// Orders accepted and not yet ended, parked ones not counted.
    pub fn unfinished(&self) -> i64 {
        self.0.unfinished.load(Atomic::Relaxed).max(0)
    }
}
