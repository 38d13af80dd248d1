//! Latencies seen.
