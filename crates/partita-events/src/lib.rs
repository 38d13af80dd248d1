//! partita-events
