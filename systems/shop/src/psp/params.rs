//! Parameters of requests, checked in the order in which the provider documents them; the first wrong one is named.

use super::error::Refusal;
use super::model::{Method, NewIntent};
use partita::http::Json;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NoMethod;
use std::collections::BTreeMap;

/// Characters of a metadata value at most.
const MAX_VALUE_CHARS: usize = 500;
const CREATE: [&str; 6] = ["amount", "currency", "payment_method", "capture_method", "confirm", "metadata"];

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
    let invalid = || Refusal::invalid("metadata", "an object of texts of 1 to 500 characters");
    let given = match given {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(given @ Json::Object(_)) => given,
        Some(_) => return Err(invalid()),
    };
    let fits = |text: &&str| (1..=MAX_VALUE_CHARS).contains(&text.chars().count());
    let text = |value: &Json| text(value).filter(fits).map(str::to_owned).ok_or_else(invalid);
    members(given).iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect()
}
