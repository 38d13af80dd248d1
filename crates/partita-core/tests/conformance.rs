//! The memory store keeps every rule of the kit.

use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Result, Space, Store};
use partita_testkit::conformance::{Backend, Capabilities};
use partita_time::{BoxFuture, Host};
use std::sync::Arc;

#[derive(Default)]
struct Memory(MemoryDisk);

impl Backend for Memory {
    fn open<'a>(&'a self, spaces: Vec<Space>, host: &'a Host) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        let store: Arc<dyn Store> = MemoryStore::open(&self.0, spaces, host);
        Box::pin(std::future::ready(Ok(store)))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::none().restart().concurrent_open().fills_at(5_000)
    }
}

partita_testkit::conformance!(Memory::default);
