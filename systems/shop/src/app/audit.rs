//! `GET /audit`.

use super::Clients;
use crate::audit::{AuditSources, audit};
use crate::ordering::{Facts, Ordering};
use axum::Json;
use axum::extract::State;
use partita::http::Problem;
use partita::time::Host;
use std::sync::Arc;

/// What the route reads from.
#[derive(Clone, Debug)]
pub(super) struct Audited(Arc<AuditSources>);

impl Audited {
    pub(super) fn new(ordering: Ordering, clients: Clients, host: &Host) -> Self {
        let Clients { links, psp_audit } = clients;
        Self(Arc::new(AuditSources {
            orders: Arc::new(Facts(ordering)),
            inventory: links.inventory,
            loyalty: links.loyalty,
            shipping: links.shipping,
            psp: psp_audit,
            clock: host.clock.clone(),
        }))
    }
}

pub(super) async fn show(State(Audited(sources)): State<Audited>) -> Result<Json<crate::audit::AuditReport>, Problem> {
    Ok(Json(audit(&sources).await?))
}
