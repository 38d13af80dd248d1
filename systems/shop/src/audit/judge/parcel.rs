//! Whether an order's shipment is recorded beside the row that sent it.

use super::{Case, Effect, Effects};
use crate::audit::model::{Action, OrderFact, OrderStatus};
use crate::audit::shipment::Shipment;

impl Case<'_> {
    /// A shipment is there exactly when the order was confirmed, or its row says so, and it says what the order says.
    pub(super) fn parcel(&mut self, effects: &Effects<'_>) {
        let sent = !matches!(effects[Action::Ship as usize], Effect::Absent);
        let wanted = sent || self.order.status == OrderStatus::Confirmed;
        match self.evidence.shipments {
            [] if wanted => self.wrong(&format!("{}, but shipping has no shipment for it", self.state())),
            [] => {}
            [shipment, ..] if wanted => {
                if let Some(why) = wrong_parcel(self.order, shipment) {
                    self.wrong(&format!("its shipment {why}"));
                }
            }
            // Its row was read before it.
            [..] if self.evidence.moves(self.order) => {}
            [..] => self.wrong(&format!("{}, but shipping has a shipment for it", self.state())),
        }
    }
}

fn wrong_parcel(order: &OrderFact, shipment: &Shipment) -> Option<String> {
    let Some(parcel) = shipment.parcel() else {
        let key = &shipment.key;
        return Some(format!("cannot be read (shipping.db, space `shipments`, key `{key}`)"));
    };
    if parcel.order_id != order.order_id {
        return Some(format!("is of order {}", parcel.order_id));
    }
    if parcel.customer_id != order.customer_id {
        return Some(format!("goes to customer {}, the order is {}'s", parcel.customer_id, order.customer_id));
    }
    super::row::other_lines(order, parcel.items)
}
