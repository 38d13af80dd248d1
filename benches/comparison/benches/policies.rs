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
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tower::Service;

/// Measures `call` by one thread and by two.
fn row(criterion: &mut Criterion, group: &str, name: &str, call: impl Fn() + Sync) {
    let mut group = criterion.benchmark_group(group);
    for threads in [1_usize, 2] {
        group.bench_function(BenchmarkId::new(name, threads), |bencher| {
            bencher.iter_custom(|times| together(threads, times, &call));
        });
    }
    group.finish();
}

fn together(threads: usize, times: u64, call: &(impl Fn() + Sync)) -> Duration {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
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
    let failsafe = failsafe::Config::new().build();
    row(criterion, "breaker", "failsafe 1.3.0", || {
        use failsafe::CircuitBreaker as _;
        let _ = black_box(failsafe.call(|| Ok::<(), ()>(())));
    });
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
}

fn limiters(criterion: &mut Criterion) {
    let ours = Limiter::builder("bench").quota(Quota::per_second(1_000_000_000)).build();
    let ours = ours.expect("a quota that is never used up");
    row(criterion, "limiter", "partita: check", || {
        let _ = black_box(ours.check().allowed());
    });
    let most = std::num::NonZeroU32::new(1_000_000_000).expect("above zero");
    let governor = governor::RateLimiter::direct(governor::Quota::per_second(most));
    row(criterion, "limiter", "governor 0.10.4", || {
        let _ = black_box(governor.check());
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
