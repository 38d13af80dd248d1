//! A client's TCP stream, which notes when requests begin and closes without losing the last answer.

use super::arrival::Arrival;
use partita_time::{Clock, Sleep};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a closing connection listens for what the peer still sends.
const LINGER: Duration = Duration::from_secs(1);
/// How many reads of the rest at most.
const LINGER_READS: usize = 256;

pub(super) struct Stream {
    tcp: TcpStream,
    arrival: Arrival,
    clock: Arc<dyn Clock>,
    linger: Option<Sleep>,
    reads_left: usize,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, arrival: Arrival, clock: Arc<dyn Clock>) -> Self {
        Self { tcp, arrival, clock, linger: None, reads_left: LINGER_READS }
    }

    /// Reads away what the peer still sends: a socket closed over unread bytes is reset, and the reset would overtake the
    /// answer that says why (RFC 9112, section 9.6).
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16_384];
        while self.reads_left > 0 {
            self.reads_left -= 1;
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.tcp).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let clock = &self.clock;
                    let linger = self.linger.get_or_insert_with(|| clock.sleep(LINGER));
                    return linger.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.arrival.bytes();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
        if self.arrival.has_unread() {
            ready!(self.poll_rest(cx));
        }
        Poll::Ready(Ok(()))
    }
}
