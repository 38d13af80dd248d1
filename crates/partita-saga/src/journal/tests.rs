//! The stored form of records, and what they fold into.

use super::{Fact, Instance, Phase, Record, Verb};
use crate::definition::Why;
use partita_core::ErrorKind;
use partita_time::Timestamp;

fn record(facts: Vec<Fact>) -> Record {
    Record { at: Timestamp::from_millis(7), epoch: 3, facts, state: None }
}

fn text(record: &Record) -> String {
    String::from_utf8(record.encode().unwrap()[1..].to_vec()).unwrap()
}

/// Journals outlive the version that wrote them: what stands here must be readable for ever.
const STORED: [&str; 9] = [
    r#"{"at":7,"e":3,"f":[{"start":{"name":"n","version":2,"print":"00ff","deadline":60007}},{"open":{"l":0,"v":"d","n":1}}],"s":{"x":1}}"#,
    r#"{"at":7,"e":3,"f":[{"done":{"l":0,"out":[1]}},{"open":{"l":1,"v":"d","n":1}}]}"#,
    r#"{"at":7,"e":3,"f":[{"done":{"l":0,"out":null}},{"done":{"l":1}}]}"#,
    r#"{"at":7,"e":3,"f":["recovered",{"unknown":{"l":1,"v":"d","n":1,"error":"lost","doubt":true}},{"open":{"l":1,"v":"s","n":1,"due":9}}]}"#,
    r#"{"at":7,"e":3,"f":["recovered",{"unknown":{"l":1,"v":"u","n":1,"error":"lost","doubt":true,"cut":true}},{"open":{"l":1,"v":"u","n":2}}]}"#,
    r#"{"at":7,"e":3,"f":[{"unknown":{"l":1,"v":"u","n":1,"error":"full","doubt":true,"put_off":true}},{"open":{"l":1,"v":"u","n":2}}]}"#,
    r#"{"at":7,"e":3,"f":["cancel",{"closed":{"l":1,"doubt":false}},{"unwind":{"why":"cancelled"}},{"open":{"l":0,"v":"u","n":1}}]}"#,
    r#"{"at":7,"e":3,"f":[{"rejected":{"l":1,"reason":"no","doubt":true}},{"unwind":{"why":{"rejected":{"step":"b","reason":"no"}}}},{"undone":{"l":0}}]}"#,
    r#"{"at":7,"e":3,"f":[{"given_up":{"l":0}},{"parked":{"why":"cannot undo a"}},"end"]}"#,
];

#[test]
fn what_was_stored_is_read_and_written_the_same() {
    for stored in STORED {
        let bytes = [&[1], stored.as_bytes()].concat();
        assert_eq!(text(&Record::decode(&bytes).unwrap()), stored);
    }
}

#[test]
fn facts_put_together_by_hand_are_as_a_serializer_writes_them() {
    let verbs = [Verb::Do, Verb::Settle, Verb::Undo];
    let open = |due| move |verb| Fact::Open { leaf: 12, verb, n: 345, due };
    let opened = verbs.map(open(None)).into_iter().chain(verbs.map(open(Some(Timestamp::from_millis(9)))));
    let facts: Vec<Fact> =
        opened.chain([Fact::Done { leaf: 6, out: None }, Fact::Undone { leaf: 7 }, Fact::End]).collect();
    for count in 0..=facts.len() {
        let facts = &facts[..count];
        let as_serialized = format!("{{\"at\":7,\"e\":3,\"f\":{}}}", serde_json::to_string(facts).unwrap());
        assert_eq!(text(&record(facts.to_vec())), as_serialized);
    }
}

#[test]
fn records_of_another_format_or_torn_ones_are_named() {
    let kind = |bytes: &[u8]| Record::decode(bytes).unwrap_err().kind();
    assert_eq!(kind(&[2, b'{', b'}']), ErrorKind::NewerFormat);
    assert_eq!(kind(&[]), ErrorKind::Corrupt);
    assert_eq!(kind(b"\x01{\"at\":7"), ErrorKind::Corrupt);
}

fn folded(facts: Vec<Fact>) -> Instance {
    let mut instance = Instance::new("t-1".into(), 1);
    instance.apply(&record(facts));
    instance
}

fn open(verb: Verb) -> Fact {
    Fact::Open { leaf: 0, verb, n: 1, due: None }
}

fn unknown(doubt: bool) -> Fact {
    Fact::Unknown { leaf: 0, verb: Verb::Do, n: 1, error: String::new(), doubt, cut: false, put_off: false }
}

#[test]
fn a_step_is_in_doubt_from_an_attempt_without_an_answer_until_a_definite_one() {
    let doubt = |facts: Vec<Fact>| folded(facts).slots[0].doubt;
    assert!(!doubt(vec![open(Verb::Do)]));
    assert!(!doubt(vec![open(Verb::Do), unknown(false)]));
    assert!(
        doubt(vec![open(Verb::Do), unknown(true), open(Verb::Do), unknown(false)]),
        "one certainty does not clear another"
    );
    assert!(!doubt(vec![open(Verb::Do), unknown(true), Fact::Done { leaf: 0, out: None }]));
    let rejected = |doubt| Fact::Rejected { leaf: 0, reason: serde_json::Value::Null, doubt };
    assert!(!doubt(vec![open(Verb::Do), unknown(true), rejected(false)]));
    assert!(folded(vec![open(Verb::Do), unknown(true), rejected(true)]).slots[0].leaves_something());
}

#[test]
fn the_end_keeps_why_it_turned_back() {
    assert_eq!(folded(vec![Fact::End]).phase, Phase::Ended(None));
    let back = folded(vec![Fact::Unwind { why: Why::Deadline }, Fact::End]);
    assert_eq!((back.phase, back.length, back.epoch), (Phase::Ended(Some(Why::Deadline)), 1, 3));
}
