//! The time left for a whole request.
