//! A second answer.
