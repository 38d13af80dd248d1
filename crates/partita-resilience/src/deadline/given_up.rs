//! Who gives up before the deadline, because the time left is too short for more.

use super::Context;
use super::context::NEVER;
use crate::{Error, Timing};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    /// The deadline for which the work that is being polled gave up.
    static GIVEN_UP: Cell<u64> = const { Cell::new(NEVER) };
}

/// Another attempt would begin after the deadline of `context`.
#[cold]
pub(crate) fn give_up(context: &Context) {
    let _ = GIVEN_UP.try_with(|given_up| given_up.set(context.ends()));
}

/// The end of `work` in `context`, and whether only the time of that context made it so.
pub(crate) async fn judged<T, E, W, F>(context: &Context, timing: &Timing, work: W) -> (Result<T, Error<E>>, bool)
where
    W: FnOnce() -> F,
    F: Future<Output = Result<T, Error<E>>>,
{
    let exchange = |moment| GIVEN_UP.try_with(|given_up| given_up.replace(moment)).unwrap_or(NEVER);
    let (mut work, mut given_up) = (pin!(context.clone().scope_with(work)), NEVER);
    let end = poll_fn(|cx| {
        let before = exchange(NEVER);
        let end = work.as_mut().poll(cx);
        match exchange(before) {
            NEVER => {}
            // Whoever watches further out has to know too.
            moment => {
                given_up = moment;
                exchange(moment);
            }
        }
        end
    })
    .await;
    let is_late = |error: &Error<E>| {
        let is_over = context.ends() != NEVER && timing.nanos() >= context.ends();
        given_up != NEVER && given_up == context.ends() || is_over && error.is_late()
    };
    let late = end.as_ref().is_err_and(is_late);
    (end, late)
}
