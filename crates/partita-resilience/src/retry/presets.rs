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
        assert_eq!(Io::outcome(&ErrorKind::ConnectionReset.into()), Outcome::Failure);
        assert_eq!(Io::outcome(&ErrorKind::TimedOut.into()), Outcome::Failure);
        assert_eq!(Io::outcome(&ErrorKind::PermissionDenied.into()), Outcome::Ignored);
        assert_eq!(Io::outcome(&ErrorKind::InvalidInput.into()), Outcome::Ignored);
        assert_eq!(Io.classify(Ok(&())), Outcome::Success);
    }
}
