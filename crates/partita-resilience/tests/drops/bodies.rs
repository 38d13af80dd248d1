//! Calls that last until the body of their answer ends: dropped before its head, while it is read, and unread.

use crate::breaker::{Broken, Stands};
use crate::calls::{Timed, Until};
use crate::harness::{Call, Case, End, Seen, Work, drop_after_every_poll, ms};
use crate::limits::{Moves, Room, Sheds};
use crate::stack::Whole;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use partita_resilience::breaker::Breaker;
use partita_resilience::keyed::{Bounds, Keyed};
use partita_resilience::shed::Priority;
use partita_resilience::{Error, Outcome, Timing};
use partita_time::{BoxFuture, Clock, ManualClock};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceExt, service_fn};

/// A body without frames, that comes to its end when its work does.
struct Slow(Option<BoxFuture<'static, Result<u32, &'static str>>>);

impl Body for Slow {
    type Data = bytes::Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(work) = &mut self.0 else { return Poll::Ready(None) };
        let end = std::task::ready!(work.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(end.err().map(Err))
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

/// A head after 20 ms, then a body that takes 10 ms for each of `steps` and ends well or badly.
fn service(
    work: &Work,
    clock: &ManualClock,
    steps: u32,
    good: bool,
) -> impl Service<&'static str, Response = Response<Slow>, Error = &'static str, Future: Send> + Clone + Send + 'static
{
    let (work, clock) = (work.clone(), clock.clone());
    service_fn(move |_| {
        let (work, clock) = (work.clone(), clock.clone());
        async move {
            clock.sleep(ms(20)).await;
            work.note(|seen| seen.heads += 1);
            Ok(Response::new(Slow(Some(Box::pin(async move { work.run(&clock, steps, good).await })))))
        }
    })
}

/// Asks, and reads the body to its end.
async fn read<S, B, E>(service: S) -> End
where
    S: Service<&'static str, Response = Response<B>, Error = Error<E>>,
    B: Body,
{
    let mut body = match service.oneshot("a").await {
        Ok(response) => pin!(response.into_body()),
        Err(error) => return End::of::<(), E>(&Err(error)),
    };
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if frame.is_err() {
            return End::Failed;
        }
    }
    End::Good
}

/// A case, asked through its layer until bodies end.
#[derive(Debug)]
struct Read<C>(C);

/// The layer of a policy, and how long and how well bodies come.
macro_rules! read {
    ($($case:ty: |$me:ident, $policy:ident, $which:ident| $layer:expr, $steps:expr, $good:expr;)+) => {$(
        impl Case for Read<$case> {
            type World = <$case as Case>::World;

            fn world(&self, clock: &ManualClock) -> Self::World {
                self.0.world(clock)
            }

            fn call<'a>(
                &'a self,
                $policy: &'a Self::World,
                clock: &'a ManualClock,
                work: &'a Work,
                $which: u32,
            ) -> Call<'a> {
                let $me = &self.0;
                Box::pin(read($layer.layer(service(work, clock, $steps, $good))))
            }

            fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
                self.0.settle(untouched, before, now);
            }

            fn look(&self, policy: &Self::World, clock: &ManualClock) -> String {
                self.0.look(policy, clock)
            }
        }
    )+};
}

const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::Critical];

read! {
    Broken: |me, breaker, which| breaker.body_layer(), 2 + which, me.1;
    ByKey: |me, breakers, which| breakers.body_layer(|_: &&'static str| 7), 2 + which, me.0.1;
    Room: |_me, bulkhead, _which| bulkhead.body_layer(), 2, true;
    Moves: |_me, limit, which| limit.body_layer(), 1 + which, true;
    Sheds: |_me, shed, which| shed.body_layer(PRIORITIES[which as usize]), 1 + which, true;
    Timed: |_me, timeout, which| timeout.body_layer(), 1 + which, true;
    Until: |_me, deadline, which| deadline.body_layer(), 1 + which, true;
}

/// Breakers by key, of which calls ask one.
#[derive(Debug)]
struct ByKey(Broken);

impl Case for ByKey {
    type World = Keyed<u32, Breaker>;

    fn world(&self, clock: &ManualClock) -> Self::World {
        let builder = Breaker::builder("k").min_calls(4).failure_rate(0.7).timing(Timing::manual(clock, 1));
        let breakers = builder.build_keyed(Bounds::default()).unwrap();
        if self.0.0 == Stands::HalfOpen {
            let breaker = breakers.get(&7);
            (0..4).for_each(|_| breaker.admit().unwrap().record(Outcome::Failure));
            clock.advance_to(breaker.next_due().unwrap());
        }
        breakers
    }

    fn call<'a>(&'a self, breakers: &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&breakers.call(&7, || work.run(clock, 3, true)).await) })
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        self.0.settle(&untouched.get(&7), before, now);
    }

    fn look(&self, breakers: &Self::World, clock: &ManualClock) -> String {
        self.0.look(&breakers.get(&7), clock)
    }
}

#[test]
fn a_call_dropped_before_its_body_ends_leaves_no_trace_in_a_breaker() {
    for stands in Stands::ALL {
        let least = if stands.refuses() { 1 } else { 6 };
        assert!(drop_after_every_poll(&Read(Broken(stands, true))) >= least, "{stands:?}");
        if !stands.refuses() && stands != Stands::HalfOpen {
            assert!(drop_after_every_poll(&Read(Broken(stands, false))) >= least, "{stands:?}");
        }
    }
}

#[test]
fn a_call_dropped_before_its_body_ends_leaves_no_trace_in_breakers_by_key() {
    for (stands, good) in [(Stands::Closed, true), (Stands::Closed, false), (Stands::HalfOpen, true)] {
        assert!(drop_after_every_poll(&ByKey(Broken(stands, good))) >= 3, "{stands:?}");
        assert!(drop_after_every_poll(&Read(ByKey(Broken(stands, good)))) >= 6, "{stands:?}");
    }
}

#[test]
fn a_call_dropped_before_its_body_ends_gives_its_place_under_a_limit_back() {
    for (permits, max_wait, least) in [(1, 500, 10), (2, 500, 7), (3, 500, 4), (1, 45, 5), (1, 0, 4)] {
        let polls = drop_after_every_poll(&Read(Room(permits, max_wait)));
        assert!(polls >= least, "{permits} permits, {max_wait} ms: {polls}");
    }
    assert!(drop_after_every_poll(&Read(Moves)) >= 4);
    assert!(drop_after_every_poll(&Read(Sheds)) >= 4);
}

#[test]
fn a_call_dropped_before_its_body_ends_leaves_no_trace_in_a_timeout_or_a_deadline() {
    for (limit, least) in [(15, 1), (35, 3), (100, 3)] {
        assert!(drop_after_every_poll(&Read(Timed(limit))) >= least);
        assert!(drop_after_every_poll(&Read(Until(limit))) >= least);
    }
}

/// A stack whose attempts last until bodies end. To its breaker a call ends as its head was judged, unless its body fails.
#[derive(Debug)]
struct Stacked(Whole, bool);

impl Case for Stacked {
    type World = <Whole as Case>::World;

    fn world(&self, clock: &ManualClock) -> Self::World {
        self.0.world(clock)
    }

    fn call<'a>(&'a self, held: &'a Self::World, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let layer = held.stack.body_layer();
        Box::pin(read(layer.layer(service(work, clock, 1 + which, self.1))))
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        let first_over = |seen: Seen| seen.heads > 0 || seen.end.is_some_and(|end| end != End::Refused);
        if !first_over(before) && first_over(now) {
            untouched.budget.deposit();
        }
        let ended = |seen: Seen| seen.heads > 0 && (seen.end.is_some() || seen.dropped);
        if ended(now) && !ended(before) {
            // A probe is judged by its head, which is good here.
            let bad = now.failed > 0 && self.0.0 != Stands::HalfOpen;
            let outcome = if bad { Outcome::Failure } else { Outcome::Success };
            let permit = (0..10).find_map(|_| untouched.breaker.admit().ok());
            permit.expect("it lets calls through, as the other did").record(outcome);
        }
    }

    fn look(&self, held: &Self::World, _: &ManualClock) -> String {
        held.look()
    }
}

#[test]
fn a_call_dropped_before_its_body_ends_gives_back_what_it_held_in_every_policy_of_a_stack() {
    for (stands, good) in Stands::ALL.into_iter().flat_map(|stands| [(stands, true), (stands, false)]) {
        let least = if stands.refuses() { 1 } else { 4 };
        let polls = drop_after_every_poll(&Stacked(Whole(stands, 500), good));
        assert!(polls >= least, "{stands:?}, {good}: {polls}");
    }
}
