//! Parameters of requests, checked in the order in which the provider documents them; the first wrong one is named.

use super::error::Refusal;
use super::model::{Method, NewIntent};
use partita::http::Json;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NoMethod;
use std::collections::BTreeMap;

/// Entries of metadata at most, and characters of their names and values.
const MAX_ENTRIES: usize = 50;
const MAX_NAME_CHARS: usize = 40;
const MAX_VALUE_CHARS: usize = 500;
const CREATE: [&str; 6] = ["amount", "currency", "payment_method", "capture_method", "confirm", "metadata"];

const LIST: [&str; 2] = ["order_id", "starting_after"];

type Checked<T> = Result<T, Refusal>;

/// The parameters of a create.
pub(super) fn create(body: &Json) -> Checked<NewIntent> {
    only(body, &CREATE)?;
    let amount = match required(body, "amount")? {
        Json::Number(written) => written.parse::<i64>().ok().filter(|amount| *amount > 0),
        _ => None,
    };
    let amount = amount.ok_or_else(|| Refusal::invalid("amount", "a positive integer in minor units"))?;
    let currency = text(required(body, "currency")?).map(str::to_ascii_lowercase);
    let currency = currency.filter(|currency| currency == "eur").ok_or_else(|| Refusal::invalid("currency", "eur"))?;
    let method = text(required(body, "payment_method")?).unwrap_or_default();
    let method = Method::deserialize(IntoDeserializer::<NoMethod>::into_deserializer(method));
    let method =
        method.map_err(|_| Refusal::invalid("payment_method", "one of the simulator's methods, such as pm_ok"))?;
    if text(required(body, "capture_method")?) != Some("manual") {
        return Err(Refusal::invalid("capture_method", "manual"));
    }
    if *required(body, "confirm")? != Json::Bool(true) {
        return Err(Refusal::invalid("confirm", "true"));
    }
    let mut metadata = metadata(body.get("metadata"))?;
    Ok(NewIntent { amount, currency, method, order_id: metadata.remove("order_id"), metadata })
}

/// The parameters of a list.
pub(super) struct Listing<'a> {
    pub(super) order_id: &'a str,
    /// The last intent of the list before.
    pub(super) starting_after: Option<&'a str>,
}

/// The parameters of a list, each given once.
pub(super) fn list(query: &[(String, String)]) -> Checked<Listing<'_>> {
    if let Some((name, _)) = query.iter().find(|(name, _)| !LIST.contains(&name.as_str())) {
        return Err(Refusal::unknown(name));
    }
    let given = |wanted: &str| {
        let mut values = query.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() { Err(Refusal::invalid(wanted, "given once")) } else { Ok(first) }
    };
    let order_id = given("order_id")?.ok_or_else(|| Refusal::missing("order_id"))?;
    Ok(Listing { order_id, starting_after: given("starting_after")? })
}

/// A capture takes the whole amount, so it has no parameters.
pub(super) fn capture(body: &Json) -> Checked<()> {
    only(body, &[])
}

/// A cancel may say why.
pub(super) fn cancel(body: &Json) -> Checked<()> {
    only(body, &["cancellation_reason"])?;
    match body.get("cancellation_reason") {
        None | Some(Json::Null | Json::String(_)) => Ok(()),
        Some(_) => Err(Refusal::invalid("cancellation_reason", "a text")),
    }
}

fn only(body: &Json, known: &[&str]) -> Checked<()> {
    let unknown = members(body).iter().map(|(name, _)| name).filter(|name| !known.contains(&name.as_str())).min();
    unknown.map_or(Ok(()), |name| Err(Refusal::unknown(name)))
}

fn required<'a>(body: &'a Json, name: &str) -> Checked<&'a Json> {
    body.get(name).filter(|value| **value != Json::Null).ok_or_else(|| Refusal::missing(name))
}

fn members(value: &Json) -> &[(String, Json)] {
    if let Json::Object(members) = value { members } else { &[] }
}

fn text(value: &Json) -> Option<&str> {
    if let Json::String(text) = value { Some(text) } else { None }
}

fn metadata(given: Option<&Json>) -> Checked<BTreeMap<String, String>> {
    let wanted = "an object of at most 50 texts of 1 to 500 characters, under names of at most 40";
    let invalid = || Refusal::invalid("metadata", wanted);
    let given = match given {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(given @ Json::Object(members)) if members.len() <= MAX_ENTRIES => given,
        Some(_) => return Err(invalid()),
    };
    let fits = |text: &&str| (1..=MAX_VALUE_CHARS).contains(&text.chars().count());
    let text = |value: &Json| text(value).filter(fits).map(str::to_owned).ok_or_else(invalid);
    let name = |name: &String| (name.chars().count() <= MAX_NAME_CHARS).then(|| name.clone()).ok_or_else(invalid);
    members(given).iter().map(|(called, value)| Ok((name(called)?, text(value)?))).collect()
}
