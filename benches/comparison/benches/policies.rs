//! What a policy costs a successful call, beside other crates of its kind, an empty service and an atomic add.
//!
//! ```text
//! cargo xtask bench policies
//! ```
//!
//! Each row by one thread and by two that share one policy; the figure is nanoseconds a call of one thread.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use partita_resilience::breaker::Breaker;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::limiter::{Limiter, Quota};
use partita_resilience::retry::Retry;
use partita_resilience::stack::{Policy, Stack};
use partita_resilience::{Outcome, Timing};
use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tower::Service;
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerLayer, DefaultClassifier, SlidingWindowType,
};

/// Measures `call` by one thread and by two.
fn row(criterion: &mut Criterion, group: &str, name: &str, call: impl Fn() + Sync) {
    row_of(criterion, group, name, || &call);
}

/// As [`row`], by a call of its own for each thread, as of a service that each clones once.
fn row_of<C: FnMut()>(criterion: &mut Criterion, group: &str, name: &str, make: impl Fn() -> C + Sync) {
    let mut group = criterion.benchmark_group(group);
    for threads in [1_usize, 2] {
        group.bench_function(BenchmarkId::new(name, threads), |bencher| {
            bencher.iter_custom(|times| together(threads, times, &make));
        });
    }
    group.finish();
}

fn together<C: FnMut()>(threads: usize, times: u64, make: &(impl Fn() -> C + Sync)) -> Duration {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut call = make();
                    start.wait();
                    let began = Instant::now();
                    for _ in 0..times {
                        call();
                    }
                    began.elapsed()
                })
            })
            .collect();
        let total: Duration = runs.into_iter().filter_map(|run| run.join().ok()).sum();
        total / u32::try_from(threads).unwrap_or(1)
    })
}

fn limits(criterion: &mut Criterion) {
    let count = AtomicU64::new(0);
    row(criterion, "limit", "atomic add", || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    row(criterion, "limit", "std's Instant::now", || {
        black_box(Instant::now());
    });
    let timing = Timing::system();
    row(criterion, "limit", "exact clock", || {
        black_box(timing.now());
    });
    row(criterion, "limit", "coarse clock", || {
        black_box(timing.coarse());
    });
    row(criterion, "limit", "tower no-op", || {
        let mut service = tower::service_fn(|()| std::future::ready(Ok::<(), Infallible>(())));
        black_box(service.call(()).now_or_never());
    });
}

/// The defaults and a listener that looks at what it is told; one that counted in one place would be measured itself.
fn breaker() -> Breaker {
    Breaker::builder("bench").listener(hear).build().expect("the defaults")
}

fn hear(event: &partita_resilience::Event<'_>) {
    black_box(event);
}

/// Opened by failures, for longer than the bench runs: each rejection says when to come again.
fn open() -> Breaker {
    let hour = Duration::from_secs(3_600);
    let open = Breaker::builder("bench").listener(hear).open(hour).open_max(hour).build().expect("a longer open time");
    while let Ok(permit) = open.admit() {
        permit.record(Outcome::Failure);
    }
    open
}

fn breakers(criterion: &mut Criterion) {
    let ours = breaker();
    row(criterion, "breaker", "partita: admit and record", || {
        if let Ok(permit) = ours.admit() {
            permit.record(Outcome::Success);
        }
    });
    row(criterion, "breaker", "partita: call", || {
        let _ = black_box(ours.call(|| std::future::ready(Ok::<(), Infallible>(()))).now_or_never());
    });
    let open = open();
    row(criterion, "breaker", "partita: open, rejected", || {
        let _ = black_box(open.admit().is_err());
    });
    let recloser = recloser::Recloser::custom().build();
    row(criterion, "breaker", "recloser 1.4.0", || {
        let _ = black_box(recloser.call(|| Ok::<(), ()>(())));
    });
    tower_breaker(criterion, "count window of 100", |config| config.sliding_window_size(100));
    tower_breaker(criterion, "time window of 1 s", |config| {
        config.sliding_window_type(SlidingWindowType::TimeBased).sliding_window_duration(Duration::from_secs(1))
    });
    let failsafe = failsafe::Config::new().build();
    row(criterion, "breaker", "failsafe 1.3.0", || {
        use failsafe::CircuitBreaker as _;
        let _ = black_box(failsafe.call(|| Ok::<(), ()>(())));
    });
}

/// Of a breaker of tower-resilience.
type Settings = CircuitBreakerConfigBuilder<DefaultClassifier>;

/// With slow calls, as ours.
fn tower_breaker(criterion: &mut Criterion, window: &str, set: fn(Settings) -> Settings) {
    let layer = set(CircuitBreakerLayer::builder().slow_call_duration_threshold(Duration::from_secs(5)));
    let service = layer.build().expect("the settings of a row").layer_fn(Nothing);
    tower_row(criterion, "breaker", &format!("tower-resilience 0.14.0, {window}"), &service);
}

/// A clone for each thread.
fn tower_row<S>(criterion: &mut Criterion, group: &str, name: &str, service: &S)
where
    S: Service<(), Response = ()> + Clone + Sync,
{
    row_of(criterion, group, name, || {
        let mut service = service.clone();
        move || {
            finish(std::future::poll_fn(|cx| service.poll_ready(cx)));
            finish(service.call(()));
        }
    });
}

/// Polls until it ends: another thread may hold a lock meanwhile.
fn finish<T>(work: impl Future<Output = T>) {
    let mut work = pin!(work);
    while work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        std::hint::spin_loop();
    }
}

/// The service beneath.
#[derive(Clone)]
struct Nothing;

impl Service<()> for Nothing {
    type Response = ();
    type Error = Infallible;
    type Future = std::future::Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(()))
    }
}

fn bulkheads(criterion: &mut Criterion) {
    let ours = Bulkhead::builder("bench").build().expect("the defaults");
    row(criterion, "bulkhead", "partita: call", || {
        let _ = black_box(ours.call(|| std::future::ready(Ok::<(), Infallible>(()))).now_or_never());
    });
    let semaphore = tokio::sync::Semaphore::new(25);
    row(criterion, "bulkhead", "tokio semaphore", || {
        drop(black_box(semaphore.try_acquire()));
    });
    let layer = BulkheadLayer::builder().max_concurrent_calls(25).build().expect("the settings of a row");
    tower_row(criterion, "bulkhead", "tower-resilience 0.14.0", &tower::Layer::layer(&layer, Nothing));
}

/// Calls a second that no row uses up.
const MANY: u32 = 1_000_000_000;

fn limiters(criterion: &mut Criterion) {
    let quota = Quota::per_second(MANY);
    for (name, quota) in [("burst 1e9", quota), ("burst 65,535", quota.burst(65_535))] {
        let ours = Limiter::builder("bench").quota(quota).build().expect("a quota that is never used up");
        row(criterion, "limiter", &format!("partita: 1e9/s, {name}"), || {
            let _ = black_box(ours.check().allowed());
        });
    }
    let ours = Limiter::builder("bench").quota(quota).build_keyed::<u64>().expect("a quota that is never used up");
    row(criterion, "limiter", "partita: 1e9/s, keyed, one key", || {
        let _ = black_box(ours.check(black_box(&7)).allowed());
    });
    let many = std::num::NonZeroU32::new(MANY).expect("above zero");
    let governor = governor::RateLimiter::direct(governor::Quota::per_second(many));
    row(criterion, "limiter", "governor 0.10.4: 1e9/s, burst 1e9", || {
        let _ = black_box(governor.check());
    });
    let governor = governor::RateLimiter::<u64, _, _>::keyed(governor::Quota::per_second(many));
    row(criterion, "limiter", "governor 0.10.4: 1e9/s, keyed, one key", || {
        let _ = black_box(governor.check_key(black_box(&7)));
    });
}

fn stacks(criterion: &mut Criterion) {
    let stack: Stack = Policy::new("bench")
        .idempotent()
        .deadline(Duration::from_secs(2))
        .retry(Retry::builder("bench"))
        .breaker(breaker())
        .bulkhead(Bulkhead::builder("bench").build().expect("the defaults"))
        .build()
        .expect("a stack of defaults");
    row(criterion, "stack", "partita: deadline, retry with budget, breaker, bulkhead", || {
        let _ = black_box(stack.call(|_| std::future::ready(Ok::<(), Infallible>(()))).now_or_never());
    });
}

criterion_group! {
    name = policies;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    targets = limits, breakers, bulkheads, limiters, stacks
}
criterion_main!(policies);
