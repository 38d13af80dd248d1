//! A limit of calls at once that finds itself.
