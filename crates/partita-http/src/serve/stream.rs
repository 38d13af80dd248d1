//! A client's TCP stream, which notes when requests begin, gives up on a client that reads nothing, and closes without
//! losing the last answer.

use super::arrival::Arrival;
use super::{ServeLimits, refusal};
use crate::Problem;
use bytes::{Buf, Bytes};
use partita_time::{Clock, Sleep};
use std::future::poll_fn;
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
    limits: ServeLimits,
    /// Set while the peer reads nothing of what is written.
    stalled: Option<Sleep>,
    last_words: Bytes,
    linger: Option<Sleep>,
    reads_left: usize,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, arrival: Arrival, clock: Arc<dyn Clock>, limits: ServeLimits) -> Self {
        let last_words = Bytes::new();
        Self { tcp, arrival, clock, limits, stalled: None, last_words, linger: None, reads_left: LINGER_READS }
    }

    /// Says why, and ends.
    pub(super) async fn refuse(&mut self, problem: &Problem) {
        self.last_words = refusal::last_words(problem);
        // The peer may be gone, and then nobody needs to know.
        let _ = poll_fn(|cx| Pin::new(&mut *self).poll_shutdown(cx)).await;
    }

    /// Says why as far as that takes no time. Whoever waits for the room of this connection has waited long enough.
    pub(super) fn refuse_at_once(&self, problem: &Problem) {
        let _ = self.tcp.try_write(&refusal::last_words(problem));
    }

    /// Takes the place of hyper's own refusal, which is a bare status.
    fn reword(&mut self, bytes: &[u8]) -> bool {
        let status = bytes.strip_prefix(b"HTTP/1.1 ").and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok());
        let Some(status) = status.filter(|_| self.arrival.is_refused()) else { return false };
        self.last_words = refusal::last_words(&refusal::unreadable(status, &self.limits));
        true
    }

    /// Gives up on a peer that makes no progress.
    fn patient<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let (clock, unread) = (&self.clock, self.limits.unread);
        let stalled = self.stalled.get_or_insert_with(|| clock.sleep(unread));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
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
        if self.reword(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.patient(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.first().is_some_and(|first| self.reword(first)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.patient(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.arrival.flushed();
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.last_words.has_remaining() {
            let written = Pin::new(&mut this.tcp).poll_write(cx, &this.last_words);
            let written = ready!(this.patient(cx, written))?;
            this.last_words.advance(written);
        }
        ready!(Pin::new(&mut this.tcp).poll_shutdown(cx))?;
        if this.arrival.has_unread() {
            ready!(this.poll_rest(cx));
        }
        Poll::Ready(Ok(()))
    }
}
