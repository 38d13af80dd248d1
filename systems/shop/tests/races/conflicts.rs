//! Orders for one product at once do not stand in each other's way.

use crate::wiring::Open;
use futures_util::future::join_all;
use partita::time::Host;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_orders_for_one_product_do_not_retry_each_others_conflicts() {
    let (host, group) = Host::system();
    let shop = Open::in_memory(&host).await;
    let before = |service: &str| shop.counts[service].get();
    let start = before("inventory");
    let orders = (0..64).map(|number| {
        let shop = &shop;
        async move {
            let id = shop.place(&format!("k-{number}"), "one-customer", "pm_ok").await;
            assert_eq!(shop.end(&id).await, "CONFIRMED");
        }
    });
    join_all(orders).await;
    for service in shop.counts.keys() {
        let (applied, conflicts) = shop.counts[service].get();
        println!("{service}: {applied} commits, {conflicts} conflicts");
        assert_eq!(conflicts, 0, "{service}");
    }
    let (applied, _) = shop.counts["inventory"].get();
    assert_eq!(applied - start.0, 2 * 64, "each order reserves once and commits once");
    group.end().await;
}
