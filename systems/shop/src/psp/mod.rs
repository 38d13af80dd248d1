//! The payment provider, simulated: a service of its own with a store of its own, served under `/psp/v1`.
//!
//! | route | does |
//! |---|---|
//! | `POST payment_intents` | makes and authorizes an intent |
//! | `POST payment_intents/{id}/capture` | takes the money |
//! | `POST payment_intents/{id}/cancel` | gives up the hold |
//! | `GET payment_intents/{id}` | one intent |
//! | `GET payment_intents?order_id=` | `{data:[..],has_more}`, oldest first; with `has_more` a list goes on behind `starting_after` |
//!
//! It behaves like a real card provider as its callers see it: manual capture, idempotency keys per method and path, errors
//! as `{error:{type,code,message}}`. Unlike one it takes JSON bodies instead of forms, knows only `eur` (in any case, shown in
//! lower case), captures whole amounts, and refuses a create without `capture_method: "manual"` and `confirm: true`. Every
//! effect, the answer kept under its key, and the count of attempts are one commit, durable before any reply.
//!
//! # Payment methods
//! | method | behaviour |
//! |---|---|
//! | `pm_ok` | everything works |
//! | `pm_declined` | the create answers 402; the intent is `requires_payment_method` |
//! | `pm_capture_declined` | the capture answers 402; the intent stays `requires_capture`, so the hold must be canceled |
//! | `pm_slow` | the create answers after 5 s; until then `processing`, which cannot be canceled |
//! | `pm_lost_reply` | create and capture take effect; the first reply to each never comes |
//! | `pm_lost_request` | the first create and the first capture have no effect and no reply |
//! | `pm_flaky` | the first two requests of create and of capture answer 503 without effect |
//! | `pm_undo_fails` | as `pm_capture_declined`, and cancel always answers 503 |
//! | `pm_undo_flaky` | an addition for tests of undos: as `pm_capture_declined`, and the first two cancels answer 503 |
//!
//! A reply that "never comes" is held for 30 s, then the connection ends without a byte. Attempts are counted durably by
//! operation, payment method and `metadata.order_id`, or without one by key. A request that is refused for its parameters or
//! for the intent's state is not an attempt. Keys and counters are kept for 24 h.

mod api;
mod audit;
mod book;
mod describe;
mod error;
mod fresh;
mod model;
mod params;
mod provider;
mod slow;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use crate::env::ServiceEnv;
use axum::Router;
use axum::response::{IntoResponse, Response};
use partita::core::Result;
use partita::http::Problem;

pub use audit::audit_router;
pub(crate) use book::INTENTS;
pub use book::spaces;
pub(crate) use describe::describe;

/// What is refused before the provider hears of it, in its own form.
pub(crate) fn refused(problem: Problem) -> Response {
    error::Refusal::from(problem).into_response()
}

/// Builds the provider and takes up the slow intents that an earlier run left unfinished.
///
/// # Errors
/// Those of the store's reads.
pub async fn router(env: ServiceEnv) -> Result<Router> {
    let provider = provider::Provider::new(&env);
    provider.recover().await?;
    Ok(api::routes(provider))
}
