//! Durable sagas: a typed builder, a journal, and the engine that finishes or undoes them whatever crashes.
//!
//! A [`Saga`] is a sentence: steps with their undos, a pivot, steps that can only be tried again. Up to the pivot every exit
//! (a refusal, the deadline, a cancel) takes the same way back; from the record that holds the pivot's intent on there is
//! only forward. An order that could not be kept does not compile.
//!
//! What a step may answer decides what follows. [`reject`] alone refuses; any other error, a timeout, a panic and a crash
//! leave the attempt without an answer. It is then *in doubt*, and settled before it is undone: by the tombstone that the
//! undo leaves in a service of your own, by insisting on the same request ([`Draft::insist`]), or by asking
//! ([`Draft::probe`]). Every attempt and the undo carry the same [key](Step::key).
//!
//! ```
//! use partita_core::memory::{MemoryDisk, MemoryStore};
//! use partita_saga::{Class, Engine, Retriable, Saga, Sagas, Settings, Step, StepResult, reject};
//! use partita_time::Host;
//! use serde::{Deserialize, Serialize};
//! use std::{sync::Arc, time::Duration};
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Order { quantity: u32, reservation: Option<String> }
//! struct Shop { in_stock: u32 }
//!
//! async fn reserve(mut order: Order, cx: Step<Shop>) -> StepResult<Order> {
//!     if order.quantity > cx.env().in_stock {
//!         return Err(reject("out of stock"));
//!     }
//!     order.reservation = Some(cx.key().to_owned());
//!     Ok(order)
//! }
//! async fn release(_: Order, _: Step<Shop>) -> Retriable<()> { Ok(()) }
//! async fn capture(order: Order, _: Step<Shop>) -> StepResult<Order> { Ok(order) }
//! async fn ship(order: Order, _: Step<Shop>) -> Retriable<Order> { Ok(order) }
//!
//! fn checkout() -> Saga<Order, Shop> {
//!     Saga::named("checkout")
//!         .deadline(Duration::from_secs(60))
//!         .step("reserve stock", reserve).undo(release).within(Duration::from_secs(5))
//!         .pivot("capture payment", capture).insist(Duration::from_secs(24 * 3600))
//!         .step("create shipment", ship)
//!         .build()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> partita_core::Result<()> {
//! let (host, tasks) = Host::system();
//! let store = MemoryStore::open(&MemoryDisk::new(), Engine::spaces(), &host);
//! let engine = Engine::new(store, host, Settings::default());
//! let checkout = engine.register(&checkout(), Shop { in_stock: 5 })?;
//! let mut rests = engine.rests();
//! engine.begin();
//!
//! checkout.run("order-1", &Order { quantity: 2, reservation: None }).await?;
//! let _ = rests.recv().await;
//! assert_eq!(engine.class("order-1").await?, Some(Class::Completed));
//!
//! checkout.run("order-2", &Order { quantity: 9, reservation: None }).await?;
//! let _ = rests.recv().await;
//! let saga = engine.detail("order-2").await?.map(|saga| saga.row.reason);
//! assert_eq!(saga, Some(Some("reserve stock was refused: out of stock".to_owned())));
//! # engine.stop(Duration::from_secs(1)).await;
//! # tasks.end().await;
//! # Ok(())
//! # }
//! ```

mod build;
mod definition;
mod engine;
mod journal;
mod outcome;
mod state;
mod view;

pub use build::{Draft, Group, Saga, place};
pub use definition::{End, Why};
#[cfg(feature = "sabotage")]
pub use engine::Sabotage;
pub use engine::{Alerts, Cancel, Engine, ParkedAlert, Registered, Settings, Start, Started};
pub use outcome::{Probe, ProbeResult, Refusal, Retriable, Step, StepResult, Stop, Unfinished, reject};
pub use view::{Class, SagaDetail, SagaRow, Sagas, StepView, TimelineEntry};
