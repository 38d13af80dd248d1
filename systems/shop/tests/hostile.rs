//! Hostile clients take nothing from the others: every attack in its short form, while well-behaved clients go on.

use hostile::Hostile;
use partita::time::Host;
use std::time::Duration;

#[path = "../examples/hostile/mod.rs"]
mod hostile;

#[tokio::test]
async fn others_lose_nothing_while_clients_are_hostile() {
    let (host, _tasks) = Host::system();
    let hostile = Hostile {
        binary: env!("CARGO_BIN_EXE_shop").into(),
        lasts: Duration::from_millis(400),
        connections: 1_000,
        duplicates: 1_000,
        others: 4,
        all: false,
    };
    let report = hostile.run(&host, &|line| println!("{line}")).await.unwrap();
    assert!(report.is_good(), "{:#?}", report.wrong());
    for row in &report.rows {
        assert!(row.others.orders.count() > 0 && row.others.probes.count() > 0, "{row}: the others stood still");
        assert!(row.peak.files < 2_048 + 128 && row.peak.resident_mib < 512, "{row}: it took too much");
    }
}
