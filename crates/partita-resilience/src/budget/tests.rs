//! The budget against an exact model.

use super::{Budget, Withdrawal};
use crate::Timing;
use partita_time::ManualClock;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::time::Duration;

fn budget(clock: &ManualClock, ratio: f64, floor: f64) -> Budget {
    Budget::builder().ratio(ratio).floor_per_second(floor).timing(Timing::manual(clock, 1)).build().unwrap()
}

fn spend(budget: &Budget) -> bool {
    budget.withdraw().map(Withdrawal::spend).is_some()
}

/// Each deposit with its second, in thousandths; the floor as the moments at which its tokens come free again.
struct Model {
    deposits: VecDeque<(u64, u64)>,
    floor_due: u64,
    floor: u64,
}

impl Model {
    fn expire(&mut self, second: u64) {
        self.deposits.retain(|(made, _)| made + 10 > second);
    }

    fn take_back(&mut self, made: u64, most: u64) {
        let mut left = most;
        for (_, amount) in self.deposits.iter_mut().filter(|(second, _)| *second == made) {
            let taken = left.min(*amount);
            *amount -= taken;
            left -= taken;
        }
    }

    fn withdraw(&mut self, millis: u64) -> bool {
        self.expire(millis / 1_000);
        let period = 1_000_000_000_u64.checked_div(self.floor).unwrap_or(0);
        let now = millis * 1_000_000;
        let next = self.floor_due.max(now) + period;
        if self.floor > 0 && next <= now + self.floor * period {
            self.floor_due = next;
            return true;
        }
        if self.deposits.iter().map(|(_, amount)| amount).sum::<u64>() < 1_000 {
            return false;
        }
        let mut left = 1_000;
        for (_, amount) in &mut self.deposits {
            let taken = left.min(*amount);
            *amount -= taken;
            left -= taken;
        }
        true
    }
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Deposit,
    TakeBack(usize),
    Withdraw,
    GiveBack,
    Pass(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => Just(Deed::Deposit),
        2 => any::<usize>().prop_map(Deed::TakeBack),
        3 => Just(Deed::Withdraw),
        1 => Just(Deed::GiveBack),
        2 => (0_u64..900).prop_map(Deed::Pass),
        1 => (5_000_u64..40_000).prop_map(Deed::Pass),
    ];
    prop::collection::vec(deed, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_budget_grants_exactly_what_the_model_grants(deeds in deeds(), thousandths in 1_u32..500, floor in 0_u32..5) {
        let clock = ManualClock::new();
        let budget = budget(&clock, f64::from(thousandths) / 1_000.0, f64::from(floor));
        let mut model = Model { deposits: VecDeque::new(), floor_due: 0, floor: u64::from(floor) };
        let (mut millis, mut made) = (0, Vec::new());
        for deed in deeds {
            match deed {
                Deed::Deposit => {
                    made.push((budget.deposit(), millis / 1_000));
                    model.deposits.push_back((millis / 1_000, u64::from(thousandths)));
                }
                Deed::TakeBack(_) if made.is_empty() => {}
                Deed::TakeBack(pick) => {
                    let (deposit, second) = made.swap_remove(pick % made.len());
                    budget.take_back(deposit);
                    model.take_back(second, u64::from(thousandths));
                    let held: u64 = model.deposits.iter().map(|(_, amount)| amount).sum();
                    let available = budget.snapshot().available * 1_000.0;
                    prop_assert!(floor > 0 || (available - held as f64).abs() < 1e-6, "{available} {held}");
                }
                Deed::Withdraw => prop_assert_eq!(spend(&budget), model.withdraw(millis)),
                Deed::GiveBack => {
                    let before = budget.snapshot();
                    let withdrawal = budget.withdraw();
                    let refused = u64::from(withdrawal.is_none());
                    drop(withdrawal);
                    let after = budget.snapshot();
                    prop_assert_eq!(after.available, before.available);
                    prop_assert_eq!((after.withdrawn, after.refused), (before.withdrawn, before.refused + refused));
                }
                Deed::Pass(step) => {
                    clock.advance(Duration::from_millis(step));
                    millis += step;
                    model.expire(millis / 1_000);
                }
            }
        }
    }
}

#[test]
fn calls_dropped_late_take_nothing_of_what_others_deposited() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.1, 0.0);
    let polls: Vec<_> = (0..10).map(|_| budget.deposit()).collect();
    clock.advance(Duration::from_secs(14));
    let calls: Vec<_> = (0..10).map(|_| budget.deposit()).collect();
    clock.advance(Duration::from_secs(1));
    polls.into_iter().for_each(|poll| budget.take_back(poll));
    assert!((budget.snapshot().available - 1.0).abs() < f64::EPSILON, "{budget:?}");
    calls.into_iter().take(4).for_each(|call| budget.take_back(call));
    assert!((budget.snapshot().available - 0.6).abs() < f64::EPSILON, "{budget:?}");
}

#[test]
fn ten_first_attempts_pay_for_one_more() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.1, 0.0);
    (0..9).for_each(|_| _ = budget.deposit());
    assert!(!spend(&budget));
    budget.deposit();
    assert!(spend(&budget));
    assert!(!spend(&budget));
    let seen = budget.snapshot();
    assert_eq!((seen.withdrawn, seen.refused), (1, 2));
}

#[test]
fn deposits_expire_after_ten_seconds() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.1, 0.0);
    (0..1_000).for_each(|_| _ = budget.deposit());
    clock.advance(Duration::from_millis(9_999));
    assert!(spend(&budget));
    clock.advance(Duration::from_millis(1));
    assert!(!spend(&budget));
}

#[test]
fn the_floor_allows_three_a_second_and_saves_no_more() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.0, 3.0);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!((0..10).filter(|_| spend(&budget)).count(), 3);
    let granted = (0..1_000).filter(|_| {
        clock.advance(Duration::from_millis(10));
        spend(&budget)
    });
    assert_eq!(granted.count(), 30, "ten seconds of three");
}

#[test]
fn an_attempt_that_never_began_gives_its_place_back() {
    let clock = ManualClock::new();
    for budget in [budget(&clock, 0.0, 1.0), budget(&clock, 1.0, 0.0)] {
        budget.deposit();
        drop(budget.withdraw().unwrap());
        assert!((budget.snapshot().available - 1.0).abs() < f64::EPSILON);
        assert!(spend(&budget) && !spend(&budget));
    }
}

#[test]
fn what_is_given_back_expires_with_what_it_was_taken_from() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.1, 0.0);
    let available = || (budget.snapshot().available * 1_000.0).round();
    (0..6).for_each(|_| _ = budget.deposit());
    clock.advance(Duration::from_secs(5));
    (0..6).for_each(|_| _ = budget.deposit());
    for _ in 0..49 {
        drop(budget.withdraw().unwrap());
        assert!(available() == 1_200.0);
        clock.advance(Duration::from_millis(100));
    }
    let held = budget.withdraw().unwrap();
    assert!(available() == 200.0);
    clock.advance(Duration::from_secs(1));
    drop(held);
    assert!(available() == 600.0, "{budget:?}");
    clock.advance(Duration::from_secs(5));
    assert!(available() == 0.0, "{budget:?}");
}

#[test]
fn threads_never_get_more_than_was_deposited() {
    let clock = ManualClock::new();
    let budget = budget(&clock, 0.1, 0.0);
    let granted: usize = std::thread::scope(|scope| {
        let work = || {
            (0..5_000).filter(|_| {
                budget.deposit();
                spend(&budget)
            })
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || work().count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let left = budget.snapshot().available;
    assert!((left + granted as f64 - 2_000.0).abs() < 1e-6, "{granted} granted and {left} left of 2,000");
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let refused = |builder: super::BudgetBuilder| builder.build().unwrap_err().option;
    assert_eq!(refused(Budget::builder().ratio(1.5)), "budget_ratio");
    assert_eq!(refused(Budget::builder().floor_per_second(f64::NAN)), "budget_floor_per_s");
    assert_eq!(refused(Budget::builder().expiry(Duration::ZERO)), "budget_expiry");
}

#[test]
fn a_floor_of_next_to_nothing_is_no_floor_without_end() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1));
    for floor in [1e-9, 1e-300] {
        let builder = Budget::builder().ratio(0.0).floor_per_second(floor).timing(Timing::manual(&clock, 1));
        let budget = builder.build().unwrap();
        let begun = (0..9).filter_map(|_| budget.withdraw()).map(Withdrawal::spend).count();
        assert_eq!(begun, 1, "{floor}");
    }
}
