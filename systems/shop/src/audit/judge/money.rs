//! Whether an order's money is where its end says.

use super::Case;
use crate::audit::intent::{Currency, Intent, IntentStatus};
use crate::audit::model::OrderStatus;

impl Case<'_> {
    /// Money was taken exactly once, all of it, and none is held.
    pub(super) fn paid(&mut self) {
        let (state, total, intents) = (self.state(), self.order.total, self.evidence.intents);
        let captured: Vec<&Intent> = intents.iter().filter(|intent| intent.is_captured()).collect();
        let [intent] = captured[..] else {
            return self.wrong(&format!("{state}, but the provider has {} succeeded intents", captured.len()));
        };
        if intent.amount_received != total || intent.amount_refunded != 0 {
            let (received, refunded) = (intent.amount_received, intent.amount_refunded);
            self.wrong(&format!(
                "{state} over {total}, but intent {} received {received} and refunded {refunded}",
                intent.id
            ));
        }
        for other in intents.iter().filter(|intent| !intent.is_captured()) {
            if other.is_open() {
                self.wrong(&format!("{state}, but a second intent {} is {}", other.id, other.status));
            } else if other.net() != 0 {
                self.wrong(&format!("{state}, but a second intent {} kept {} of its money", other.id, other.net()));
            }
        }
    }

    /// None of the customer's money was kept.
    pub(super) fn kept(&mut self) {
        for intent in self.evidence.intents.iter().filter(|intent| intent.net() != 0) {
            self.wrong(&format!("{}, but intent {} kept {} of its money", self.state(), intent.id, intent.net()));
        }
    }

    /// No intent can take money any more, and one that was declined is there.
    pub(super) fn given_up(&mut self) {
        let (state, intents) = (self.state(), self.evidence.intents);
        for intent in intents.iter().filter(|intent| intent.is_open() && intent.net() == 0) {
            self.wrong(&format!("{state}, but intent {} is {}", intent.id, intent.status));
        }
        if self.order.reason.as_deref() == Some("payment_declined") && intents.is_empty() {
            self.wrong(&format!("{state}, but the provider has no intent that it declined"));
        }
    }

    /// Each intent can be read, is over the order's total, and received all of it or nothing.
    pub(super) fn intents(&mut self) {
        let total = self.order.total;
        for intent in self.evidence.intents {
            let Intent { id, amount, amount_received: received, .. } = intent;
            if intent.status == IntentStatus::Unknown {
                self.wrong(&format!("its intent {id} is {} (psp.db, space `intents`)", intent.status));
                continue;
            }
            if *amount != total {
                self.wrong(&format!("its intent {id} is over {amount}, its total is {total}"));
            }
            if intent.currency != Currency::Eur {
                self.wrong(&format!("its intent {id} is not over EUR"));
            }
            let judged = self.order.status == OrderStatus::Confirmed || intent.net() != 0;
            if !judged && intent.is_captured() && received != amount {
                self.wrong(&format!("its intent {id} is {} and received {received}", intent.status));
            }
        }
    }
}
