//! Policies in one order.
