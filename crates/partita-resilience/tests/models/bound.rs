//! How much of a model is looked at.

use loom::model::Builder;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The models are some 26, and together they take no more than three minutes.
const TIME: Duration = Duration::from_secs(6);

/// The clock is looked at after so many orders.
const LOOK: usize = 100;

/// Checks every order with at most three forced switches, as far as the time goes; says so where it ran out.
#[allow(clippy::disallowed_methods, reason = "the time that the run itself takes")]
pub(crate) fn check(model: impl Fn() + Sync + Send + 'static) {
    let (orders, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut builder = Builder::new();
    builder.max_branches = 10_000;
    builder.preemption_bound = Some(3);
    builder.max_duration = Some(TIME);
    builder.checkpoint_interval = LOOK;
    let count = Arc::clone(&orders);
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let orders = orders.load(Ordering::Relaxed);
    if began.elapsed() >= TIME && (orders + 1) % LOOK == 0 {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a model");
        // Not by a macro, which shows nothing of a test that passes.
        let _ = writeln!(std::io::stderr(), "{name}: not every order in {TIME:?}; {orders} were fine");
    }
}
