//! One look at every policy of a dependency.
