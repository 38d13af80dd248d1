//! Intents that were authorized a moment ago: what is asked of one first, a capture mostly, need not read it.

use super::model::{Intent, Operation, Status};
use partita::core::Recent;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Intents at most.
const KEPT: usize = 1_024;

/// Each is handed out once. What it was changed to meanwhile shows when the change that is built on it does not commit.
#[derive(Debug)]
pub(super) struct Fresh(Mutex<Recent<Intent>>);

impl Fresh {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Recent::new(KEPT)))
    }

    fn lock(&self) -> MutexGuard<'_, Recent<Intent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an intent that was made durable, if what can be asked of it next always writes it.
    pub(super) fn keep(&self, intent: Intent) {
        let counts = |operation| intent.payment_method.counts(operation);
        if intent.status != Status::RequiresCapture || counts(Operation::Capture) || counts(Operation::Cancel) {
            return;
        }
        self.lock().keep(intent.id.clone(), intent);
    }

    /// As it was made.
    pub(super) fn take(&self, id: &str) -> Option<Intent> {
        self.lock().take(id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Method;
    use super::*;
    use partita::time::Timestamp;
    use std::collections::BTreeMap;

    fn intent(n: usize, status: Status, payment_method: Method) -> Intent {
        Intent {
            id: n.to_string(),
            order_id: None,
            status,
            amount: 1,
            amount_received: 0,
            amount_refunded: 0,
            currency: "eur".to_owned(),
            payment_method,
            metadata: BTreeMap::new(),
            created_at: Timestamp::from_millis(1),
            declined: false,
            awaited_by: None,
        }
    }

    #[test]
    fn an_authorized_intent_is_handed_out_once_and_memory_is_bounded() {
        let fresh = Fresh::new();
        for (n, status, method, is_kept) in [
            (1, Status::RequiresCapture, Method::Ok, true),
            (2, Status::RequiresCapture, Method::Flaky, false),
            (3, Status::RequiresCapture, Method::UndoFlaky, false),
            (4, Status::RequiresPaymentMethod, Method::Declined, false),
        ] {
            fresh.keep(intent(n, status, method));
            assert_eq!(fresh.take(&n.to_string()).is_some(), is_kept, "{n}");
            assert_eq!(fresh.take(&n.to_string()), None);
        }
        for n in 0..2 * KEPT {
            fresh.keep(intent(n, Status::RequiresCapture, Method::Ok));
        }
        assert!(fresh.take("0").is_none() && fresh.take(&KEPT.to_string()).is_some());
    }
}
