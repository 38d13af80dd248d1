//! The socket that clients come to.

use partita_core::{Effect, Error, ErrorKind, Result};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// A bound address. Clients that connect wait until a [`crate::Server`] takes them.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address such as `127.0.0.1:8080`; port 0 takes a free one.
    ///
    /// # Errors
    /// `InUse` when something else listens there; `Invalid` when it is no address; `Io` otherwise.
    pub async fn bind(addr: &str) -> Result<Self> {
        let refused = |error: io::Error| refusal(addr, error);
        let socket = TcpListener::bind(addr).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address })
    }

    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

fn refusal(addr: &str, error: io::Error) -> Error {
    let (kind, way_out) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::InUse,
            "another process listens there: stop it, or choose another port (port 0 takes a free one)",
        ),
        io::ErrorKind::PermissionDenied => (ErrorKind::Io, "the system does not allow it: choose a port from 1024 on"),
        io::ErrorKind::AddrNotAvailable => {
            (ErrorKind::Invalid, "this machine does not have that address: choose 127.0.0.1")
        }
        io::ErrorKind::InvalidInput => (ErrorKind::Invalid, "it is no address: give one like 127.0.0.1:8080"),
        _ => (ErrorKind::Io, "the system refused"),
    };
    Error::new(kind, format!("cannot listen on {addr}; {way_out}")).effect(Effect::None).because(error)
}
