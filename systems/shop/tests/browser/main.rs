//! The console in a browser, at the width of a phone and of a desk, while an order runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

#[path = "../common/mod.rs"]
mod common;
mod driver;

use common::{Shop, skip, until};
use driver::Browser;

const WIDTHS: [(u32, u32); 2] = [(390, 844), (1_280, 900)];
const STATE: &str = r#"document.querySelector("h1 .chip")?.textContent"#;

#[track_caller]
fn fits(browser: &Browser, width: u32) {
    let page = browser.run("document.documentElement.scrollWidth").as_u64().unwrap();
    let window = browser.run("window.innerWidth").as_u64().unwrap();
    assert_eq!(window, u64::from(width));
    assert!(page <= window, "the page scrolls sideways: {page} px in {window}");
}

/// The overview: a row for each new order, its word changing while the page stays.
fn overview(browser: &Browser, shop: &Shop, width: u32) {
    browser.open(&format!("{}/console", shop.url()));
    fits(browser, width);
    browser.run("(window.stays = true)");
    let id = shop.place("overview", "wall-clock", 1, "pm_ok");
    let word = format!(r#"document.getElementById("row-{id}")?.querySelector(".chip")?.textContent"#);
    until(15.0, "a new row says that it is completed", || (browser.run(&word) == "completed").then_some(()));
    assert_eq!(browser.run("window.stays"), true, "the page was loaded anew");
    fits(browser, width);
}

/// The page of one order, from running to completed.
fn one_saga(browser: &Browser, shop: &Shop, width: u32) {
    let id = shop.place("saga", "wall-clock", 1, "pm_slow");
    let path = format!("/console/sagas/{id}");
    browser.open(&format!("{}{path}", shop.url()));
    browser.run("(window.stays = true)");
    assert_eq!(browser.run(STATE), "running");
    fits(browser, width);
    let html = shop.get(&path).body_text();
    for part in ["saga.started", "step.started", "authorize payment", ">running<"] {
        assert!(html.contains(part), "{part} is there without a script");
    }
    until(15.0, "its state changes to completed", || (browser.run(STATE) == "completed").then_some(()));
    assert_eq!(browser.run("window.stays"), true, "the page was loaded anew");
    assert!(browser.run("document.body.textContent").as_str().unwrap().contains("saga.ended"));
    fits(browser, width);
}

fn at(installed: &(std::path::PathBuf, std::path::PathBuf), shop: &Shop, (width, height): (u32, u32)) {
    let browser = Browser::start(installed);
    browser.size(width, height);
    overview(&browser, shop, width);
    one_saga(&browser, shop, width);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.run(r#"console.error("provoked")"#);
    assert_eq!(browser.complaints().len(), 1, "complaints are heard");
}

#[test]
fn the_console_is_live_and_fits_a_phone_and_a_desk() {
    let Some(installed) = driver::installed() else {
        return skip("console in a browser: no chromium with chromedriver (PARTITA_CHROMIUM, PARTITA_CHROMEDRIVER)");
    };
    let shop = Shop::start();
    std::thread::scope(|scope| {
        for size in WIDTHS {
            let (installed, shop) = (&installed, &shop);
            scope.spawn(move || at(installed, shop, size));
        }
    });
}
