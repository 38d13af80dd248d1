//! What is refused, whatever the route.

use crate::common::http::{Ask, exchange};
use crate::common::shared;

/// Routes of the participants; only other services may reach them.
const HIDDEN: [&str; 13] = [
    "/reserve",
    "/release",
    "/commit",
    "/hold",
    "/award",
    "/authorize",
    "/authorization",
    "/capture",
    "/void",
    "/shipments",
    "/audit/ledger",
    "/audit/stock",
    "/audit/intents",
];

#[test]
fn what_others_may_not_do_is_not_reachable() {
    let shop = shared();
    let hidden = HIDDEN.iter().copied().chain(["/audit/accounts", "/shipments/x", "/psp/capture"]);
    for path in hidden {
        for ask in [shop.ask("GET", path), shop.post(path).key("k").text("{}")] {
            ask.send().problem(404, "not-found");
        }
    }
}

#[test]
fn an_unknown_route_is_a_problem_404() {
    let shop = shared();
    for path in
        ["/nope", "/orders/", "/orders/x/cancel/", "/orders/x/nope", "//readyz", "/Orders", "/inventory/", "/psp"]
    {
        shop.get(path).problem(404, "not-found");
    }
}

#[test]
fn a_wrong_method_is_a_problem_405_that_names_the_right_ones() {
    let shop = shared();
    let reads = ["/", "/readyz", "/products", "/inventory/scarce", "/customers/x/points", "/orders/x", "/audit"];
    let wrong = |method: &str, path: &str, allowed: &str| {
        let answer = shop.ask(method, path).send();
        answer.problem(405, "method-not-allowed");
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.split(',').any(|one| one.trim() == allowed), "{method} {path}: {allow:?}");
    };
    for path in reads {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            wrong(method, path, "GET");
        }
    }
    for path in ["/orders", "/orders/x/cancel"] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            wrong(method, path, "POST");
        }
    }
}

#[test]
fn an_encoded_body_is_a_415_that_says_so() {
    let shop = shared();
    let gzip =
        |path: &str| shop.post(path).key("gzip").header("content-encoding", "gzip").text([0x1f, 0x8b, 8, 0]).send();
    let told = gzip("/orders").problem(415, "unsupported-media-type");
    assert!(told["detail"].as_str().unwrap().contains("Content-Encoding"), "{told}");
    assert_eq!(gzip("/orders").header("accept-encoding"), Some("identity"));
    assert_eq!(gzip("/psp/v1/payment_intents").status, 415);
}

#[test]
fn a_head_is_the_get_without_its_body() {
    let shop = shared();
    for path in ["/products", "/orders/nope", "/console"] {
        let (head, get) = (shop.ask("HEAD", path).send(), shop.get(path));
        assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")));
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
    }
}

#[test]
fn what_is_not_http_is_refused_and_the_shop_goes_on() {
    let shop = shared();
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(300));
    let both = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}";
    for bytes in ["hello\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0", &long, &headers, both]
    {
        let answer = exchange(shop.address, bytes.as_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&answer);
        let status: u16 = text.split(' ').nth(1).map_or(400, |status| status.parse().unwrap());
        assert!((400..500).contains(&status), "{:?}: {text}", bytes.get(..20));
    }
    assert_eq!(shop.get("/readyz").status, 200);
}

#[test]
fn an_absolute_target_and_a_query_reach_the_same_route() {
    let shop = shared();
    let absolute = Ask::new(shop.address, "GET", &format!("{}/products?x=y", shop.url())).send();
    assert_eq!((absolute.status, absolute.json()), (200, shop.get("/products").json()));
}
