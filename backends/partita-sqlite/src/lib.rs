//! partita-sqlite
