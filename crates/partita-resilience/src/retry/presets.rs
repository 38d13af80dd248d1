//! Which errors pass by themselves.

use crate::{Classify, Outcome};
use std::io::{Error, ErrorKind};

/// Judges I/O errors by their kind: what another try would meet again (permission, bad input, no such file) is ignored, all
/// else is a failure, also what has no kind of its own, such as a name that was not resolved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Io;

impl Io {
    /// What `error` says about the other side.
    pub fn outcome(error: &Error) -> Outcome {
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::AddrInUse
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::InvalidFilename
            | ErrorKind::Unsupported
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::DirectoryNotEmpty
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::FileTooLarge
            | ErrorKind::NotSeekable
            | ErrorKind::ArgumentListTooLong => Outcome::Ignored,
            _ => Outcome::Failure,
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
        let later = [TimedOut, Interrupted, WouldBlock, ResourceBusy, AddrNotAvailable, Other];
        let passing = broken.into_iter().chain(unreachable).chain(later);
        assert_eq!(passing.filter(|kind| outcome(*kind) != Outcome::Failure).count(), 0);
        let lasting = [PermissionDenied, InvalidInput, InvalidData, NotFound, AlreadyExists, Unsupported, AddrInUse];
        assert_eq!(lasting.into_iter().filter(|kind| outcome(*kind) != Outcome::Ignored).count(), 0);
        let unnamed = Error::from_raw_os_error(i32::MAX);
        assert_eq!((Io.classify(Ok(&())), Io.classify(Err::<&(), _>(&unnamed))), (Outcome::Success, Outcome::Failure));
    }
}
