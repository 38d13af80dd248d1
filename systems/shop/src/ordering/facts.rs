//! Ordering's own records, read for the audit.

use super::model::{OrderRecord, Status};
use super::saga::DEADLINE;
use super::{ORDERS, Ordering};
use crate::audit::{Line, OrderFact, OrderStatus, Orders};
use partita::core::{Record, Result};
use partita::saga::{Class, Engine, Sagas};
use partita::time::BoxFuture;

/// The audit's view of the orders.
#[derive(Clone, Debug)]
pub struct Facts(pub Ordering);

impl Orders for Facts {
    fn page<'a>(&'a self, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, Result<Vec<OrderFact>>> {
        Box::pin(async move {
            let mut facts = vec![];
            for record in self.store().page(ORDERS, after, limit).await? {
                facts.push(self.fact(&record).await?);
            }
            Ok(facts)
        })
    }

    fn get<'a>(&'a self, order_id: &'a str) -> BoxFuture<'a, Result<Option<OrderFact>>> {
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

    async fn fact(&self, record: &Record) -> Result<OrderFact> {
        let OrderRecord { status, mut reason, order } = serde_json::from_str(&record.value)?;
        let task = match status {
            Status::Pending => self.store().get(Engine::OPERATOR_TASKS, &record.key).await?,
            _ => None,
        };
        if status == Status::Pending && self.0.is_parked(&record.key).await? {
            reason = Some("needs_operator".to_owned());
        }
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(OrderFact {
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
            customer_id: order.customer_id,
            created_at: order.created_at,
            deadline: order.created_at.plus(DEADLINE),
            parked_alert: task.is_some(),
        })
    }
}

/// Sagas that wait for an operator.
pub(super) async fn parked(engine: &Engine) -> Result<i64> {
    let counts = engine.counts().await?;
    let parked = counts.into_iter().find(|(class, _)| *class == Class::Parked).map_or(0, |(_, count)| count);
    Ok(i64::try_from(parked).unwrap_or(i64::MAX))
}
