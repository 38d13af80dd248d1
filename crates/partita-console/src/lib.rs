//! partita-console
