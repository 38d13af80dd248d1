//! Layers on bare services and layers on top of other policies.

use crate::Error;

/// How a layer reads the error of the service beneath.
///
/// A policy must tell its own suite's refusals from the dependency's errors: it never retries, counts or hedges them.
/// [`Plain`] is for a service whose error knows nothing of policies, [`Nested`] for one that another policy has wrapped.
pub trait ErrorShape<E> {
    /// The dependency's own error.
    type Inner;
    /// The error as policies speak of it.
    fn lift(error: E) -> Error<Self::Inner>;
}

/// The service's error is the dependency's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl<E> ErrorShape<E> for Plain {
    type Inner = E;

    fn lift(error: E) -> Error<E> {
        Error::Inner(error)
    }
}

/// The service is itself a policy: its error is an [`Error`] already, and stays one level deep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nested;

impl<E> ErrorShape<Error<E>> for Nested {
    type Inner = E;

    fn lift(error: Error<E>) -> Error<E> {
        error
    }
}
