//! `GET /audit`.

use super::Clients;
use crate::audit::{AuditSources, audit};
use crate::ordering::{Facts, Ordering};
use axum::extract::State;
use partita::http::{AsJson, Problem, Slug};
use partita::time::Host;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// What the route reads from.
#[derive(Clone, Debug)]
pub(super) struct Audited {
    sources: Arc<AuditSources>,
    /// Whose turn it is: an audit reads everything, so one runs at a time.
    turn: Arc<Mutex<()>>,
    /// How many more may wait for their turn.
    queue: Arc<Semaphore>,
}

const WAITING: usize = 8;

impl Audited {
    pub(super) fn new(ordering: Ordering, clients: Clients, host: &Host) -> Self {
        let Clients { links, psp_audit } = clients;
        let sources = Arc::new(AuditSources {
            orders: Arc::new(Facts(ordering)),
            inventory: links.inventory,
            loyalty: links.loyalty,
            shipping: links.shipping,
            psp: psp_audit,
            clock: host.clock.clone(),
        });
        Self { sources, turn: Arc::default(), queue: Arc::new(Semaphore::new(WAITING)) }
    }
}

pub(super) async fn show(State(audited): State<Audited>) -> Result<AsJson<crate::audit::AuditReport>, Problem> {
    let many = |_| Problem::new(Slug::Overloaded).detail("many audits run already; try again shortly").retry_after(1);
    let _place = audited.queue.try_acquire().map_err(many)?;
    let _turn = audited.turn.lock().await;
    Ok(AsJson(audit(&audited.sources).await?))
}
