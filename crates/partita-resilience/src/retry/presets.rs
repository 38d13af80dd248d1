//! Which errors pass by themselves.

use crate::{Classify, Outcome};
use std::io::{Error, ErrorKind};

/// Judges I/O errors by their kind: what a new connection or a little time may heal is a failure, what another try would
/// meet again (permission, bad input, no such file) is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Io;

impl Io {
    /// What `error` says about the other side.
    pub fn outcome(error: &Error) -> Outcome {
        match error.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock
            | ErrorKind::UnexpectedEof
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::ResourceBusy => Outcome::Failure,
            _ => Outcome::Ignored,
        }
    }
}

impl<T> Classify<T, Error> for Io {
    fn classify(&self, result: Result<&T, &Error>) -> Outcome {
        result.map_or_else(Self::outcome, |_| Outcome::Success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_a_failure_and_the_rest_is_ignored() {
        use ErrorKind::*;
        let outcome = |kind: ErrorKind| Io::outcome(&kind.into());
        let broken = [ConnectionRefused, ConnectionReset, ConnectionAborted, NotConnected, BrokenPipe, UnexpectedEof];
        let unreachable = [HostUnreachable, NetworkUnreachable, NetworkDown];
        let later = [TimedOut, Interrupted, WouldBlock, ResourceBusy];
        let passing = broken.into_iter().chain(unreachable).chain(later);
        assert_eq!(passing.filter(|kind| outcome(*kind) != Outcome::Failure).count(), 0);
        let lasting = [PermissionDenied, InvalidInput, InvalidData, NotFound, AlreadyExists, Unsupported, AddrInUse];
        assert_eq!(lasting.into_iter().filter(|kind| outcome(*kind) != Outcome::Ignored).count(), 0);
        assert_eq!(Io.classify(Ok(&())), Outcome::Success);
    }
}
