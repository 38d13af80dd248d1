//! Cancel against pivot: one commit decides, and both sides hear the same.

use crate::wiring::Open;
use futures_util::{StreamExt, stream};
use partita::time::{Entropy, Host, timeout};
use std::time::Duration;

const RACES: u64 = 1_000;
const AT_ONCE: usize = 32;
const SEED: u64 = 7;
/// A cancel comes at most so long after the 202.
const LATEST_MICROS: u64 = 20_000;
/// With fewer of either answer, the races were none.
const LEAST: usize = 20;

/// Whether the cancel won.
async fn race(shop: &Open, host: &Host, number: u64, wait: Duration) -> bool {
    let id = shop.place(&format!("race-{number}"), &format!("c-{}", number % 50), "pm_ok").await;
    host.clock.sleep(wait).await;
    let answer = shop.cancel(&id).await;
    let end = shop.end(&id).await;
    let intents = shop.intents(&id).await;
    let shown = format!("race {number}: {} {} {intents:?}", answer.status, end);
    match answer.status.as_u16() {
        202 => {
            assert_eq!(end, "CANCELLED", "{shown}");
            assert!(intents.len() <= 1 && intents.iter().all(|status| status == "canceled"), "{shown}");
            assert_eq!(shop.cancel(&id).await.status, 202, "{shown}");
        }
        409 => {
            assert_eq!(end, "CONFIRMED", "{shown}");
            assert_eq!(intents, ["succeeded"], "{shown}");
            assert_eq!(shop.cancel(&id).await.status, 409, "{shown}");
        }
        _ => panic!("{shown}"),
    }
    answer.status == 202
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_1000_races_each_ends_as_its_cancel_was_answered() {
    let (host, group) = Host::system();
    let shop = Open::in_memory(&host).await;
    let seeded = Entropy::seeded(SEED);
    let waits: Vec<_> = (0..RACES).map(|_| Duration::from_micros(seeded.below(LATEST_MICROS))).collect();
    let races = waits.into_iter().zip(0..).map(|(wait, number)| race(&shop, &host, number, wait));
    let cancelled: Vec<bool> = stream::iter(races).buffer_unordered(AT_ONCE).collect().await;
    let won = cancelled.iter().filter(|won| **won).count();
    println!("seed {SEED}: {won} cancelled, {} confirmed", cancelled.len() - won);
    assert!(won > LEAST && cancelled.len() - won > LEAST, "{won} of {RACES} were cancelled");
    let stock = shop.get("/inventory/espresso-cup").await;
    assert_eq!(
        (stock["on_hand"].as_u64(), stock["reserved"].as_u64()),
        (Some(1_000_000 - RACES + won as u64), Some(0))
    );
    let all_counted_out = async {
        while shop.shop.ordering().unfinished() != 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(&*host.clock, Duration::from_secs(5), all_counted_out).await.expect("no order keeps its place");
    let audit = shop.get("/audit").await;
    assert_eq!(audit["ok"], true, "{audit:#}");
    group.end().await;
}
