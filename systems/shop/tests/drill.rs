//! A shop that is killed, stopped and let stand still in the middle of its work loses nothing: the drill in its short form.

use drill::Drill;
use partita::time::Host;
use std::time::Duration;

#[path = "../examples/drill/mod.rs"]
mod drill;

#[tokio::test]
async fn a_shop_killed_stopped_and_halted_at_random_moments_ends_every_order_exactly_once() {
    let (host, _tasks) = Host::system();
    let drill = Drill {
        binary: env!("CARGO_BIN_EXE_shop").into(),
        orders: 300,
        concurrency: 64,
        kills: 3,
        early: 4,
        recovering: 3,
        terms: 1,
        stop: Duration::from_millis(2_500),
        seed: 5,
    };
    let report = drill.run(&host, &|line| println!("{line}")).await.unwrap();
    println!("{report}");
    assert!(report.is_good(), "{report}");
}
