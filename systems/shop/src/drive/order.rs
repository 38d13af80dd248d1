//! The life of one order, as its customer sees it.

use super::link::{GaveUp, Link, described};
use super::log::{AcceptLog, Accepted};
use super::mix::Kind;
use super::plan::Plan;
use http::StatusCode;
use partita::http::Reply;
use serde::Deserialize;
use std::time::Duration;

/// An order without an end after this time, not counting times without a server, has none.
const UNENDED: Duration = Duration::from_secs(120);

/// How long the shop is asked to hold an answer back until the order ends; its most.
const HOLD: Duration = Duration::from_secs(30);

/// Given to a reply beyond the time that it may be held back.
const REPLY: Duration = Duration::from_secs(10);

/// Between two looks at an order, in case the shop holds no answer back.
const PAUSE: Duration = Duration::from_millis(100);

/// How an order was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Paid and shipped.
    Confirmed,
    /// Undone: there was not enough of it.
    OutOfStock,
    /// Undone: the card was declined.
    PaymentDeclined,
    /// Undone: it ran out of time, by itself or at the payment.
    Late,
    /// Undone, for another reason.
    Rejected,
    /// Undone for the customer.
    Cancelled,
    /// Waits for an operator.
    Parked,
    /// Still going on.
    Unended,
    /// The shop knows nothing of it.
    Missing,
}

/// What became of one order.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the shop called it.
    pub order_id: String,
    /// What it was made to live through.
    pub kind: Kind,
    /// Whether the shop promised to cancel it; `None` when it was not asked.
    pub cancel_promised: Option<bool>,
    /// How it ended.
    pub end: End,
    /// From the 202 to the end.
    pub end_took: Duration,
}

impl Outcome {
    /// Whether it ended otherwise than its kind must. No end at all is another matter; nor is it wrong to be late where
    /// the server stood still, unless a cancel was promised.
    pub fn is_wrong(&self, late_is_right: bool) -> bool {
        if late_is_right && self.end == End::Late && self.cancel_promised != Some(true) {
            return false;
        }
        let right = match self.kind {
            Kind::Cancel if self.cancel_promised == Some(true) => End::Cancelled,
            Kind::Declined | Kind::CaptureDeclined => End::PaymentDeclined,
            Kind::OutOfStock => End::OutOfStock,
            Kind::UndoFails => End::Parked,
            Kind::Ok | Kind::Slow | Kind::LostReply | Kind::LostRequest | Kind::Flaky | Kind::Cancel => End::Confirmed,
        };
        !matches!(self.end, End::Unended | End::Missing) && self.end != right
    }
}

#[derive(Deserialize)]
struct Acceptance {
    order_id: String,
}

#[derive(Deserialize)]
struct View {
    status: String,
    reason: Option<String>,
}

impl View {
    fn end(&self) -> Option<End> {
        let reason = self.reason.as_deref();
        Some(match (self.status.as_str(), reason) {
            ("PENDING", Some("needs_operator")) => End::Parked,
            ("PENDING", _) => End::Unended,
            ("CONFIRMED", _) => End::Confirmed,
            ("CANCELLED", _) => End::Cancelled,
            ("REJECTED", Some("out_of_stock")) => End::OutOfStock,
            ("REJECTED", Some("payment_declined")) => End::PaymentDeclined,
            ("REJECTED", Some("deadline" | "payment_unavailable")) => End::Late,
            ("REJECTED", _) => End::Rejected,
            _ => return None,
        })
    }
}

/// Places an order and stays with it until its end.
///
/// `accepted` is called once it is, after it was logged, with the time from the first request to the 202.
pub(super) async fn live(
    link: &Link,
    log: Option<&AcceptLog>,
    key: &str,
    plan: &Plan,
    accepted: impl FnOnce(Duration),
) -> Result<Outcome, GaveUp> {
    let begun = link.now();
    let order_id = place(link, key, plan).await?;
    let (accepted_at, accepted_present) = (link.now(), link.present());
    if let Some(log) = log {
        let line = Accepted { key: key.to_owned(), order_id: order_id.clone() };
        log.add(&line).map_err(|error| GaveUp(format!("the log of accepted orders cannot be written: {error}")))?;
    }
    accepted(accepted_at.saturating_sub(begun));
    let cancel_promised = match plan.cancel_after {
        Some(wait) => {
            link.host().clock.sleep(wait).await;
            cancel(link, &order_id).await?
        }
        None => None,
    };
    let end = wait_for_end(link, &order_id, accepted_present).await?;
    let end_took = link.now().saturating_sub(accepted_at);
    Ok(Outcome { order_id, kind: plan.kind, cancel_promised, end, end_took })
}

/// The same key with each try, so that however often it is sent it is one order.
async fn place(link: &Link, key: &str, plan: &Plan) -> Result<String, GaveUp> {
    let reply = link.ask(|client| client.post("/orders").key(key).json(&plan.order).timeout(REPLY)).await?;
    if reply.status != StatusCode::ACCEPTED {
        return Err(GaveUp(format!("an order was not accepted: {}", described(&reply))));
    }
    decoded::<Acceptance>(&reply, "an acceptance").map(|acceptance| acceptance.order_id)
}

async fn cancel(link: &Link, order_id: &str) -> Result<Option<bool>, GaveUp> {
    let path = format!("/orders/{order_id}/cancel");
    let reply = link.ask(|client| client.post(&path).timeout(REPLY)).await?;
    match reply.status {
        StatusCode::ACCEPTED => Ok(Some(true)),
        StatusCode::CONFLICT => Ok(Some(false)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(GaveUp(format!("the cancel of order {order_id} was answered {}", described(&reply)))),
    }
}

async fn wait_for_end(link: &Link, order_id: &str, accepted: Duration) -> Result<End, GaveUp> {
    loop {
        let left = UNENDED.saturating_sub(link.present().saturating_sub(accepted));
        if left.is_zero() {
            return Ok(End::Unended);
        }
        let hold = left.min(HOLD).max(Duration::from_secs(1));
        match look(link, order_id, hold).await? {
            End::Unended => link.host().clock.sleep(PAUSE).await,
            end => return Ok(end),
        }
    }
}

/// How an order is now, or as soon as it ends within `hold`.
pub(super) async fn look(link: &Link, order_id: &str, hold: Duration) -> Result<End, GaveUp> {
    let path = format!("/orders/{order_id}");
    let prefer = format!("wait={}", hold.as_secs());
    let request = |client: &partita::http::Client| {
        if hold.is_zero() || link.is_away() {
            return client.get(&path).timeout(REPLY);
        }
        client.get(&path).header("prefer", &prefer).timeout(hold + REPLY)
    };
    let reply = link.ask(request).await?;
    match reply.status {
        StatusCode::NOT_FOUND => Ok(End::Missing),
        StatusCode::OK => {
            let end = decoded::<View>(&reply, "an order")?.end();
            end.ok_or_else(|| GaveUp(format!("order {order_id} has a status that is none")))
        }
        _ => Err(GaveUp(format!("order {order_id} was answered {}", described(&reply)))),
    }
}

fn decoded<T: serde::de::DeserializeOwned>(reply: &Reply, what: &str) -> Result<T, GaveUp> {
    reply.json().map_err(|error| GaveUp(format!("an answer is not {what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(kind: Kind, cancel_promised: Option<bool>, end: End) -> Outcome {
        Outcome { order_id: "o".into(), kind, cancel_promised, end, end_took: Duration::ZERO }
    }

    #[test]
    fn each_kind_has_one_right_end() {
        let right = |kind| match kind {
            Kind::Declined | Kind::CaptureDeclined => End::PaymentDeclined,
            Kind::OutOfStock => End::OutOfStock,
            Kind::UndoFails => End::Parked,
            _ => End::Confirmed,
        };
        let declined = [End::OutOfStock, End::PaymentDeclined, End::Rejected, End::Late];
        let ends = [&[End::Confirmed, End::Cancelled, End::Parked][..], &declined].concat();
        for kind in Kind::ALL {
            for end in ends.iter().copied() {
                assert_eq!(outcome(kind, None, end).is_wrong(false), end != right(kind), "{kind:?} {end:?}");
            }
        }
    }

    #[test]
    fn a_promised_cancel_must_end_cancelled_and_a_refused_one_confirmed() {
        assert!(!outcome(Kind::Cancel, Some(true), End::Cancelled).is_wrong(false));
        assert!(outcome(Kind::Cancel, Some(true), End::Confirmed).is_wrong(false));
        assert!(!outcome(Kind::Cancel, Some(false), End::Confirmed).is_wrong(false));
        assert!(outcome(Kind::Cancel, Some(false), End::Cancelled).is_wrong(false));
    }

    #[test]
    fn late_is_right_only_where_it_is_said_and_never_against_a_promise() {
        for kind in Kind::ALL {
            assert!(outcome(kind, None, End::Late).is_wrong(false) && !outcome(kind, None, End::Late).is_wrong(true));
            assert!(outcome(kind, None, End::Rejected).is_wrong(true));
        }
        assert!(!outcome(Kind::Cancel, Some(false), End::Late).is_wrong(true));
        assert!(outcome(Kind::Cancel, Some(true), End::Late).is_wrong(true));
    }

    #[test]
    fn no_end_is_not_a_wrong_end() {
        for end in [End::Unended, End::Missing] {
            assert!(!outcome(Kind::Ok, None, end).is_wrong(false));
        }
    }
}
