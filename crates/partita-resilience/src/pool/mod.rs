//! Blocking work on threads of its own.
