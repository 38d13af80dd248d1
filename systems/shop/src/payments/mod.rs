//! Payments: authorizes, captures and voids at the provider, one call at a time, and keeps no ledger of effects.
//!
//! The saga's key is passed through to the provider, which recognises repeats by it. Captures and voids find their intent by
//! order id, never by an id that an earlier step returned: they may be the first to hear of it. Each call to the provider
//! ends after 2 s; what became of it is then unknown, and a caller asks `GET /authorization` or repeats with the same key.
//!
//! | the provider answers | we answer | to a saga this is |
//! |---|---|---|
//! | 200 | 200 | done |
//! | 402 `card_declined` | 422 `refused`, `reason: payment_declined` | a refusal: no effect |
//! | 409 `idempotency_key_in_use`, 5xx, anything unknown, no connection | 502 `upstream` | unfinished, later, effect possible |
//! | 503 or 429 with `Retry-After` | 503 `overloaded` with it | unfinished, put off: not one of its tries |
//! | nothing within 2 s, or no connection, to a void | 503 `overloaded` with it | the same: only answers use up its tries |
//! | nothing within 2 s, otherwise | 504 `timeout` | unfinished, later, effect possible |
//! | 400 `payment_intent_unexpected_state` | 502 `upstream` | unfinished: the intent moved meanwhile, look again |
//! | 400 `idempotency_error` | 422 `key-reused` | a defect: never again |
//! | 400 `parameter_*` | 400 `bad-request` | a defect: never again |
//!
//! What the order's intents say, before any call that changes one:
//!
//! | intents of the order | capture | void | `GET /authorization` |
//! |---|---|---|---|
//! | one `succeeded` | 200, nothing to do | 409 `cannot-cancel` | `captured` |
//! | one `requires_capture` | captured with the key | canceled with the key and `/undo` | `authorized` |
//! | several `requires_capture` | 409 `cannot-cancel`: not ours to guess | all canceled | `authorized` |
//! | `processing` | 409 `key-in-flight` | 409 `key-in-flight`, the others are canceled | `processing` |
//! | `requires_payment_method` | 422 `refused` | canceled, so that it is final | `declined` |
//! | `canceled` | 422 `refused` | 200, nothing to do | `canceled` |
//! | none | 404 `not-found` | 200, nothing to do | `none` |
//!
//! Where several rows hold, `captured` counts before `processing`, then `authorized`, `declined`, `canceled`.

mod api;
mod model;
mod provider;
#[cfg(test)]
mod tests;

use axum::Router;
use partita::http::Client;

/// Builds the service; `provider` is how it reaches `/psp/v1`. It has no store: the provider remembers.
pub fn router(provider: Client) -> Router {
    api::routes(provider::Provider::new(provider))
}
