//! Given a shipment that does not fit, when an order is judged, then it is named.

use super::*;

#[test]
fn given_a_shipment_when_it_is_dropped_changed_or_of_no_confirmed_order_then_it_is_named() {
    let dropped = after(confirmed(), |_, held| held.shipments.clear());
    assert_eq!(dropped, ["SG2 CONFIRMED, but shipping has no shipment for it"]);
    let added = after(declined(), |_, held| held.shipments.push(shipment()));
    assert_eq!(added, ["SG2 REJECTED payment_declined, but shipping has a shipment for it"]);
    for (member, value, what) in [
        ("order_id", json!("o2"), "is of order o2"),
        ("customer_id", json!("bob"), "goes to customer bob, the order is ada's"),
        ("items", json!([]), "says , the order asks for 2 x mug, 1 x pen"),
        ("items", json!(7), "cannot be read (shipping.db, space `shipments`, key `o1`)"),
    ] {
        let found = after(confirmed(), |_, held| held.shipments[0].record[member] = value);
        assert_eq!(found, [format!("SG2 its shipment {what}")]);
    }
}
