//! Scratch measure.
use partita_resilience::breaker::Breaker;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
fn now<F: Future>(f: F) -> F::Output {
    let mut f = pin!(f);
    match f.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(v) => v,
        Poll::Pending => panic!(),
    }
}
fn bench(name: &str, threads: usize, n: u64, f: impl Fn() + Sync) {
    let mut all = vec![];
    for _ in 0..7 {
        let t = Instant::now();
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    for _ in 0..n {
                        f()
                    }
                });
            }
        });
        all.push(t.elapsed().as_nanos() as f64 / n as f64);
    }
    all.sort_by(f64::total_cmp);
    println!("{name:30} {threads}t min {:.1} med {:.1} max {:.1}", all[0], all[3], all[6]);
}
fn main() {
    let n = 5_000_000;
    let b = Breaker::builder("x")
        .listener(|e| {
            std::hint::black_box(e.at);
        })
        .build()
        .unwrap();
    let o = Breaker::builder("x")
        .listener(|e| {
            std::hint::black_box(e.at);
        })
        .build()
        .unwrap();
    o.force_open();
    let p = Breaker::builder("x")
        .min_calls(1)
        .listener(|e| {
            std::hint::black_box(e.at);
        })
        .build()
        .unwrap();
    let _ = p.admit().map(|x| x.record(partita_resilience::Outcome::Failure));
    let a = std::sync::atomic::AtomicU64::new(0);
    let t = partita_resilience::Timing::system();
    for th in [1, 2] {
        bench("atomic add", th, n, || {
            a.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
        bench("coarse", th, n, || {
            std::hint::black_box(t.coarse_nanos());
        });
        bench("exact", th, n, || {
            std::hint::black_box(t.now());
        });
        bench("permit", th, n, || {
            b.admit().unwrap().record(partita_resilience::Outcome::Success);
        });
        bench("call", th, n, || {
            let r: Result<u32, partita_resilience::Error<()>> =
                now(b.call(|| async { Ok::<u32, ()>(std::hint::black_box(7)) }));
            std::hint::black_box(r.is_ok());
        });
        bench("admit rejected forced", th, n, || {
            std::hint::black_box(o.admit().is_err());
        });
        bench("admit rejected open", th, n, || {
            std::hint::black_box(p.admit().is_err());
        });
        bench("call rejected open", th, n, || {
            let r: Result<u32, partita_resilience::Error<()>> = now(p.call(|| async { Ok::<u32, ()>(7) }));
            std::hint::black_box(r.is_ok());
        });
    }
    println!("{:?}", t.lag());
}
