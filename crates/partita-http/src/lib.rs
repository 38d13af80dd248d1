//! HTTP on both sides of a service: one client type for calls in the process and over the network, and the parts that
//! every server needs.
//!
//! - **Calling**: a [`Client`] sends to an [`axum::Router`] in the same process or to an address, and tells apart what
//!   [`partita_core::Error`] tells apart: may it be tried again, may it have taken effect?
//! - **Answering**: [`Problem`]s (RFC 9457), [`AsJson`], a strict [`Json`] reader, [`IdempotencyKey`], [`prefer_wait`], [`read_body`].
//! - **Serving**: a [`Listener`], a [`Gate`] that answers before the stores are open, a [`Server`] with limits.
//! - **Remembering**: the [`Ledger`] of a saga's participant and the [`Intake`] of a public route: same key, same answer,
//!   in the commit of the effect itself.

mod as_json;
mod client;
mod fallback;
mod field_errors;
mod intake;
mod json;
mod ledger;
mod problem;
mod request;
mod run;
mod serve;
mod slug;

pub use as_json::{AsJson, JsonBody};
pub use client::{Call, Client, ProblemBody, Reply, Transport};
pub use fallback::fallback;
pub use field_errors::{FieldError, FieldErrors};
pub use intake::{Decision, Intake, StoredReply};
pub use json::{Json, JsonText, pointer_token};
pub use ledger::{Acted, Entry, Ledger, Outcome, Refused, Row, Undid};
pub use problem::Problem;
pub use request::{IdempotencyKey, prefer_wait, read_body, require_json};
pub use run::hang_up;
pub use serve::{Gate, Listener, ServeLimits, Server, Wording};
pub use slug::Slug;
