//! Stock of one product, and what may be done with it.

use partita::events::Aggregate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const MAX_LINES: usize = 100;
const MAX_QUANTITY: u64 = 100_000;

/// What is there of one product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// How many the shop began with; `None` for a product that it never had.
    pub seeded: Option<u64>,
    /// How many lie on the shelf.
    pub on_hand: u64,
    /// How many of them are promised to orders.
    pub reserved: u64,
}

/// What can happen to stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockEvent {
    /// The shop opened with so many.
    Seeded {
        /// Pieces.
        quantity: u64,
    },
    /// Promised to an order.
    Reserved(Moved),
    /// No longer promised.
    Released(Moved),
    /// Sold: it left the shelf.
    Committed(Moved),
}

/// Pieces moved for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The order.
    pub order_id: String,
    /// Pieces.
    pub quantity: u64,
}

/// One product of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The product.
    pub sku: String,
    /// Pieces.
    pub quantity: u64,
}

/// There is not enough of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OutOfStock {
    /// The first such product of the order.
    pub sku: String,
}

/// Fewer pieces are reserved than an order's reservation says: the stock's history contradicts the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotReserved {
    /// The product.
    pub sku: String,
}

/// Events, each with the place of its line.
pub(super) type Events = Vec<(usize, StockEvent)>;

impl Aggregate for Stock {
    type Event = StockEvent;
    const CATEGORY: &'static str = "stock";

    fn kind(event: &StockEvent) -> &'static str {
        match event {
            StockEvent::Seeded { .. } => "stock.seeded",
            StockEvent::Reserved(_) => "stock.reserved",
            StockEvent::Released(_) => "stock.released",
            StockEvent::Committed(_) => "stock.committed",
        }
    }

    fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Seeded { quantity } => {
                self.seeded = Some(*quantity);
                self.on_hand += quantity;
            }
            StockEvent::Reserved(moved) => self.reserved += moved.quantity,
            StockEvent::Released(moved) => self.reserved = self.reserved.saturating_sub(moved.quantity),
            StockEvent::Committed(moved) => {
                self.reserved = self.reserved.saturating_sub(moved.quantity);
                self.on_hand = self.on_hand.saturating_sub(moved.quantity);
            }
        }
    }
}

impl Stock {
    /// How many can still be promised.
    pub fn available(&self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

/// What is wrong with an order's lines, if anything.
///
/// # Errors
/// For no lines or too many, a product named twice, or a quantity out of range.
pub(super) fn check_lines(lines: &[Line]) -> Result<(), String> {
    if !(1..=MAX_LINES).contains(&lines.len()) {
        return Err(format!("an order has 1 to {MAX_LINES} lines"));
    }
    if let Some(line) = lines.iter().find(|line| !(1..=MAX_QUANTITY).contains(&line.quantity)) {
        return Err(format!("the quantity of {:?} is not 1 to {MAX_QUANTITY}", line.sku));
    }
    let skus: BTreeSet<&str> = lines.iter().map(|line| line.sku.as_str()).collect();
    if skus.len() < lines.len() { Err("a product stands in more than one line".to_owned()) } else { Ok(()) }
}

/// Opens with a stock, once.
pub(super) fn seed(stock: &Stock, quantity: u64) -> Option<StockEvent> {
    stock.seeded.is_none().then_some(StockEvent::Seeded { quantity })
}

/// Promises all lines to an order, or none.
///
/// # Errors
/// The first product that there is not enough of.
pub(super) fn reserve(order_id: &str, lines: &[Line], stocks: &[&Stock]) -> Result<Events, OutOfStock> {
    let short = lines.iter().zip(stocks).find(|(line, stock)| stock.available() < line.quantity);
    match short {
        Some((line, _)) => Err(OutOfStock { sku: line.sku.clone() }),
        None => Ok(moves(order_id, lines, StockEvent::Reserved)),
    }
}

/// Takes a promise back.
///
/// # Errors
/// [`NotReserved`] when there was no such promise.
pub(super) fn release(order_id: &str, lines: &[Line], stocks: &[&Stock]) -> Result<Events, NotReserved> {
    promised(lines, stocks)?;
    Ok(moves(order_id, lines, StockEvent::Released))
}

/// Keeps a promise: the pieces leave the shelf.
///
/// # Errors
/// [`NotReserved`] when there was no such promise.
pub(super) fn commit(order_id: &str, lines: &[Line], stocks: &[&Stock]) -> Result<Events, NotReserved> {
    promised(lines, stocks)?;
    Ok(moves(order_id, lines, StockEvent::Committed))
}

fn promised(lines: &[Line], stocks: &[&Stock]) -> Result<(), NotReserved> {
    let missing = lines.iter().zip(stocks).find(|(line, stock)| stock.reserved < line.quantity);
    missing.map_or(Ok(()), |(line, _)| Err(NotReserved { sku: line.sku.clone() }))
}

fn moves(order_id: &str, lines: &[Line], event: impl Fn(Moved) -> StockEvent) -> Events {
    let moved = |line: &Line| Moved { order_id: order_id.to_owned(), quantity: line.quantity };
    lines.iter().map(|line| event(moved(line))).enumerate().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given these events of one product.
    fn given(events: &[StockEvent]) -> Stock {
        let mut stock = Stock::default();
        events.iter().for_each(|event| stock.evolve(event));
        stock
    }

    fn seeded(quantity: u64) -> StockEvent {
        StockEvent::Seeded { quantity }
    }

    fn moved(quantity: u64) -> Moved {
        Moved { order_id: "o-1".to_owned(), quantity }
    }

    fn line(sku: &str, quantity: u64) -> Line {
        Line { sku: sku.to_owned(), quantity }
    }

    #[test]
    fn given_enough_when_reserved_then_every_line_is_promised() {
        let (cups, pens) = (given(&[seeded(5)]), given(&[seeded(9)]));
        let then = reserve("o-1", &[line("cup", 5), line("pen", 2)], &[&cups, &pens]);
        assert_eq!(then, Ok(vec![(0, StockEvent::Reserved(moved(5))), (1, StockEvent::Reserved(moved(2)))]));
    }

    #[test]
    fn given_one_line_short_when_reserved_then_nothing_is_promised_and_the_product_named() {
        let (cups, pens) = (given(&[seeded(5)]), given(&[seeded(9), StockEvent::Reserved(moved(8))]));
        let then = reserve("o-1", &[line("cup", 5), line("pen", 2)], &[&cups, &pens]);
        assert_eq!(then, Err(OutOfStock { sku: "pen".to_owned() }));
    }

    #[test]
    fn given_an_unknown_product_when_reserved_then_it_is_out_of_stock() {
        assert!(reserve("o-1", &[line("ghost", 1)], &[&given(&[])]).is_err());
    }

    #[test]
    fn given_a_promise_when_released_then_all_is_available_again() {
        let mut stock = given(&[seeded(5), StockEvent::Reserved(moved(3))]);
        assert_eq!(stock.available(), 2);
        let then = release("o-1", &[line("cup", 3)], &[&stock]).unwrap();
        assert_eq!(then, vec![(0, StockEvent::Released(moved(3)))]);
        stock.evolve(&then[0].1);
        assert_eq!((stock.on_hand, stock.reserved, stock.available()), (5, 0, 5));
    }

    #[test]
    fn given_a_promise_when_committed_then_the_pieces_leave_the_shelf() {
        let mut stock = given(&[seeded(5), StockEvent::Reserved(moved(3))]);
        let then = commit("o-1", &[line("cup", 3)], &[&stock]).unwrap();
        stock.evolve(&then[0].1);
        assert_eq!((stock.on_hand, stock.reserved, stock.available()), (2, 0, 2));
    }

    #[test]
    fn given_no_promise_when_released_or_committed_then_it_is_an_inconsistency() {
        let stock = given(&[seeded(5), StockEvent::Reserved(moved(2))]);
        let named = Err(NotReserved { sku: "cup".to_owned() });
        assert_eq!(release("o-1", &[line("cup", 3)], &[&stock]), named);
        assert_eq!(commit("o-1", &[line("cup", 3)], &[&stock]), named);
    }

    #[test]
    fn lines_are_one_to_a_hundred_each_product_once_and_in_range() {
        let many = |count: usize| (0..count).map(|n| line(&n.to_string(), 1)).collect::<Vec<_>>();
        assert!(check_lines(&many(1)).is_ok() && check_lines(&many(100)).is_ok());
        assert!(check_lines(&[line("cup", 100_000)]).is_ok());
        for wrong in
            [vec![], many(101), vec![line("cup", 0)], vec![line("cup", 100_001)], vec![line("cup", 1), line("cup", 1)]]
        {
            assert!(check_lines(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn given_a_seeded_product_when_seeded_again_then_nothing_happens() {
        assert_eq!(seed(&given(&[]), 0), Some(seeded(0)));
        assert_eq!(seed(&given(&[seeded(0)]), 7), None);
    }
}
