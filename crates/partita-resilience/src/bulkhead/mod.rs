//! At most so many calls at once.
