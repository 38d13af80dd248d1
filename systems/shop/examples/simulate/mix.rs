//! Orders drawn from a seed: who, what, how it is paid, and whether it is cancelled.

use super::world::{Must, Wish};
use partita::time::Entropy;
use shop::catalog::{catalog, product_of};
use std::time::Duration;

const CUSTOMERS: [&str; 8] = ["ada", "ben", "cleo", "dan", "eve", "finn", "gwen", "hugo"];

/// Payment methods, each as often as its weight says.
const METHODS: [(&str, u64); 9] = [
    ("pm_ok", 40),
    ("pm_declined", 8),
    ("pm_capture_declined", 8),
    ("pm_slow", 8),
    ("pm_lost_reply", 8),
    ("pm_lost_request", 8),
    ("pm_flaky", 8),
    ("pm_undo_flaky", 6),
    ("pm_undo_fails", 6),
];

/// Draws so many orders.
pub(crate) fn wishes(seed: u64, orders: usize) -> Vec<Wish> {
    let entropy = Entropy::seeded(seed ^ 0x0bde_ad0b_5e55_ed00);
    let mut after = Duration::ZERO;
    let draw = |number| {
        after += gap(&entropy);
        let items = items(&entropy);
        let price = |(sku, quantity): &(&str, u64)| product_of(sku).map_or(0, |product| product.price * quantity);
        let total: u64 = items.iter().map(price).sum();
        let cancels = (entropy.below(4) == 0).then(|| patience(&entropy));
        Wish {
            customer: one_of(&entropy, &CUSTOMERS),
            key: format!("order-{number}"),
            method: method(&entropy),
            items,
            total: i64::try_from(total).unwrap_or(i64::MAX),
            after,
            cancels,
            must: Must::Fit,
        }
    };
    (0..orders).map(draw).collect()
}

/// Orders come in bursts.
fn gap(entropy: &Entropy) -> Duration {
    let most = if entropy.below(2) == 0 { 50 } else { 4_000 };
    Duration::from_millis(entropy.below(most))
}

/// Until a cancel: as often within the first calls as within the first seconds.
fn patience(entropy: &Entropy) -> Duration {
    let most = if entropy.below(2) == 0 { 150 } else { 10_000 };
    Duration::from_millis(entropy.below(most))
}

fn one_of<T: Copy + Default>(entropy: &Entropy, all: &[T]) -> T {
    let place = usize::try_from(entropy.below(all.len() as u64)).unwrap_or(0);
    all.get(place).copied().unwrap_or_default()
}

fn method(entropy: &Entropy) -> &'static str {
    let mut drawn = entropy.below(METHODS.iter().map(|(_, weight)| weight).sum());
    for (method, weight) in METHODS {
        if drawn < weight {
            return method;
        }
        drawn -= weight;
    }
    "pm_ok"
}

fn items(entropy: &Entropy) -> Vec<(&'static str, u64)> {
    let mut items: Vec<(&str, u64)> = vec![];
    for _ in 0..=entropy.below(3) {
        let all = catalog().iter().map(|product| product.sku).collect::<Vec<_>>();
        let plenty = all.get(..8).unwrap_or(&[]);
        let item = match entropy.below(40) {
            0 => ("sold-out", 1),
            1..=4 => ("scarce", 1 + entropy.below(2)),
            _ => (one_of(entropy, plenty), 1 + entropy.below(3)),
        };
        if items.iter().all(|(sku, _)| *sku != item.0) {
            items.push(item);
        }
    }
    items
}
