//! A dependency that fails for a while, under a plain async call.
//!
//! ```text
//! cargo run -p partita-resilience --example plain
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use partita_resilience::breaker::Breaker;
use partita_resilience::fallback::Fallback;
use partita_resilience::retry::Retry;
use partita_resilience::{Policy, Timing};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The attempts, counted from 1, that find the dependency down.
const DOWN: std::ops::RangeInclusive<u32> = 3..=6;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    answers().await.map(drop)
}

/// What each of the calls is answered.
pub(crate) async fn answers() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let timing = Timing::system();
    let breaker = Breaker::builder("catalogue").min_calls(5).open(Duration::from_millis(200)).timing(timing.clone());
    let breaker = breaker.listener(|event| println!("         {}: {:?}", event.policy, event.kind)).build()?;
    let catalogue = Policy::new("catalogue")
        .fallback(Fallback::builder("shelf"))
        .idempotent()
        .deadline(Duration::from_secs(2))
        .retry(Retry::builder("catalogue").initial(Duration::from_millis(10)))
        .breaker(breaker)
        .attempt_timeout(Duration::from_millis(500))
        .timing(timing.clone())
        .build()?;
    println!("{}\n", catalogue.explain());

    let (made, mut answers) = (AtomicU32::new(0), vec![]);
    for id in 1..=12 {
        let end =
            catalogue.call_or(|_attempt| fetch(&timing, &made, id), |_cause| async { Ok("from the shelf".to_owned()) });
        let answer = end.await?;
        println!("call {id:>2}: {answer}");
        answers.push(answer);
        timing.sleep(Duration::from_millis(60)).await;
    }
    println!("\n12 calls, {} attempts", made.into_inner());
    Ok(answers)
}

async fn fetch(timing: &Timing, made: &AtomicU32, id: u32) -> io::Result<String> {
    timing.sleep(Duration::from_millis(5)).await;
    let number = made.fetch_add(1, Ordering::Relaxed) + 1;
    if DOWN.contains(&number) {
        return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
    }
    Ok(format!("product {id}"))
}
