//! The checkout saga.

use super::model::{Checkout, OrderRecord, Status, ended};
use super::requests::{Authorize, Award, Capture, Hold, OfOrder, Reserve, Sell, Ship, pieces};
use super::{Links, ORDERS};
use partita::core::{Error, ErrorKind, Expect, Part, Put, Result};
use partita::http::{Client, Reply};
use partita::saga::{Draft, End, Probe, ProbeResult, Retriable, Saga, Step, StepResult, Stop, place, reject};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

const ATTEMPT: Duration = Duration::from_secs(5);
const PAYMENT_ATTEMPT: Duration = Duration::from_secs(2);
const PAYMENT_WITHIN: Duration = Duration::from_secs(20);
/// How long a request to the provider may be under way unseen: its timeout, and some.
const PROVIDER_WINDOW: Duration = Duration::from_secs(3);
/// The provider is not ours: an order that it refuses to let go for seconds is shown to an operator. While it cannot be
/// reached, or does not answer, orders wait.
const VOID_TRIES: u32 = 10;
/// Until when the pivot must have begun.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// What the steps call.
#[derive(Clone, Debug)]
pub(super) struct Participants(Links);

impl Participants {
    pub(super) fn new(links: Links) -> Self {
        Self(links)
    }
}

type Cx = Step<Participants>;

/// What payments answers to an authorization.
#[derive(Deserialize)]
struct Authorized {
    intent_id: String,
}

/// Stock and points at once, then the payment; behind its capture only forward, all at once.
pub(super) fn checkout() -> Saga<Checkout, Participants> {
    let reserved = begin(3)
        .together("reserve")
        .branch("reserve stock", reserve)
        .undo(release_stock)
        .attempt(ATTEMPT)
        .branch("hold points", hold)
        .undo(release_points)
        .attempt(ATTEMPT)
        .join(|state, (reservation, hold)| Checkout { reservation: Some(reservation), hold: Some(hold), ..state });
    fulfilled(paid(reserved))
}

/// Version 2, for orders that it has begun: points are held once stock is reserved.
pub(super) fn checkout_points_after_stock() -> Saga<Checkout, Participants> {
    fulfilled(paid(reserved_one_by_one(2)))
}

/// Version 1, for orders that it has begun: the last steps come one after another too.
pub(super) fn checkout_one_by_one() -> Saga<Checkout, Participants> {
    paid(reserved_one_by_one(1))
        .step("commit stock", |state, cx| kept(state.clone(), commit_stock(state, cx)))
        .attempt(ATTEMPT)
        .step("award points", |state, cx| kept(state.clone(), award_points(state, cx)))
        .attempt(ATTEMPT)
        .step("create shipment", |state, cx| kept(state.clone(), create_shipment(state, cx)))
        .attempt(ATTEMPT)
        .at_end(at_end)
        .build()
}

type At<P> = Draft<Checkout, Participants, P>;

fn begin(version: u32) -> At<place::Empty> {
    Saga::named("checkout").version(version).deadline(DEADLINE)
}

fn reserved_one_by_one(version: u32) -> At<place::Open> {
    begin(version)
        .step("reserve stock", reserve_stock)
        .undo(release_stock)
        .attempt(ATTEMPT)
        .step("hold points", hold_points)
        .undo(release_points)
        .attempt(ATTEMPT)
}

fn paid<P>(reserved: At<P>) -> At<place::Beyond>
where
    P: place::Decided<Next = place::Undecided, Kind = place::MayRefuse>,
{
    reserved
        .step("authorize payment", authorize)
        .undo(void)
        .undo_retry(VOID_TRIES)
        .undo_attempt(ATTEMPT)
        .attempt(PAYMENT_ATTEMPT)
        .within(PAYMENT_WITHIN)
        .probe(find_authorization)
        .window(PROVIDER_WINDOW)
        .pivot("capture payment", capture)
        .attempt(ATTEMPT)
        .probe(find_capture)
        .window(PROVIDER_WINDOW)
}

fn fulfilled(paid: At<place::Beyond>) -> Saga<Checkout, Participants> {
    paid.together("fulfil")
        .branch("commit stock", commit_stock)
        .attempt(ATTEMPT)
        .branch("award points", award_points)
        .attempt(ATTEMPT)
        .branch("create shipment", create_shipment)
        .attempt(ATTEMPT)
        .join(|state, ((), (), ())| state)
        .at_end(at_end)
        .build()
}

/// A branch as a step, which leaves the state as it is.
async fn kept(state: Checkout, branch: impl Future<Output = Retriable<()>>) -> Retriable<Checkout> {
    branch.await?;
    Ok(state)
}

async fn call(client: &Client, path: &str, cx: &Cx, body: &impl Serialize) -> Result<Reply> {
    client.post(path).key(cx.key()).json(body).timeout(ATTEMPT).send().await
}

/// A named refusal of a participant becomes a refusal of the step; everything else leaves the attempt unfinished.
fn refusal_or(reply: Reply) -> std::result::Result<Reply, Stop> {
    if let Some(reason) = reason_of(&reply) {
        return Err(reject(reason));
    }
    Ok(reply.into_success()?)
}

fn reason_of(reply: &Reply) -> Option<String> {
    let problem = reply.problem().filter(|problem| problem.slug == "refused")?;
    let reason = problem.members.get("reason")?.as_str()?;
    matches!(reason, "out_of_stock" | "payment_declined").then(|| reason.to_owned())
}

/// Reserves the lines; the key of the reservation.
async fn reserve(state: Checkout, cx: Cx) -> StepResult<String> {
    let body = Reserve { order_id: cx.saga(), lines: pieces(&state.order) };
    refusal_or(call(&cx.env().0.inventory, "/reserve", &cx, &body).await?)?;
    Ok(cx.key().to_owned())
}

async fn reserve_stock(state: Checkout, cx: Cx) -> StepResult<Checkout> {
    let reservation = Some(reserve(state.clone(), cx).await?);
    Ok(Checkout { reservation, ..state })
}

async fn release_stock(_: Checkout, cx: Cx) -> Retriable<()> {
    call(&cx.env().0.inventory, "/release", &cx, &OfOrder { order_id: cx.saga() }).await?.into_success()?;
    Ok(())
}

/// Holds the points; the key of the hold.
async fn hold(state: Checkout, cx: Cx) -> StepResult<String> {
    let body = Hold { order_id: cx.saga(), customer_id: &state.order.customer_id, points: state.order.points() };
    refusal_or(call(&cx.env().0.loyalty, "/hold", &cx, &body).await?)?;
    Ok(cx.key().to_owned())
}

async fn hold_points(state: Checkout, cx: Cx) -> StepResult<Checkout> {
    let hold = Some(hold(state.clone(), cx).await?);
    Ok(Checkout { hold, ..state })
}

async fn release_points(_: Checkout, cx: Cx) -> Retriable<()> {
    call(&cx.env().0.loyalty, "/release", &cx, &OfOrder { order_id: cx.saga() }).await?.into_success()?;
    Ok(())
}

async fn authorize(mut state: Checkout, cx: Cx) -> StepResult<Checkout> {
    let order = &state.order;
    let body = Authorize {
        order_id: cx.saga(),
        amount: order.total,
        currency: super::model::CURRENCY,
        payment_method: &order.payment_method,
    };
    let authorized = refusal_or(call(&cx.env().0.payments, "/authorize", &cx, &body).await?)?;
    state.intent = Some(authorized.json::<Authorized>()?.intent_id);
    Ok(state)
}

async fn void(_: Checkout, cx: Cx) -> Retriable<()> {
    call(&cx.env().0.payments, "/void", &cx, &OfOrder { order_id: cx.saga() }).await?.into_success()?;
    Ok(())
}

async fn payment_state(cx: &Cx) -> Result<String> {
    let path = format!("/authorization?order_id={}", cx.saga());
    let reply = cx.env().0.payments.get(&path).timeout(ATTEMPT).send().await?.into_success()?;
    let body: Value = reply.json()?;
    let state = body.get("state").and_then(Value::as_str);
    state.map(ToOwned::to_owned).ok_or_else(|| Error::new(ErrorKind::Corrupt, "an authorization without a state"))
}

async fn find_authorization(state: Checkout, cx: Cx) -> ProbeResult<Checkout> {
    Ok(match payment_state(&cx).await?.as_str() {
        "authorized" | "captured" => Probe::Done(state),
        "none" | "declined" | "canceled" => Probe::NotDone,
        _ => Probe::StillUnknown,
    })
}

async fn capture(state: Checkout, cx: Cx) -> StepResult<Checkout> {
    let body = Capture { order_id: cx.saga(), intent_id: state.intent.as_deref() };
    refusal_or(call(&cx.env().0.payments, "/capture", &cx, &body).await?)?;
    Ok(state)
}

async fn find_capture(state: Checkout, cx: Cx) -> ProbeResult<Checkout> {
    Ok(match payment_state(&cx).await?.as_str() {
        "captured" => Probe::Done(state),
        "authorized" => Probe::NotDone,
        _ => Probe::StillUnknown,
    })
}

async fn commit_stock(state: Checkout, cx: Cx) -> Retriable<()> {
    let body = Sell { order_id: cx.saga(), reservation: state.reservation.as_deref() };
    call(&cx.env().0.inventory, "/commit", &cx, &body).await?.into_success()?;
    Ok(())
}

async fn award_points(state: Checkout, cx: Cx) -> Retriable<()> {
    let body = Award { order_id: cx.saga(), hold: state.hold.as_deref() };
    call(&cx.env().0.loyalty, "/award", &cx, &body).await?.into_success()?;
    Ok(())
}

async fn create_shipment(state: Checkout, cx: Cx) -> Retriable<()> {
    let order = &state.order;
    let body = Ship { order_id: cx.saga(), customer_id: &order.customer_id, items: pieces(order) };
    call(&cx.env().0.shipping, "/shipments", &cx, &body).await?.into_success()?;
    Ok(())
}

/// The order's final status, in the commit that ends the saga.
fn at_end(state: Checkout, end: &End) -> Result<Part> {
    let (status, reason) = ended(end);
    let id = state.id;
    let record = OrderRecord { status, reason, order: state.order };
    let put =
        Put::value(ORDERS, id, Expect::Exactly(1), serde_json::to_string(&record)?).field("status", status.word());
    Ok(Part::new().put(put).add(ORDERS, Status::Pending.word(), -1).add(ORDERS, status.word(), 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psp::tests::World;
    use partita::saga::Engine;

    /// What stands in files must be found again: a change of a version that orders have begun is a new version.
    #[tokio::test(start_paused = true)]
    async fn the_versions_that_orders_have_begun_stay_what_they_are() {
        let world = World::new().await;
        let client = || Client::in_process(axum::Router::new(), &world.env.host);
        let links = Links { inventory: client(), loyalty: client(), payments: client(), shipping: client() };
        let engine = Engine::new(world.env.store.clone(), world.env.host.clone(), Default::default());
        let print = |saga: &Saga<Checkout, Participants>| {
            engine.register(saga, Participants::new(links.clone())).unwrap().fingerprint().to_owned()
        };
        assert_eq!(print(&checkout_one_by_one()), "544d21b6bb2ab728");
        assert_eq!(print(&checkout_points_after_stock()), "844a230ebbe3365b");
        assert_eq!(print(&checkout()), "85df7ce0f6660442");
    }
}
