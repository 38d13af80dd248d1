//! What the order number `n` of a run is: a pure function of the seed and `n`.

use super::mix::{Kind, Mix};
use serde::Serialize;
use std::time::Duration;

/// Customers that a run draws from.
const CUSTOMERS: u64 = 1_000;

/// A customer who thinks again does so within this time.
const SECOND_THOUGHT_MS: u64 = 501;

/// A line of an order, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedLine {
    /// What.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

/// An order, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedOrder {
    /// Whose.
    pub customer_id: String,
    /// What.
    pub items: Vec<PlannedLine>,
    /// How it is paid.
    pub payment_method: &'static str,
}

/// An order and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it is made to live through.
    pub kind: Kind,
    /// What is sent.
    pub order: PlannedOrder,
    /// When a cancel follows, behind the acceptance; of kind `cancel` only.
    pub cancel_after: Option<Duration>,
}

impl Plan {
    /// The order number `index` of a seed. `skus` are what can be bought; there is at least one.
    pub fn new(seed: u64, index: u64, mix: &Mix, skus: &[String]) -> Self {
        let mut draws = SplitMix::new(seed, index);
        let kind = mix.kind(draws.next());
        let customer = draws.next() % CUSTOMERS;
        let items = match kind {
            Kind::OutOfStock => vec![PlannedLine { sku: "sold-out".to_owned(), quantity: 1 }],
            _ => lines(&mut draws, skus),
        };
        let customer_id = format!("customer-{customer:03}");
        let order = PlannedOrder { customer_id, items, payment_method: kind.payment_method() };
        let second_thought = Duration::from_millis(draws.next() % SECOND_THOUGHT_MS);
        Self { kind, order, cancel_after: (kind == Kind::Cancel).then_some(second_thought) }
    }
}

/// One or two lines of one or two pieces: small enough that a new shop can be driven for a million orders.
fn lines(draws: &mut SplitMix, skus: &[String]) -> Vec<PlannedLine> {
    let number = skus.len() as u64;
    let first = draws.next() % number;
    let step = draws.next() % number;
    let mut line = |index: u64| {
        let sku = usize::try_from(index).ok().and_then(|index| skus.get(index)).cloned().unwrap_or_default();
        PlannedLine { sku, quantity: if draws.next().is_multiple_of(2) { 1 } else { 2 } }
    };
    let mut lines = vec![line(first)];
    if step != 0 {
        lines.push(line((first + step) % number));
    }
    lines
}

/// The generator `SplitMix64` of Steele, Lea and Flood (2014): a few operations a number, and any seed is a good one.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    /// The draws of one order: far away from those of its neighbours.
    fn new(seed: u64, index: u64) -> Self {
        let mut of_seed = Self(seed);
        Self(of_seed.next() ^ Self(index).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn skus() -> Vec<String> {
        ["mug", "pen", "cap"].map(str::to_owned).into()
    }

    fn plans(seed: u64, mix: &str, number: u64) -> Vec<Plan> {
        (0..number).map(|index| Plan::new(seed, index, &mix.parse().unwrap(), &skus())).collect()
    }

    #[test]
    fn a_seed_fixes_every_order_and_another_seed_makes_others() {
        let mix = "ok=50,cancel=50";
        assert_eq!(plans(7, mix, 100), plans(7, mix, 100));
        assert_ne!(plans(7, mix, 100), plans(8, mix, 100));
    }

    #[test]
    fn kinds_come_about_as_often_as_their_weights_say() {
        let plans = plans(1, "ok=80,declined=20", 10_000);
        let declined = plans.iter().filter(|plan| plan.kind == Kind::Declined).count();
        assert!((1_800..2_200).contains(&declined), "{declined}");
    }

    #[test]
    fn an_order_names_each_sku_once_and_never_more_than_two_of_it() {
        for plan in plans(3, "ok=1", 1_000) {
            let skus: BTreeSet<&str> = plan.order.items.iter().map(|line| line.sku.as_str()).collect();
            assert_eq!(skus.len(), plan.order.items.len());
            assert!(plan.order.items.iter().all(|line| (1..=2).contains(&line.quantity)));
        }
    }

    #[test]
    fn only_what_is_sold_out_runs_out_and_only_a_cancel_is_cancelled() {
        let sold_out = |plan: &Plan| plan.order.items.iter().any(|line| line.sku == "sold-out");
        for plan in plans(5, "ok=1,out_of_stock=1,cancel=1", 300) {
            assert_eq!(sold_out(&plan), plan.kind == Kind::OutOfStock);
            assert_eq!(plan.cancel_after.is_some(), plan.kind == Kind::Cancel);
            assert!(plan.cancel_after.is_none_or(|wait| wait <= Duration::from_millis(500)));
        }
    }
}
