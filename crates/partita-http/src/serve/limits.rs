//! What a server grants its clients, so that none of them can take it from the others.

use std::time::Duration;

/// What a server grants its clients.
///
/// Memory follows from it: a connection holds at most `head_bytes` while it waits, and a request what its handler reads of
/// its body. File descriptors do too: one a connection, and one for the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at once. For one more, the one that has kept the server waiting longest is closed, whether it is idle, in
    /// the middle of a head or does not read its answer; while all are being answered, new ones wait in the system's backlog.
    pub connections: usize,
    /// Requests answered at once, also for clients that went away meanwhile; over it `overloaded` (503). Keep it below
    /// `connections`: the rest is room to hear what is asked, and for what is vital.
    pub requests: usize,
    /// Paths that are answered beyond `requests`, each with all below it: probes, and the operator's pages.
    pub vital: &'static [&'static str],
    /// Time for a request to arrive, head and body, from when its connection was made or its first byte came; over it
    /// `request-timeout` (408). An idle connection is closed after the same time.
    pub head_and_body: Duration,
    /// Time for a handler to answer; over it `timeout` (504). What it does goes on: the effect may still come.
    pub answer: Duration,
    /// How long a client may read nothing of what is written to it before its connection is closed.
    pub unread: Duration,
    /// Headers of a request; over it `too-large` (431).
    pub headers: usize,
    /// Bytes of a request line and its headers; over it `too-large` (431).
    pub head_bytes: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 2_048,
            requests: 1_024,
            vital: &[],
            head_and_body: Duration::from_secs(10),
            answer: Duration::from_secs(120),
            unread: Duration::from_secs(10),
            headers: 100,
            head_bytes: 16 << 10,
        }
    }
}

impl ServeLimits {
    /// Whether a path is vital.
    pub(super) fn is_vital(&self, path: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.vital.iter().any(|vital| path.strip_prefix(vital).is_some_and(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_vital_path_is_vital_and_what_only_begins_alike_is_not() {
        let limits = ServeLimits { vital: &["/readyz", "/console"], ..ServeLimits::default() };
        for path in ["/readyz", "/console", "/console/sagas/x"] {
            assert!(limits.is_vital(path), "{path}");
        }
        for path in ["/", "/readyz2", "/consoles/x", "/orders/console"] {
            assert!(!limits.is_vital(path), "{path}");
        }
    }
}
