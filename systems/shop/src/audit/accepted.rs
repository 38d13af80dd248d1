//! Holds the shop to what a client saw it accept (ACCEPTED).

use super::finding::{Invariant, InvariantReport};
use crate::drive::Accepted;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use partita::core::{Error, ErrorKind, Result};
use partita::http::Client;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Orders that are read at once.
const AT_ONCE: usize = 32;

/// Looks up each order of a list.
///
/// # Errors
/// The shop did not answer, or not in its words.
pub(super) async fn check(client: &Client, list: &[Accepted]) -> Result<InvariantReport> {
    let mut report = InvariantReport::new(Invariant::Accepted);
    report.checked = u64::try_from(list.len()).unwrap_or(u64::MAX);
    twice(list).into_iter().for_each(|text| report.violated(text));
    let looks = list.iter().map(|accepted| look(client, accepted));
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(looked) = looks.next().await {
        if let Some(text) = looked? {
            report.violated(text);
        }
    }
    Ok(report)
}

/// Two keys are two orders, and one key is one.
fn twice(list: &[Accepted]) -> Vec<String> {
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    let mut orders: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = vec![];
    for Accepted { key, order_id } in list {
        if let Some(other) = keys.insert(key, order_id).filter(|other| other != order_id) {
            found.push(format!("order {order_id}: its key `{key}` was accepted as order {other}, too"));
        }
        if let Some(other) = orders.insert(order_id, key).filter(|other| other != key) {
            found.push(format!("order {order_id}: accepted for the keys `{other}` and `{key}`"));
        }
    }
    found
}

#[derive(Deserialize)]
struct View {
    status: String,
    reason: Option<String>,
}

async fn look(client: &Client, accepted: &Accepted) -> Result<Option<String>> {
    let Accepted { key, order_id } = accepted;
    let path = format!("/orders/{order_id}");
    let reply = client.get(&path).send().await?;
    match reply.status {
        StatusCode::NOT_FOUND => Ok(Some(format!("order {order_id}: accepted with key `{key}`, and not there"))),
        StatusCode::OK => Ok(unended(&reply.json()?).map(|state| format!("order {order_id}: accepted, and {state}"))),
        StatusCode::INTERNAL_SERVER_ERROR => {
            Ok(Some(format!("order {order_id}: accepted with key `{key}`, and the shop cannot show it")))
        }
        status => Err(Error::new(ErrorKind::Unavailable, "the shop could not show an order")
            .with("path", path)
            .with("status", status.as_u16())),
    }
}

fn unended(view: &View) -> Option<&'static str> {
    match (view.status.as_str(), view.reason.as_deref()) {
        ("CONFIRMED" | "REJECTED" | "CANCELLED", _) | ("PENDING", Some("needs_operator")) => None,
        ("PENDING", _) => Some("still in progress"),
        _ => Some("in a state that is none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(key: &str, order_id: &str) -> Accepted {
        Accepted { key: key.into(), order_id: order_id.into() }
    }

    #[test]
    fn given_a_list_when_a_key_or_an_order_is_there_twice_then_it_is_named() {
        assert_eq!(twice(&[accepted("a", "1"), accepted("a", "1"), accepted("b", "2")]), Vec::<String>::new());
        let found = twice(&[accepted("a", "1"), accepted("a", "2"), accepted("b", "2")]);
        assert_eq!(found[0], "order 2: its key `a` was accepted as order 1, too");
        assert_eq!(found[1], "order 2: accepted for the keys `a` and `b`");
    }

    #[test]
    fn given_an_order_when_it_neither_ended_nor_waits_for_an_operator_then_it_is_unended() {
        let view =
            |status: &str, reason: Option<&str>| View { status: status.into(), reason: reason.map(str::to_owned) };
        assert_eq!(unended(&view("REJECTED", Some("deadline"))), None);
        assert_eq!(unended(&view("PENDING", Some("needs_operator"))), None);
        assert_eq!(unended(&view("PENDING", None)), Some("still in progress"));
        assert_eq!(unended(&view("LOST", None)), Some("in a state that is none"));
    }
}
