//! The histogram against an exact model.

use super::{CELLS, Histogram, Quantile, cell, highest};
use crate::testing::ms;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn each_cell_holds_what_lies_up_to_its_highest_value() {
    for index in 0..CELLS {
        assert_eq!(cell(highest(index)), index);
        assert_eq!(cell(highest(index) + Duration::from_micros(1)), (index + 1).min(CELLS - 1));
    }
    assert_eq!(cell(Duration::MAX), CELLS - 1);
    const { assert!(Histogram::BYTES < 22 * 1_024) };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quantiles_are_those_of_the_sorted_values_to_a_thirtysecond(
        mut values in prop::collection::vec(1_u64..100_000_000, 1..300),
        q in 0.01_f64..1.0,
    ) {
        let histogram = Histogram::new();
        values.iter().for_each(|micros| histogram.record(ms(5), Duration::from_micros(*micros)));
        values.sort_unstable();
        let below = (0..values.len() - 1).take_while(|n| ((n + 1) as f64) < (q - 1e-9) * values.len() as f64).count();
        let exact = values[below] as f64;
        let Some(Quantile::At(found)) = histogram.quantile(ms(5), q) else { panic!("nothing was cut off") };
        let found = found.as_micros() as f64;
        prop_assert!(found >= exact && found <= exact * (1.0 + 1.0 / 32.0) + 1.0, "{} for {}", found, exact);
    }

    #[test]
    fn the_window_holds_the_running_ten_seconds_and_the_ten_before(steps in prop::collection::vec(0_u64..13_000, 1..200)) {
        let histogram = Histogram::new();
        let (mut now, mut seen) = (0, Vec::new());
        for step in steps {
            now += step;
            histogram.record(ms(now), ms(7));
            seen.push(now / 10_000);
            let live = seen.iter().filter(|slot| **slot + 1 >= now / 10_000).count();
            prop_assert_eq!(histogram.count(ms(now)), live as u64);
        }
    }
}

#[test]
fn calls_that_were_cut_off_count_as_lower_bounds() {
    let histogram = Histogram::new();
    (0..90).for_each(|_| histogram.record(ms(1), ms(10)));
    (0..10).for_each(|_| histogram.record_at_least(ms(1), ms(50)));
    let near = |quantile: Option<Quantile>, millis: u64| match quantile {
        Some(Quantile::At(found) | Quantile::Above(found)) => found >= ms(millis) && found <= ms(millis) * 33 / 32,
        None => false,
    };
    let p80 = histogram.quantile(ms(1), 0.8);
    assert!(matches!(p80, Some(Quantile::At(_))) && near(p80, 10));
    let p99 = histogram.quantile(ms(1), 0.99);
    assert!(matches!(p99, Some(Quantile::Above(_))) && near(p99, 50), "{p99:?}");
    assert_eq!(Histogram::new().quantile(ms(1), 0.5), None);
}

#[test]
fn a_bound_below_what_was_seen_makes_the_tail_heavier() {
    let (plain, bounded) = (Histogram::new(), Histogram::new());
    for histogram in [&plain, &bounded] {
        (0..50).for_each(|_| histogram.record(ms(1), ms(10)));
        (0..50).for_each(|_| histogram.record(ms(1), ms(100)));
    }
    (0..100).for_each(|_| bounded.record_at_least(ms(1), ms(20)));
    let at = |histogram: &Histogram| histogram.quantile(ms(1), 0.4);
    assert!(matches!(at(&plain), Some(Quantile::At(p40)) if p40 < ms(11)));
    assert!(matches!(at(&bounded), Some(Quantile::At(p40)) if p40 > ms(99)), "three of four took more than 20 ms");
}
