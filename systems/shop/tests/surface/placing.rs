//! Placing an order: what is checked, and in which order.

use crate::common::http::Ask;
use crate::common::{Shop, fresh, order, shared};
use serde_json::{Value, json};

const LIMIT: usize = 64 << 10;

fn good() -> Value {
    order("ada", "espresso-cup", 1, "pm_declined")
}

fn good_with(name: &str, value: Value) -> Value {
    let mut body = good();
    body[name] = value;
    body
}

/// The good body, padded with white space to a length.
fn padded(length: usize) -> String {
    let text = good().to_string();
    " ".repeat(length - text.len()) + &text
}

/// The pointers of all that is wrong with a body.
fn pointers(shop: &Shop, body: &str) -> Vec<String> {
    let problem = shop.post("/orders").key(&fresh("k")).text(body).send().problem(422, "invalid-order");
    let errors = problem["errors"].as_array().unwrap().clone();
    assert!(errors.iter().all(|error| error["detail"].is_string()), "{errors:?}");
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn of_thousands_of_wrong_lines_a_thousand_are_named_and_all_are_counted() {
    let shop = shared();
    let lines = vec!["0"; 30_000].join(",");
    let body = format!(r#"{{"customer_id":"ada","items":[{lines}],"payment_method":"pm_ok"}}"#);
    let answer = shop.post("/orders").key(&fresh("many")).text(&body).send();
    let problem = answer.problem(422, "invalid-order");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1_000);
    assert_eq!(problem["detail"], "30001 fields are wrong, the first 1000 of them are named");
}

#[test]
fn an_accepted_order_says_where_it_is() {
    let shop = shared();
    let answer = shop.send(&fresh("k"), &order("ada", "desk-lamp", 2, "pm_declined"));
    let body = answer.json();
    let id = body["order_id"].as_str().unwrap();
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!((answer.header("retry-after"), answer.header("idempotent-replayed")), (Some("1"), None));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(body, json!({"order_id": id, "status": "PENDING", "total": 15_800, "currency": "EUR"}));
    assert_eq!(shop.order(id)["total"], 15_800);
}

#[test]
fn only_json_is_taken_with_or_without_parameters() {
    let shop = shared();
    let send = |types: &[&str]| {
        let ask = shop.post("/orders").key(&fresh("k")).body(good().to_string());
        types.iter().fold(ask, |ask, kind| ask.header("content-type", kind)).send()
    };
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;a=b;c=\"d\""] {
        assert_eq!(send(&[kind]).status, 202, "{kind}");
    }
    for kinds in
        [&[][..], &["text/plain"], &["application/jsonx"], &["application/problem+json"], &["x", "application/json"]]
    {
        send(kinds).problem(415, "unsupported-media-type");
    }
}

#[test]
fn a_body_has_64_kib_at_most() {
    let shop = shared();
    let send = |body: &str| shop.post("/orders").key(&fresh("k")).text(body).send();
    let chunked = |body: &str| {
        let body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        shop.post("/orders").key(&fresh("k")).header("transfer-encoding", "chunked").text(body).send()
    };
    for send in [&send as &dyn Fn(&str) -> _, &chunked] {
        assert_eq!(send(&padded(LIMIT)).status, 202);
        send(&padded(LIMIT + 1)).problem(413, "too-large");
    }
    send(&padded(900_000)).problem(413, "too-large");
}

#[test]
fn a_key_is_1_to_255_visible_characters() {
    let shop = shared();
    let send = |keys: &[&[u8]]| {
        let ask = shop.post("/orders").json(&good());
        keys.iter().fold(ask, |ask, key| ask.header("Idempotency-Key", key)).send()
    };
    let unique = fresh("");
    let longest = format!("{unique:k>255}");
    for key in [longest.as_str(), &format!("!~\"(),/:;<=>?@[]{{}}{unique}")] {
        assert_eq!(send(&[key.as_bytes()]).status, 202, "{key}");
    }
    let too_long = format!("{longest}k");
    let bad: [&[&[u8]]; 7] =
        [&[], &[b""], &[b"a b"], &["ä".as_bytes()], &[b"\xff"], &[b"a", b"a"], &[too_long.as_bytes()]];
    for keys in bad {
        send(keys).problem(400, "key-missing");
    }
}

#[test]
fn a_body_is_one_json_object_with_each_member_once() {
    let shop = shared();
    let good = good().to_string();
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let item = r#"{"sku":"scarce","quantity":1"#;
    let bad: Vec<Vec<u8>> = vec![
        b"".into(),
        b"nonsense".into(),
        b"[]".into(),
        b"null".into(),
        b"7".into(),
        format!("[{good}]").into(),
        format!("{good}{good}").into(),
        format!("{good},").into(),
        good.trim_end_matches('}').into(),
        format!("\u{feff}{good}").into(),
        good.replace("ada", "a\u{1}da").into(),
        good.replace(r#""ada""#, r#""\ud800""#).into(),
        good.replace(":1", ":01").into(),
        good.replace(":1", ":+1").into(),
        good.replace(":1", ":NaN").into(),
        good.replace('"', "'").into(),
        [good.as_bytes(), b"\xff"].concat(),
        good.replace("ada", "X")
            .replace('X', "\u{e4}")
            .bytes()
            .map(|byte| if byte == 0xc3 { 0xff } else { byte })
            .collect(),
        deep.into(),
        format!(r#"{{"customer_id":"a","customer_id":"a","items":[{item}}}],"payment_method":"pm_ok"}}"#).into(),
        format!(r#"{{"customer_id":"a","items":[{item},"quantity":1}}],"payment_method":"pm_ok"}}"#).into(),
        format!(r#"{{"customer_id":"a","items":[{item},"x":[{{"y":1,"\u0079":2}}]}}],"payment_method":"pm_ok"}}"#)
            .into(),
    ];
    for body in bad {
        shop.post("/orders").key(&fresh("k")).text(&body).send().problem(400, "bad-request");
    }
}

#[test]
fn each_wrong_field_has_its_pointer() {
    let shop = shared();
    let of = |body: &Value| pointers(&shop, &body.to_string());
    let line = |sku: &str| json!({"sku": sku, "quantity": 1});
    for customer in [json!(""), json!("a b"), json!("ä"), json!("a/b"), json!("x".repeat(65)), json!(7), Value::Null] {
        assert_eq!(of(&good_with("customer_id", customer.clone())), ["#/customer_id"], "{customer}");
    }
    for items in [json!([]), json!({}), json!("x"), Value::Null] {
        assert_eq!(of(&good_with("items", items)), ["#/items"]);
    }
    let many = of(&good_with("items", json!(vec![line("scarce"); 101])));
    assert_eq!((many.len(), &*many[0], &*many[1], &*many[100]), (101, "#/items", "#/items/1/sku", "#/items/100/sku"));
    for method in [json!("cash"), json!("PM_OK"), json!(""), json!(1), Value::Null] {
        assert_eq!(of(&good_with("payment_method", method)), ["#/payment_method"]);
    }
    assert_eq!(of(&good_with("items", json!([line("nope")]))), ["#/items/0/sku"]);
    assert_eq!(of(&good_with("items", json!([line("scarce"), line("scarce")]))), ["#/items/1/sku"]);
    assert_eq!(of(&good_with("items", json!([7]))), ["#/items/0"]);
    assert_eq!(of(&good_with("coupon", json!(null))), ["#/coupon"]);
    assert_eq!(of(&good_with("a/b~c d", json!(1))), ["#/a~1b~0c%20d"]);
    assert_eq!(of(&good_with("items", json!([{"sku": "scarce", "quantity": 1, "price": 1}]))), ["#/items/0/price"]);
    assert_eq!(of(&json!({})), ["#/customer_id", "#/items", "#/payment_method"]);
}

#[test]
fn a_quantity_is_an_integer_from_1_to_100000_as_it_is_written() {
    let shop = shared();
    let body = |quantity: &str| good().to_string().replace(r#""quantity":1"#, &format!(r#""quantity":{quantity}"#));
    for quantity in
        ["\"2\"", "2.0", "1e2", "0", "-0", "-1", "100001", "99999999999999999999999", "null", "true", "[1]", "{}"]
    {
        assert_eq!(pointers(&shop, &body(quantity)), ["#/items/0/quantity"], "{quantity}");
    }
    for quantity in ["1", "100000"] {
        assert_eq!(shop.post("/orders").key(&fresh("k")).text(body(quantity)).send().status, 202, "{quantity}");
    }
}

#[test]
fn everything_wrong_is_named_at_once() {
    let shop = shared();
    let body = json!({
        "customer_id": "a b",
        "items": [
            {"sku": "scarce", "quantity": "2"},
            {"sku": "nope", "quantity": 2.5, "x": 1},
            {"sku": "scarce", "quantity": 1},
            {},
        ],
        "payment_method": "cash",
        "coupon": 1,
    });
    let mut found = pointers(&shop, &body.to_string());
    found.sort_unstable();
    let expected = [
        "#/coupon",
        "#/customer_id",
        "#/items/0/quantity",
        "#/items/1/quantity",
        "#/items/1/sku",
        "#/items/1/x",
        "#/items/2/sku",
        "#/items/3/quantity",
        "#/items/3/sku",
        "#/payment_method",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_customer_id_may_be_64_long_and_an_order_has_each_product_once() {
    let shop = shared();
    let customer = format!("{:x<64}", "A-z.9_");
    assert_eq!(shop.send(&fresh("k"), &good_with("customer_id", json!(customer))).status, 202);
    let products = shop.get("/products").json();
    let lines =
        products["products"].as_array().unwrap().iter().map(|product| json!({"sku": product["sku"], "quantity": 1}));
    assert_eq!(shop.send(&fresh("k"), &good_with("items", lines.collect())).status, 202);
}

/// What can be wrong with a request, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    MediaType,
    TooLarge,
    NoKey,
    NotJson,
    KeyReused,
    Field,
}

const FAULTS: [(Fault, u16, &str); 6] = [
    (Fault::MediaType, 415, "unsupported-media-type"),
    (Fault::TooLarge, 413, "too-large"),
    (Fault::NoKey, 400, "key-missing"),
    (Fault::NotJson, 400, "bad-request"),
    (Fault::KeyReused, 422, "key-reused"),
    (Fault::Field, 422, "invalid-order"),
];

fn faulty(shop: &Shop, used: &str, faults: &[Fault]) -> Ask {
    let has = |fault| faults.contains(&fault);
    let body = match (has(Fault::NotJson), has(Fault::Field)) {
        (true, _) => "{".to_owned(),
        (_, true) => "{}".to_owned(),
        _ => good().to_string(),
    };
    let body = if has(Fault::TooLarge) { body + &" ".repeat(LIMIT) } else { body };
    let kind = if has(Fault::MediaType) { "text/plain" } else { "application/json" };
    let ask = shop.post("/orders").header("content-type", kind).body(body);
    match (has(Fault::NoKey), has(Fault::KeyReused)) {
        (true, _) => ask,
        (_, true) => ask.key(used),
        _ => ask.key(&fresh("k")),
    }
}

#[test]
fn of_two_faults_the_one_that_is_checked_first_is_named() {
    let shop = shared();
    let used = fresh("used");
    assert_eq!(shop.send(&used, &good_with("customer_id", json!("other"))).status, 202);
    for (first, status, slug) in FAULTS {
        for (second, ..) in FAULTS.iter().filter(|(second, ..)| *second >= first) {
            faulty(&shop, &used, &[first, *second]).send().problem(status, slug);
        }
    }
}
