//! Ordering's own records, read for the audit.

use super::model::{OrderRecord, Status};
use super::saga::DEADLINE;
use super::{ORDERS, Ordering};
use crate::audit::{Line, OrderFact, OrderStatus, Orders, Seen, Unreadable};
use partita::core::{Error, ErrorKind, Record, Result};
use partita::saga::{Class, Engine, Sagas};
use partita::time::BoxFuture;
use serde_json::Value;

/// The audit's view of the orders.
#[derive(Clone, Debug)]
pub struct Facts(pub Ordering);

impl Orders for Facts {
    fn page<'a>(&'a self, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<Vec<Seen>>> {
        Box::pin(async move {
            let mut facts = vec![];
            for record in self.store().page(ORDERS, after, limit).await? {
                facts.push(self.fact(&record).await?);
            }
            Ok(facts)
        })
    }

    fn get<'a>(&'a self, order_id: &'a str) -> BoxFuture<'a, Result<Option<Seen>>> {
        Box::pin(async move {
            match self.store().get(ORDERS, order_id).await? {
                Some(record) => Ok(Some(self.fact(&record).await?)),
                None => Ok(None),
            }
        })
    }
}

impl Facts {
    fn store(&self) -> &dyn partita::core::Store {
        &*self.0.0.env.store
    }

    async fn fact(&self, record: &Record) -> Result<Seen> {
        let unreadable = |space, error: Error| {
            let (order_id, why) = (record.key.clone(), error.to_string());
            Ok(Err(Unreadable { order_id, space, why }))
        };
        let OrderRecord { status, mut reason, order } = match serde_json::from_str(&record.value) {
            Ok(order) => order,
            Err(error) => return unreadable(ORDERS, error.into()),
        };
        let mut parked_alert = false;
        if status == Status::Pending {
            let task = self.store().get(Engine::OPERATOR_TASKS, &record.key).await?;
            parked_alert = task.is_some_and(|task| names(&task.value, &record.key));
            match self.0.is_parked(&record.key).await {
                Ok(true) => reason = Some("needs_operator".to_owned()),
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::Corrupt => return unreadable(Engine::SAGAS, error),
                Err(error) => return Err(error),
            }
        }
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let priced = order.items.iter().map(|line| line.quantity.saturating_mul(line.unit_price));
        let priced = whole(priced.fold(0, u64::saturating_add));
        Ok(Ok(OrderFact {
            order_id: record.key.clone(),
            status: match status {
                Status::Pending => OrderStatus::Pending,
                Status::Confirmed => OrderStatus::Confirmed,
                Status::Rejected => OrderStatus::Rejected,
                Status::Cancelled => OrderStatus::Cancelled,
            },
            reason,
            items: order.items.into_iter().map(|line| Line { sku: line.sku, quantity: whole(line.quantity) }).collect(),
            total: whole(order.total),
            priced,
            customer_id: order.customer_id,
            created_at: order.created_at,
            deadline: order.created_at.plus(DEADLINE),
            parked_alert,
        }))
    }
}

/// Whether an operator's task is about a saga.
fn names(task: &str, saga: &str) -> bool {
    serde_json::from_str::<Value>(task).is_ok_and(|task| task.get("saga").and_then(Value::as_str) == Some(saga))
}

/// Sagas that wait for an operator.
pub(super) async fn parked(engine: &Engine) -> Result<i64> {
    let counts = engine.counts().await?;
    let parked = counts.into_iter().find(|(class, _)| *class == Class::Parked).map_or(0, |(_, count)| count);
    Ok(i64::try_from(parked).unwrap_or(i64::MAX))
}
