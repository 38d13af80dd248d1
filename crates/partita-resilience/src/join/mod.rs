//! Critical and optional calls side by side.
