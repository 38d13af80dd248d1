//! Given rows of a ledger that are missing, doubled, undone or changed, when an order is judged, then they are named.

use super::*;

#[test]
fn given_a_confirmed_order_when_any_row_is_dropped_then_it_is_missed() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| drop(held.rows.remove(index)));
        let text = format!("SG2 CONFIRMED, but {} has no row for `{}`", action.service(), action.name());
        assert_eq!(found, [text]);
    }
}

#[test]
fn given_a_confirmed_order_when_any_row_is_doubled_then_the_second_is_named() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| {
            let (service, mut second) = held.rows[index].clone();
            second.key = format!("o1/{}/1", action.step());
            held.rows.push((service, second));
        });
        let (service, step) = (action.service(), action.step());
        assert_eq!(found, [format!("SG2 {service} has a second row for `{}`: `o1/{step}/1`", action.name())]);
    }
}

#[test]
fn given_a_confirmed_order_when_any_row_turns_undone_then_it_is_named() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| held.rows[index].1.row.outcome = "undone".into());
        let named = format!("SG2 CONFIRMED, but {}'s row `o1/{}/0` is undone", action.service(), action.step());
        assert_eq!(found[0], named);
    }
}

#[test]
fn given_any_row_when_what_it_says_is_changed_then_both_sides_are_shown() {
    let more = json!({"lines": [{"sku": "mug", "quantity": 3}, {"sku": "pen", "quantity": 1}]});
    let lines: [(Value, &str); 2] = [
        (more, "says 3 x mug, 1 x pen, the order asks for 2 x mug, 1 x pen"),
        (json!({"lines": 7}), "names no lines that can be read"),
    ];
    let points: [(Value, &str); 3] = [
        (json!({"points": 13, "customer_id": "ada"}), "says 13 points, the order is worth 12"),
        (json!({"points": 12, "customer_id": "bob"}), "says customer bob, the order is ada's"),
        (json!({}), "says no points, the order is worth 12"),
    ];
    for case in [confirmed, declined] {
        for index in 0..case().1.rows.len() {
            let action = Action::ALL[index];
            let changes = if action.service() == Service::Loyalty { &points[..] } else { &lines[..] };
            for (detail, expected) in changes {
                let found = after(case(), |_, held| held.rows[index].1.row.detail = detail.clone());
                let (service, step) = (action.service(), action.step());
                assert_eq!(found, [format!("SG2 {service}'s row `o1/{step}/0` {expected}")]);
            }
        }
    }
}

#[test]
fn given_any_row_when_its_reply_or_fingerprint_is_changed_then_it_is_named() {
    let changes: [fn(&mut RowBody); 5] = [
        |row| row.reply["order_id"] = "o2".into(),
        |row| row.reply = Value::Null,
        |row| row.reply["lines"] = json!([]),
        |row| row.reply["points"] = json!(1),
        |row| row.fingerprint.clear(),
    ];
    for (index, action) in Action::ALL.into_iter().enumerate() {
        for change in changes {
            let found = after(confirmed(), |_, held| change(&mut held.rows[index].1.row));
            let of_the_other_kind = found.is_empty();
            let mine = format!("SG2 {}'s row `o1/{}/0` ", action.service(), action.step());
            assert!(of_the_other_kind || (found.len() == 1 && found[0].starts_with(&mine)), "{found:?}");
        }
        let found = after(confirmed(), |_, held| held.rows[index].1.row.reply["order_id"] = "o2".into());
        assert!(found[0].ends_with("answered for order o2"));
    }
}

#[test]
fn given_an_undo_that_came_alone_when_judged_then_its_tombstone_is_enough() {
    let rows = vec![tombstone(Action::Reserve), tombstone(Action::Hold)];
    let cancelled = order(OrderStatus::Cancelled, Some("cancelled_by_customer"));
    assert!(found(&cancelled, &Held { rows, ..Held::default() }).is_empty());
}

#[test]
fn given_any_row_when_it_no_longer_fits_its_key_then_it_is_named_once() {
    for index in 0..Action::ALL.len() {
        let broken: [fn(&mut LedgerRow); 4] = [
            |row| row.row.subject = Some("o2".into()),
            |row| row.row.action = Some("give".into()),
            |row| row.row.outcome = "maybe".into(),
            |row| row.row = RowBody { unreadable: Some("not JSON".into()), ..RowBody::default() },
        ];
        for change in broken {
            let found = after(confirmed(), |_, held| change(&mut held.rows[index].1));
            assert_eq!(found.iter().filter(|text| text.starts_with("SG2")).count(), 1, "{found:?}");
            assert!(found[0].contains(&format!("o1/{}/0", Action::ALL[index].step())), "{found:?}");
        }
    }
}

#[test]
fn given_a_key_that_no_step_makes_when_judged_then_it_is_named() {
    for key in ["o1", "o1/reserve-stock", "o1/reserve-stock/x", "o1/hold-points/0", "o1/reserve-stock/0/1"] {
        let found = after(confirmed(), |_, held| {
            let mut odd = standing(Action::Reserve);
            odd.1.key = key.into();
            held.rows.push(odd);
        });
        assert_eq!(found, [format!("SG2 inventory's row `{key}` has a key that no step of an order makes")]);
    }
}

#[test]
fn given_a_declined_order_when_its_undone_rows_are_changed_or_dropped_then_they_are_named() {
    for (index, action) in [(0, Action::Reserve), (1, Action::Hold)] {
        let dropped = after(declined(), |_, held| drop(held.rows.remove(index)));
        let (service, name) = (action.service(), action.name());
        assert_eq!(dropped, [format!("SG2 REJECTED payment_declined, but {service} has no row left for `{name}`")]);
        let stands = after(declined(), |_, held| held.rows[index] = standing(action));
        let key = format!("o1/{}/0", action.step());
        assert_eq!(stands, [format!("SG2 REJECTED payment_declined, but {service}'s row `{key}` was never undone")]);
    }
}

#[test]
fn given_a_cancelled_order_when_only_one_of_its_first_two_steps_has_a_row_then_nothing_is_wrong() {
    for action in [Action::Reserve, Action::Hold] {
        let cancelled = order(OrderStatus::Cancelled, Some("cancelled_by_customer"));
        let held = Held { rows: vec![undone(action)], ..Held::default() };
        assert_eq!(after((cancelled, held), |_, _| ()), Vec::<String>::new());
    }
}

#[test]
fn given_an_order_that_was_not_confirmed_when_it_was_committed_awarded_or_shipped_then_it_is_named() {
    for case in [declined, parked] {
        for action in [Action::Commit, Action::Award, Action::Ship] {
            let found = after(case(), |_, held| {
                held.rows.push(standing(action));
                held.shipments.extend((action == Action::Ship).then(shipment));
            });
            assert!(found[0].contains(&format!("but {} has a row", action.service())), "{found:?}");
            assert_eq!(found.len() - 1, usize::from(action == Action::Ship), "shipped without money is EC1, too");
        }
    }
}

#[test]
fn given_an_order_parked_behind_its_pivot_when_judged_then_its_rows_may_stand() {
    let (_, held) = confirmed();
    assert!(found(&order(OrderStatus::Pending, Some("needs_operator")), &held).is_empty());
}

#[test]
fn given_an_order_refused_for_want_of_stock_when_its_row_is_dropped_or_changed_then_it_is_named() {
    let dropped = after(out_of_stock(), |_, held| held.rows.clear());
    assert_eq!(dropped, ["SG2 REJECTED out_of_stock, but inventory has no row left for `reserve`"]);
    for (refused, what) in [
        (json!({"fingerprint": "", "reason": {"sku": "pen"}}), "the fingerprint ``, which is none"),
        (json!({"fingerprint": "0123456789abcdef".repeat(4), "reason": {"sku": "cup"}}), "for want of `cup`"),
    ] {
        named(&after(out_of_stock(), |_, held| held.rows[0].1.row.refused = Some(refused)), what);
    }
}
