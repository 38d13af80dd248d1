//! Durable sagas: a typed builder, a journal, and the engine that finishes or undoes them whatever crashes.

mod view;

pub use view::{Class, SagaDetail, SagaRow, Sagas, StepView, TimelineEntry};
