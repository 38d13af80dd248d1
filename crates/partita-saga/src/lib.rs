//! Durable sagas: a typed builder, a journal, and the engine that finishes or undoes them whatever crashes.

mod build;
mod definition;
mod engine;
mod journal;
mod outcome;
mod view;

pub use build::{BranchWithoutUndo, Draft, Group, Saga, place};
pub use definition::{End, Why};
#[cfg(feature = "sabotage")]
pub use engine::Sabotage;
pub use engine::{Alerts, Cancel, Engine, ParkedAlert, Registered, Settings, Start, Started};
pub use outcome::{Probe, ProbeResult, Refusal, Retriable, Step, StepResult, Stop, Unfinished, reject};
pub use view::{Class, SagaDetail, SagaRow, Sagas, StepView, TimelineEntry};
