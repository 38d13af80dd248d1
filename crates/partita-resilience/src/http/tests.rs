//! How long a permit is held.

use super::HeldBody;
use crate::bulkhead::{Bulkhead, Permit};
use http::Response;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, ServiceExt};

/// So many frames, then a fault or the end.
struct Frames(u8, bool);

impl Body for Frames {
    type Data = bytes::Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, &'static str>>> {
        if self.0 == 0 {
            return Poll::Ready(self.1.then_some(Err("reset")));
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(bytes::Bytes::from_static(b"x")))))
    }

    fn is_end_stream(&self) -> bool {
        self.0 == 0 && !self.1
    }
}

async fn answered(frames: u8, fails: bool) -> (Bulkhead, HeldBody<Frames, Permit>) {
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
    let service = tower::service_fn(move |()| async move { Ok::<_, Infallible>(Response::new(Frames(frames, fails))) });
    let response = bulkhead.body_layer().layer(service).oneshot(()).await.unwrap();
    (bulkhead, response.into_body())
}

fn next(body: &mut Pin<&mut HeldBody<Frames, Permit>>) -> Option<bool> {
    match body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(frame) => frame.map(|frame| frame.is_ok()),
        Poll::Pending => panic!("these frames are always there"),
    }
}

#[tokio::test]
async fn a_permit_is_held_until_the_last_frame() {
    let (bulkhead, body) = answered(2, false).await;
    let mut body = pin!(body);
    assert_eq!(bulkhead.snapshot().active, 1);
    assert_eq!(next(&mut body), Some(true));
    assert!(bulkhead.try_acquire().is_err());
    assert_eq!(next(&mut body), Some(true));
    assert_eq!(bulkhead.snapshot().active, 0);
}

#[tokio::test]
async fn a_body_that_fails_or_is_dropped_gives_its_permit_back() {
    let (bulkhead, body) = answered(1, true).await;
    let mut body = pin!(body);
    assert_eq!((next(&mut body), bulkhead.snapshot().active), (Some(true), 1));
    assert_eq!((next(&mut body), bulkhead.snapshot().active), (Some(false), 0));
    let (bulkhead, body) = answered(5, false).await;
    assert_eq!(bulkhead.snapshot().active, 1);
    drop(body);
    assert_eq!(bulkhead.snapshot().active, 0);
}

#[tokio::test]
async fn an_empty_body_holds_nothing() {
    let (bulkhead, _body) = answered(0, false).await;
    assert_eq!(bulkhead.snapshot().active, 0);
}

#[tokio::test]
async fn a_request_that_fails_or_is_dropped_is_not_counted_as_completed() {
    let bulkhead = Bulkhead::builder("b").build().unwrap();
    let fails = tower::service_fn(|()| async { Err::<Response<Frames>, _>("down") });
    assert!(bulkhead.body_layer().layer(fails).oneshot(()).await.is_err());
    let hangs = tower::service_fn(|()| std::future::pending::<Result<Response<Frames>, Infallible>>());
    let mut hung = Box::pin(bulkhead.body_layer().layer(hangs).oneshot(()));
    assert!(hung.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(hung);
    let seen = bulkhead.snapshot();
    assert_eq!((seen.active, seen.completed, seen.failed, seen.cancelled), (0, 0, 1, 1));
}
