//! How long the shop remembers a key.

use crate::wiring::in_virtual_time;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn a_key_is_the_same_order_for_24_hours_and_is_forgotten_after_25() {
    let (shop, host, group) = in_virtual_time().await;
    let first = shop.place("kept", "ada", "pm_ok").await;
    assert_eq!(shop.end(&first).await, "CONFIRMED");
    host.clock.sleep(24 * HOUR).await;
    assert_eq!(shop.place("kept", "ada", "pm_ok").await, first);
    host.clock.sleep(2 * HOUR).await;
    assert_ne!(shop.place("kept", "ada", "pm_ok").await, first);
    group.end().await;
}
