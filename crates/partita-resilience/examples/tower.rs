//! Single policies as tower layers, stacked by hand, and the whole stack as one layer.
//!
//! A layer over another policy needs `.nested()`: only then it sees which errors are refusals of the policy beneath, and
//! never repeats those.
//!
//! ```text
//! cargo run -p partita-resilience --example tower
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use partita_resilience::breaker::{Breaker, BreakerLayer};
use partita_resilience::retry::Retry;
use partita_resilience::timeout::Timeout;
use partita_resilience::{Error, Policy};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", shown().await?);
    Ok(())
}

pub(crate) async fn shown() -> Result<String, Box<dyn std::error::Error>> {
    let made = Arc::new(AtomicU32::new(0));
    let fetch = service_fn({
        let made = Arc::clone(&made);
        move |id: u32| fetch(Arc::clone(&made), id)
    });

    let retry = Retry::builder("catalogue").initial(Duration::from_millis(10)).idempotent(true).build()?;
    let timeout = Timeout::builder("catalogue").fixed(Duration::from_millis(50)).build()?;
    let by_hand = ServiceBuilder::new().layer(retry.layer().nested()).layer(timeout.layer()).service(fetch.clone());
    let by_hand =
        format!("by hand:   {} after {} attempts", by_hand.oneshot(7).await?, made.swap(0, Ordering::Relaxed));

    let stack = Policy::new("catalogue")
        .retry(Retry::builder("catalogue").initial(Duration::from_millis(10)))
        .idempotent()
        .attempt_timeout(Duration::from_millis(50))
        .build()?;
    let stacked = ServiceBuilder::new().layer(stack.layer()).service(fetch.clone());
    let stacked =
        format!("one layer: {} after {} attempts", stacked.oneshot(7).await?, made.swap(0, Ordering::Relaxed));

    let breaker = Breaker::builder("catalogue").build()?;
    breaker.force_open();
    let careful = Retry::builder("catalogue").idempotent(true).build()?;
    let nested = ServiceBuilder::new().layer(careful.layer().nested()).layer(BreakerLayer::new(breaker)).service(fetch);
    let Err(Error::Rejected(refused)) = nested.oneshot(7).await else {
        return Err("an open breaker let a call pass".into());
    };
    let nested = format!("refused:   {refused}, after {} attempts", made.load(Ordering::Relaxed));
    Ok([by_hand, stacked, nested].join("\n"))
}

/// Hangs the first time, fails the second time, answers the third time.
async fn fetch(made: Arc<AtomicU32>, id: u32) -> io::Result<String> {
    match made.fetch_add(1, Ordering::Relaxed) {
        0 => std::future::pending().await,
        1 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        _ => Ok(format!("product {id}")),
    }
}
