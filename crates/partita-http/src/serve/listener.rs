//! The socket that clients come to.

use partita_core::{Effect, Error, ErrorKind, Result};
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Connections that wait to be taken, if the system allows as many; one that finds no room is tried again a second later.
const BACKLOG: u32 = 1_024;

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
        let mut listening = Err(io::ErrorKind::AddrNotAvailable.into());
        for address in lookup_host(addr).await.map_err(refused)? {
            listening = listen(address);
            if listening.is_ok() {
                break;
            }
        }
        let socket = listening.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        Ok(Self { socket, address })
    }

    /// The address, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port is free again as soon as its process has ended, though connections of it linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
