//! At most so many calls a period.
