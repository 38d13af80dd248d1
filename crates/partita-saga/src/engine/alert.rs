//! Someone to call when a saga needs an operator.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A saga that cannot go on by itself.
#[derive(Clone, Debug)]
pub struct ParkedAlert {
    /// Its public id.
    pub saga: String,
    /// Name of its definition.
    pub name: String,
    /// Why, in words.
    pub why: String,
}

/// Called once when a saga is parked, after it is durable. Must not block; pages someone, opens a ticket.
pub trait Alerts: Send + Sync + fmt::Debug + 'static {
    /// A saga was parked.
    fn parked(&self, alert: &ParkedAlert);

    /// From its pivot on a saga takes longer than a `.within` or its deadline allows, or its undos were put off a hundred
    /// times more in all: it goes on all the same.
    fn overdue(&self, saga: &str, what: &str) {
        let _ = (saga, what);
    }
}

impl super::Inner {
    pub(crate) fn raise(&self, alert: &ParkedAlert) {
        tracing::error!(
            saga = alert.saga,
            definition = alert.name,
            why = alert.why,
            "saga parked: it needs an operator"
        );
        self.call_hooks(|hook| hook.parked(alert));
    }

    pub(crate) fn is_overdue(&self, saga: &str, what: &str) {
        tracing::warn!(saga, what, "a saga takes longer than it should");
        self.call_hooks(|hook| hook.overdue(saga, what));
    }

    /// A hook that panics must not take the saga with it.
    fn call_hooks(&self, call: impl Fn(&dyn Alerts)) {
        let hooks = super::lock(&self.alerts).clone();
        for hook in hooks {
            if catch_unwind(AssertUnwindSafe(|| call(&*hook))).is_err() {
                tracing::error!("an alert hook panicked");
            }
        }
    }
}
