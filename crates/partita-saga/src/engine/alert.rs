//! Someone to call when a saga needs an operator.

use std::fmt;

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
}

impl super::Inner {
    pub(crate) fn raise(&self, alert: &ParkedAlert) {
        tracing::error!(
            saga = alert.saga,
            definition = alert.name,
            why = alert.why,
            "saga parked: it needs an operator"
        );
        let alerts = super::lock(&self.alerts).clone();
        for hook in alerts {
            hook.parked(alert);
        }
    }
}
