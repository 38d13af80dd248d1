//! Tuples of parts.

use super::Part;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// One to eight parts. `E` is the error of the whole.
pub trait Parts<E> {
    /// What they yield.
    type Values;

    /// Polls all in the caller's task until each has its value or one ends the whole.
    fn run(self) -> impl Future<Output = Result<Self::Values, E>>;
}

macro_rules! parts {
    ($($name:ident $value:ident $kind:ident),+) => {
        impl<Failure, $($kind: Part<Failure>),+> Parts<Failure> for ($($kind,)+) {
            type Values = ($($kind::Value,)+);

            async fn run(self) -> Result<Self::Values, Failure> {
                let ($($name,)+) = self;
                $(let mut $name = pin!($name);)+
                $(let mut $value = None;)+
                poll_fn(move |cx| {
                    let mut done = true;
                    $(if $value.is_none() {
                        match $name.as_mut().poll_part(cx) {
                            Poll::Ready(Ok(value)) => $value = Some(value),
                            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                            Poll::Pending => done = false,
                        }
                    })+
                    if !done {
                        return Poll::Pending;
                    }
                    match ($($value.take(),)+) {
                        ($(Some($value),)+) => Poll::Ready(Ok(($($value,)+))),
                        _ => Poll::Pending,
                    }
                })
                .await
            }
        }
    };
}

parts!(a va A);
parts!(a va A, b vb B);
parts!(a va A, b vb B, c vc C);
parts!(a va A, b vb B, c vc C, d vd D);
parts!(a va A, b vb B, c vc C, d vd D, e ve E);
parts!(a va A, b vb B, c vc C, d vd D, e ve E, f vf F);
parts!(a va A, b vb B, c vc C, d vd D, e ve E, f vf F, g vg G);
parts!(a va A, b vb B, c vc C, d vd D, e ve E, f vf F, g vg G, h vh H);
