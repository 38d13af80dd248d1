//! Points of one customer, and what may be done with them.

use partita::events::Aggregate;
use serde::{Deserialize, Serialize};

/// What a customer has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Points that belong to the customer.
    pub balance: u64,
    /// Points that orders in progress would bring.
    pub held: u64,
}

/// What can happen to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointsEvent {
    /// An order in progress would bring them.
    Held(Points),
    /// The order brought them.
    Awarded(Points),
    /// The order came to nothing.
    Released(Points),
}

/// Points of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Points {
    /// The order.
    pub order_id: String,
    /// How many.
    pub points: u64,
}

/// Fewer points are held than an order's hold says: the account's history contradicts the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotHeld;

impl Aggregate for Account {
    type Event = PointsEvent;
    const CATEGORY: &'static str = "account";

    fn kind(event: &PointsEvent) -> &'static str {
        match event {
            PointsEvent::Held(_) => "points.held",
            PointsEvent::Awarded(_) => "points.awarded",
            PointsEvent::Released(_) => "points.released",
        }
    }

    fn evolve(&mut self, event: &PointsEvent) {
        match event {
            PointsEvent::Held(held) => self.held = self.held.saturating_add(held.points),
            PointsEvent::Released(released) => self.held = self.held.saturating_sub(released.points),
            PointsEvent::Awarded(awarded) => {
                self.held = self.held.saturating_sub(awarded.points);
                self.balance = self.balance.saturating_add(awarded.points);
            }
        }
    }
}

impl Account {
    /// The account once an event has happened.
    #[must_use]
    pub fn after(&self, event: Option<&PointsEvent>) -> Self {
        let mut after = self.clone();
        event.into_iter().for_each(|event| after.evolve(event));
        after
    }
}

/// Holds points for an order; none need no event.
pub(super) fn hold(points: Points) -> Option<PointsEvent> {
    some(points).map(PointsEvent::Held)
}

/// Gives held points to the customer.
///
/// # Errors
/// [`NotHeld`] when so many are not held.
pub(super) fn award(account: &Account, points: Points) -> Result<Option<PointsEvent>, NotHeld> {
    held(account, &points)?;
    Ok(some(points).map(PointsEvent::Awarded))
}

/// Lets held points go.
///
/// # Errors
/// [`NotHeld`] when so many are not held.
pub(super) fn release(account: &Account, points: Points) -> Result<Option<PointsEvent>, NotHeld> {
    held(account, &points)?;
    Ok(some(points).map(PointsEvent::Released))
}

fn some(points: Points) -> Option<Points> {
    Some(points).filter(|points| points.points > 0)
}

fn held(account: &Account, points: &Points) -> Result<(), NotHeld> {
    if account.held < points.points { Err(NotHeld) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: u64) -> Points {
        Points { order_id: "o-1".to_owned(), points }
    }

    fn given(events: &[PointsEvent]) -> Account {
        let mut account = Account::default();
        events.iter().for_each(|event| account.evolve(event));
        account
    }

    #[test]
    fn given_a_new_customer_when_points_are_held_then_the_balance_stays() {
        let then = hold(points(7));
        assert_eq!(then, Some(PointsEvent::Held(points(7))));
        assert_eq!(given(&[]).after(then.as_ref()), Account { balance: 0, held: 7 });
    }

    #[test]
    fn given_held_points_when_awarded_then_they_move_to_the_balance() {
        let account = given(&[PointsEvent::Held(points(7)), PointsEvent::Held(points(2))]);
        let then = award(&account, points(7)).unwrap();
        assert_eq!(account.after(then.as_ref()), Account { balance: 7, held: 2 });
    }

    #[test]
    fn given_held_points_when_released_then_they_are_gone() {
        let account = given(&[PointsEvent::Held(points(7))]);
        let then = release(&account, points(7)).unwrap();
        assert_eq!(account.after(then.as_ref()), Account::default());
    }

    #[test]
    fn given_no_points_in_an_order_then_nothing_happens() {
        let account = given(&[]);
        assert_eq!(
            (hold(points(0)), award(&account, points(0)), release(&account, points(0))),
            (None, Ok(None), Ok(None))
        );
    }

    #[test]
    fn given_fewer_points_held_when_awarded_or_released_then_it_is_an_inconsistency() {
        let account = given(&[PointsEvent::Held(points(6))]);
        assert_eq!((award(&account, points(7)), release(&account, points(7))), (Err(NotHeld), Err(NotHeld)));
    }
}
