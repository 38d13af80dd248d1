//! Policies in one order.
//!
//! A [`Policy`] lists what a dependency is called through; [`Policy::build`] checks it and makes a [`Stack`]. The order is
//! always the same, from the outside in, whatever order the methods are called in:
//!
//! | | policy | why here |
//! |---|---|---|
//! | 1 | fallback | answers whatever went wrong beneath, once |
//! | 2 | deadline | one limit for all attempts and waits together |
//! | 3 | coalesce, cache | an answer that is there costs nothing of what follows; a kept one serves even with no time left |
//! | 4 | rate limit | counts requests, not attempts |
//! | 5 | retry | each attempt below is judged by itself |
//! | 6 | hedge | several calls of one attempt |
//! | 7 | breaker | sees each call that is really made, from its begin to its end; a wait for a place is no part of it |
//! | 8 | bulkhead or adaptive limit | its refusal is ours, and the breaker does not count it |
//! | 9 | attempt timeout | the breaker sees a hang as the failure that it is, and the permit comes back |
//!
//! A hang that no timeout ends is cut short by the deadline. To the breaker that is a slow call, however long its slow calls
//! are, if the attempt had at least half of the stack's own deadline; one that had less, as by a sooner deadline of the
//! caller, or the rest that another attempt left, says nothing about the dependency.
//!
//! Who wants another order stacks the single layers.
//!
//! What is listed holds for each call, so a stack's type says which calls there are: with a cache or coalescing they have a
//! key ([`Stack::call_keyed`]), with a fallback a second answer ([`Stack::call_or`], [`Stack::call_keyed_or`]), and
//! [`Stack::layer`] asks requests for what its calls need.
//!
//! ```
//! # use partita_resilience::{Policy, breaker::Breaker, retry::Retry};
//! # use std::time::Duration;
//! # async fn fetch(_: u32) -> Result<&'static str, std::io::Error> { Ok("200") }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let catalogue = Policy::new("catalogue")
//!     .deadline(Duration::from_secs(2))
//!     .idempotent()
//!     .retry(Retry::builder("catalogue"))
//!     .breaker(Breaker::builder("catalogue").build()?)
//!     .attempt_timeout(Duration::from_millis(500))
//!     .build()?;
//! let answer = catalogue.call(|attempt| fetch(attempt.number())).await?;
//! assert_eq!(answer, "200");
//! # Ok(()) }
//! ```

mod ask;
mod cached;
mod call;
mod calling;
mod check;
#[cfg(test)]
mod check_tests;
mod config;
mod cut;
#[cfg(test)]
mod cut_tests;
mod explain;
#[cfg(test)]
mod explain_tests;
#[cfg(test)]
mod hedge_tests;
mod judge;
mod keyed;
mod lasting;
mod layer;
#[cfg(test)]
mod layer_tests;
#[cfg(test)]
mod order_tests;
mod permits;
mod requests;
mod run;
mod second;
#[cfg(test)]
mod tests;
mod time;
mod trial;

pub use ask::{Answers, Ask, Sharing};
pub use call::Stack;
pub use config::Policy;
pub use explain::{Explanation, Shares};
pub(crate) use explain::{number, time};
pub use lasting::{Keeps, Lasting};
pub use permits::Permits;
pub use second::Answered;
