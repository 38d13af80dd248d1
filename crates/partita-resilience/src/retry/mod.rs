//! Retry with a budget.
