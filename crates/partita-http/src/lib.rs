//! partita-http
