//! The strict reader of JSON, by examples and by properties.
#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_http::{Json, Problem, Slug};
use proptest::prelude::*;

fn read(text: &str) -> Result<Json, Problem> {
    Json::parse_object(text.as_bytes())
}

fn refused(body: &[u8]) -> String {
    let problem = Json::parse_object(body).unwrap_err();
    assert_eq!(problem.slug(), Slug::BadRequest);
    format!("{problem:?}")
}

#[test]
fn a_member_given_twice_is_named_at_any_depth() {
    for (body, pointer) in [
        (r#"{"a":1,"a":1}"#, "#/a "),
        (r#"{"items":[{"sku":"x"},{"sku":"x","sku":"y"}]}"#, "#/items/1/sku "),
        (r#"{"a":{"b":{"c":null,"d":[],"c":null}}}"#, "#/a/b/c "),
        (r#"{"a":1,"\u0061":1}"#, "#/a "),
        (r#"{"a/b":{"~ü":1,"~ü":1}}"#, "#/a~1b/~0%C3%BC "),
        (r#"{"a":[[],[[{"x":1},{"":0,"":0}]]]}"#, "#/a/1/0/1/ "),
    ] {
        let refusal = refused(body.as_bytes());
        assert!(refusal.contains(&format!("the member {pointer}is given twice")), "{refusal}");
    }
    assert!(read(r#"{"a":{"a":[{"a":1},{"a":1}]}}"#).is_ok());
}

#[test]
fn nesting_ends_at_32() {
    let nested = |depth: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(read(&nested(32)).is_ok());
    assert!(refused(nested(33).as_bytes()).contains("more than 32 deep"));
    assert!(refused(format!(r#"{{"a":{}"#, "[".repeat(60_000)).as_bytes()).contains("more than 32 deep"));
    assert!(refused(r#"{"a":"#.repeat(10_000).as_bytes()).contains("more than 32 deep"));
}

const NOT_AN_OBJECT: &[&str] = &[
    "",
    " ",
    "1",
    "null",
    "[]",
    "\"a\"",
    "[{}]",
    "{} {}",
    "{}x",
    "{},",
    "{",
    "}",
    r#"{"a"}"#,
    r#"{"a":}"#,
    r#"{"a":1,}"#,
    "{,}",
    r#"{"a":[1,]}"#,
    r#"{"a":[,1]}"#,
    r#"{"a":[1 2]}"#,
    r#"{"a" 1}"#,
    "{a:1}",
    "{'a':1}",
    r#"{"a":01}"#,
    r#"{"a":1.}"#,
    r#"{"a":.5}"#,
    r#"{"a":-}"#,
    r#"{"a":+1}"#,
    r#"{"a":1e}"#,
    r#"{"a":0x1}"#,
    r#"{"a":NaN}"#,
    r#"{"a":tru}"#,
    r#"{"a":truee}"#,
    r#"{"a":"\x"}"#,
    r#"{"a":"\u12"}"#,
    r#"{"a":"\u12g4"}"#,
    r#"{"a":"\u+123"}"#,
    "{\"a\":\"\n\"}",
    "{\"a\":\"\u{1}\"}",
    r#"{"a":""#,
    r#"{"a":"\"#,
    "\u{feff}{}",
    "{}\0",
    "{\u{a0}}",
    "// no\n{}",
    r#"{"a":1]"#,
    r#"{"a":[1}"#,
    r#"{"a":"\ué000"}"#,
];

#[test]
fn only_objects_of_strict_json_are_read() {
    for body in NOT_AN_OBJECT {
        refused(body.as_bytes());
    }
    for body in [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xed\xa0\x80\"}", b"\xff\xfe{\0}\0"] {
        assert!(refused(body).contains("not UTF-8"));
    }
}

#[test]
fn half_a_surrogate_pair_is_refused_and_a_whole_one_is_read() {
    for half in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\n", r"\ud800\ud800", r"\ud800\u0041", r"\udc00\ud800"] {
        refused(format!(r#"{{"a":"{half}"}}"#).as_bytes());
    }
    let whole = read(r#"{"a":"\ud83d\uDE00\"\\\/\b\f\n\r\t\u0000"}"#).unwrap();
    assert_eq!(whole.get("a"), Some(&Json::String("😀\"\\/\u{8}\u{c}\n\r\t\0".into())));
    assert_eq!(whole.get("b"), None);
}

#[test]
fn numbers_stay_as_they_were_written() {
    let text = r#"{"a":[0,-0,1.0,1,1e2,1E+2,12345678901234567890123,0.10]}"#;
    assert_eq!(read(text).unwrap().canonical(), text);
    assert_ne!(read(r#"{"a":1}"#).unwrap().fingerprint(), read(r#"{"a":1.0}"#).unwrap().fingerprint());
}

#[test]
fn a_fingerprint_is_the_sha_256_of_the_canonical_text() {
    let json = read(" { \"b\" : 1 , \"a\" : [ true , null ] } ").unwrap();
    assert_eq!(json.canonical(), r#"{"a":[true,null],"b":1}"#);
    assert_eq!(read("{}").unwrap().fingerprint(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
}

fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?"
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number().prop_map(Json::Number),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let members = prop::collection::btree_map("[a-c\"\\\\\u{e9}]{0,3}", inner.clone(), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Json::Array),
            members.prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Json> {
    json().prop_map(|value| Json::Object(vec![("v".into(), value)]))
}

/// Writes a value in one of the many ways that JSON allows, chosen by `dice`.
fn written(json: &Json, dice: &mut impl FnMut(usize) -> usize) -> String {
    let text = match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.clone(),
        Json::String(value) => written_string(value, dice),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item, dice)).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}:{}", written_string(name, dice), written(value, dice)))
                .collect();
            if !members.is_empty() {
                let by = dice(members.len());
                members.rotate_left(by);
            }
            format!("{{{}}}", members.join(","))
        }
    };
    format!("{}{text}{}", ["", " ", "\n\t"][dice(3)], ["", "\r", "  "][dice(3)])
}

fn written_string(value: &str, dice: &mut impl FnMut(usize) -> usize) -> String {
    let mut text = String::from(" \"");
    for c in value.chars() {
        if c < ' ' || c == '"' || c == '\\' || dice(4) == 0 {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04X}")));
        } else {
            text.push(c);
        }
    }
    text + "\" "
}

/// Equality as JSON, said in another way than by canonical text.
fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            let found = |name: &String| b.iter().find(|(other, _)| other == name);
            a.len() == b.len()
                && a.iter().all(|(name, value)| found(name).is_some_and(|(_, other)| equal(value, other)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => a == b,
    }
}

proptest! {
    #[test]
    fn however_it_is_written_the_canonical_text_is_the_same(object in object(), seed in any::<u64>()) {
        let mut state = seed;
        let mut dice = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % sides
        };
        let reread = read(&written(&object, &mut dice)).unwrap();
        prop_assert!(equal(&reread, &object));
        prop_assert_eq!(reread.canonical(), object.canonical());
    }

    #[test]
    fn canonical_texts_are_equal_exactly_for_equal_values(a in object(), b in object()) {
        prop_assert_eq!(a.canonical() == b.canonical(), equal(&a, &b));
        prop_assert!(equal(&read(&a.canonical()).unwrap(), &a));
    }

    #[test]
    fn serde_reads_the_canonical_text_as_the_same_strings(text in any::<String>()) {
        let object = Json::Object(vec![("v".into(), Json::String(text.clone()))]);
        let serde: serde_json::Value = serde_json::from_str(&object.canonical()).unwrap();
        prop_assert_eq!(serde["v"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn whatever_is_accepted_serde_accepts_too(text in "[{}\\[\\]:,\"a0-9eE.+\\- u\\\\tn]{0,24}") {
        if read(&text).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Json::parse_object(&bytes);
    }
}
