//! Starting again on what an earlier process left.

use crate::common::{Shop, Watch, end, events};
use rustix::process::Signal;
use std::time::Duration;

fn found(shop: &Shop) -> &str {
    let line = shop.banner.iter().find(|line| line.starts_with("data ")).unwrap();
    line.rsplit_once('(').unwrap().1.trim_end_matches(')')
}

pub(crate) fn what_a_killed_shop_had_begun_is_finished_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::on(folder.path(), &[]);
    assert_eq!(found(&shop), "new");
    let slow = shop.place("slow", "notebook-a5", 2, "pm_slow");
    let cancelled = shop.place("cancelled", "espresso-cup", 3, "pm_slow");
    shop.paying(&slow);
    shop.paying(&cancelled);
    assert_eq!(shop.cancel(&cancelled).status, 202);
    shop.process.kill();
    let watch = Watch::start();
    let mut shop = Shop::on(folder.path(), &[]);
    assert_eq!(found(&shop), "2 orders, 2 sagas go on");
    let order = shop.settled(&slow);
    assert_eq!(end(&order), ("CONFIRMED", None));
    assert!(events(&order).contains(&"saga.recovered"), "{order:#}");
    assert_eq!(end(&shop.settled(&cancelled)), ("CANCELLED", Some("cancelled_by_customer")), "a 202 is a promise");
    assert!(watch.secs() < 30.0, "it took {} s", watch.secs());
    assert_eq!((shop.stock("notebook-a5").0, shop.stock("espresso-cup")), (999_998, (1_000_000, 0, 1_000_000)));
    assert!(shop.get(&format!("/console/sagas/{slow}")).body_text().contains("saga.recovered"));
    assert_eq!(shop.get("/audit").json()["ok"], true);
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.wait(Duration::from_secs(10)).unwrap().code(), Some(0));
    let shop = Shop::on(folder.path(), &[]);
    assert_eq!(found(&shop), "2 orders, 0 sagas go on");
    assert_eq!(shop.order(&slow), order, "an end never changes");
}

pub(crate) fn a_parked_order_is_still_parked_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::on(folder.path(), &["--max-unfinished", "1"]);
    let id = shop.place("parked", "notebook-a5", 2, "pm_undo_fails");
    let order = shop.settled(&id);
    assert_eq!(end(&order), ("PENDING", Some("needs_operator")));
    let alert = shop.process.errors();
    assert!(alert.lines().count() == 1 && alert.contains("ERROR") && alert.contains(&id), "one line: {alert}");
    assert!(!alert.contains('\u{1b}'), "no colours in a file: {alert}");
    shop.process.kill();
    let shop = Shop::on(folder.path(), &["--max-unfinished", "1"]);
    assert_eq!(found(&shop), "1 order, 0 sagas go on, 1 wait for an operator");
    assert_eq!(shop.order(&id), order);
    let other = shop.place("other", "notebook-a5", 1, "pm_ok");
    assert_eq!(shop.settled(&other)["status"], "CONFIRMED", "a parked order takes no place");
}

pub(crate) fn five_kills_in_the_middle_of_one_order_still_end_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::on(folder.path(), &[]);
    let methods = ["pm_ok", "pm_slow", "pm_lost_reply", "pm_flaky", "pm_declined"];
    let ids: Vec<String> = methods.iter().map(|method| shop.place("ada", "linen-towel", 1, method)).collect();
    for _ in 0..5 {
        shop.process.kill();
        shop = Shop::on(folder.path(), &[]);
    }
    let ends: Vec<_> = ids.iter().map(|id| shop.settled(id)["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ends, ["CONFIRMED", "CONFIRMED", "CONFIRMED", "CONFIRMED", "REJECTED"]);
    assert_eq!((shop.stock("linen-towel"), shop.points("ada")), ((999_996, 0, 999_996), (4 * 19, 0)));
    assert_eq!(shop.get("/audit").json()["ok"], true);
}
