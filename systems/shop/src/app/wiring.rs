//! Where the services' stores are, and how services reach each other.

use crate::env::ServiceEnv;
use crate::folder;
use axum::Router;
use partita::core::{Result, Space, Store};
use partita::http::{Client, Ledger};
use partita::sqlite::{Label, SetId, SqliteConfig, SqliteStore};
use partita::time::{BoxFuture, Host};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a store's log at most, while no long read holds it; a quarter of it under load. Five of them lie on one disk, which
/// may be small.
const LOG_BYTES: u64 = 16 << 20;

/// Decides where stores are and how calls travel: files and in-process calls by default, anything else in tests.
pub trait Wiring: Send + Sync + fmt::Debug {
    /// Opens the store of a service.
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>>;
    /// Makes a service reachable for the others.
    fn link(&self, service: &'static str, router: Router) -> BoxFuture<'_, Result<Client>>;
    /// The ledger of a participant; tests put a defect there.
    fn ledger(&self, env: &ServiceEnv) -> Ledger {
        env.ledger()
    }
}

/// One SQLite file a service, calls in the process.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
    host: Host,
    set: SetId,
}

impl Files {
    /// The files of a folder, which must be there. Nothing is written yet.
    ///
    /// # Errors
    /// What is wrong with a file, or that it is none of this folder; the first, and the names of the others.
    pub fn at(folder: impl Into<PathBuf>, host: &Host) -> Result<Self> {
        let folder = folder.into();
        let set = folder::look_over(&folder)?.unwrap_or_else(|| SetId::new(&host.entropy));
        Ok(Self { folder, host: host.clone(), set })
    }
}

impl Wiring for Files {
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let path = self.folder.join(format!("{service}.db"));
            let label = Some(Label { name: service.to_owned(), set: self.set });
            let config = SqliteConfig { wal_limit_bytes: LOG_BYTES, label, ..SqliteConfig::at(path) };
            Ok(SqliteStore::open_apart(config, spaces, &self.host).await? as Arc<dyn Store>)
        })
    }

    fn link(&self, _service: &'static str, router: Router) -> BoxFuture<'_, Result<Client>> {
        Box::pin(std::future::ready(Ok(Client::in_process(router, &self.host))))
    }
}
