//! Parameters of requests, checked in the order in which the provider documents them; the first wrong one is named.

use super::error::Refusal;
use super::model::{Method, NewIntent};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Characters of a metadata value at most.
const MAX_VALUE_CHARS: usize = 500;
const CREATE: [&str; 6] = ["amount", "currency", "payment_method", "capture_method", "confirm", "metadata"];

type Checked<T> = Result<T, Refusal>;

/// The parameters of a create.
pub(super) fn create(body: &Map<String, Value>) -> Checked<NewIntent> {
    only(body, &CREATE)?;
    let amount = required(body, "amount")?.as_i64().filter(|amount| *amount > 0);
    let amount = amount.ok_or_else(|| Refusal::invalid("amount", "a positive integer in minor units"))?;
    let currency = required(body, "currency")?.as_str().map(str::to_ascii_lowercase);
    let currency = currency.filter(|currency| currency == "eur").ok_or_else(|| Refusal::invalid("currency", "eur"))?;
    let method = Method::deserialize(required(body, "payment_method")?);
    let method =
        method.map_err(|_| Refusal::invalid("payment_method", "one of the simulator's methods, such as pm_ok"))?;
    if required(body, "capture_method")? != "manual" {
        return Err(Refusal::invalid("capture_method", "manual"));
    }
    if required(body, "confirm")? != true {
        return Err(Refusal::invalid("confirm", "true"));
    }
    let mut metadata = metadata(body.get("metadata"))?;
    Ok(NewIntent { amount, currency, method, order_id: metadata.remove("order_id"), metadata })
}

/// A capture takes the whole amount, so it has no parameters.
pub(super) fn capture(body: &Map<String, Value>) -> Checked<()> {
    only(body, &[])
}

/// A cancel may say why.
pub(super) fn cancel(body: &Map<String, Value>) -> Checked<()> {
    only(body, &["cancellation_reason"])?;
    match body.get("cancellation_reason") {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(Refusal::invalid("cancellation_reason", "a text")),
    }
}

fn only(body: &Map<String, Value>, known: &[&str]) -> Checked<()> {
    let unknown = body.keys().find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| Err(Refusal::unknown(name)))
}

fn required<'a>(body: &'a Map<String, Value>, name: &str) -> Checked<&'a Value> {
    body.get(name).filter(|value| !value.is_null()).ok_or_else(|| Refusal::missing(name))
}

fn metadata(given: Option<&Value>) -> Checked<BTreeMap<String, String>> {
    let invalid = || Refusal::invalid("metadata", "an object of texts of 1 to 500 characters");
    let members = match given {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(value) => value.as_object().ok_or_else(invalid)?,
    };
    let fits = |text: &&str| (1..=MAX_VALUE_CHARS).contains(&text.chars().count());
    let text = |value: &Value| value.as_str().filter(fits).map(str::to_owned).ok_or_else(invalid);
    members.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect()
}
