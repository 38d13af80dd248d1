//! Stacks whose attempts last as long as bodies.

use super::HeldBody;
use crate::Outcome;
use crate::layered::{PolicyLayer, With};
use crate::retry::ByClone;
use crate::stack::{Answered, Ask, Keeps, Lasting, Permits, Stack};
use http::Response;
use http_body::Body;

/// An attempt lasts until the body of its answer ends.
#[derive(Clone, Copy, Debug)]
pub struct UntilBodyEnds;

impl<B: Body> Keeps<Response<HeldBody<B, Permits>>> for UntilBodyEnds {
    const KEEPS: bool = true;

    fn keep(answer: &mut Response<HeldBody<B, Permits>>, permits: Permits, judged: Outcome) {
        answer.body_mut().hold(permits, judged);
    }
}

impl<B: Body + Send> Lasting<Response<B>> for UntilBodyEnds {
    type Answer = Response<HeldBody<B, Permits>>;

    fn answer(answer: Response<B>) -> Self::Answer {
        answer.map(HeldBody::free)
    }

    fn free(answer: &mut Self::Answer) {
        answer.body_mut().give_back();
    }
}

/// A [`Stack`] as a layer whose attempts last until bodies end.
type Layered<C, F, A> = PolicyLayer<With<Stack<C, (), F>, Ask<ByClone, (), A, UntilBodyEnds>>>;

impl<C> Stack<C> {
    /// As [`Stack::layer`], with attempts that last until the response body ends or is dropped: so long they hold their
    /// place in the bulkhead or under the adaptive limit, and breaker and limit hear only then how the call ended. A body
    /// that fails makes a success a failure; it is not retried, for its head is with the caller already. Limits of time
    /// end with the head; the breaker's slow calls, and its probes, are judged by it. For a limit of whole calls put
    /// [`Deadline::body_layer`](crate::deadline::Deadline::body_layer) around it.
    pub fn body_layer(&self) -> Layered<C, (), ()> {
        self.asking((), ())
    }
}

impl<C> Stack<C, (), Answered<C>> {
    /// As without a fallback, and with a second answer as in [`Stack::layer`]. A bad answer has given its place back before
    /// the second one is made, and holds none if it is handed out because that fails too.
    pub fn body_layer<A>(&self, answer: A) -> Layered<C, Answered<C>, A> {
        self.asking((), answer)
    }
}
