//! What a monitor sees, and whom it tells.

use super::{Change, Monitor, PolicySnapshot, Severity, Threshold, What};
use crate::adaptive::Adaptive;
use crate::breaker::Breaker;
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::cache::Cache;
use crate::deadline::{Context, Deadline};
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::join::Join;
use crate::keyed::{Bounds, Keyed};
use crate::limiter::{Limiter, Quota, Tier, Tiers};
use crate::pool::Pool;
use crate::retry::{Jitter, Retry};
use crate::shed::{Priority, Shed};
use crate::testing::{ms, poll, run, wait};
use crate::timeout::Timeout;
use crate::{Error, Listeners, PolicyKind, Registry, Timing};
use partita_time::ManualClock;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

type Told = Arc<Mutex<Vec<String>>>;

/// A hook, and what it was told.
fn hook() -> (Told, impl Fn(&Change) + Send + Sync + 'static) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    (told, move |change: &Change| heard.lock().unwrap().push(change.to_string()))
}

fn drain(told: &Told) -> Vec<String> {
    std::mem::take(&mut told.lock().unwrap())
}

#[test]
fn a_stack_is_seen_whole_and_in_its_order() {
    let timing = Timing::manual(&ManualClock::new(), 1);
    let whole = crate::Policy::new("all")
        .attempt_timeout(ms(500))
        .bulkhead(Bulkhead::builder("b").timing(timing.clone()).build().unwrap())
        .breaker(Breaker::builder("b").timing(timing.clone()).build().unwrap())
        .hedge(Hedge::builder("h"))
        .retry(Retry::builder("r"))
        .idempotent()
        .rate_limit(Limiter::builder("l").timing(timing.clone()).build().unwrap())
        .cache(Cache::<u32, u32>::builder("c").timing(timing.clone()).build().unwrap())
        .fallback(Fallback::builder("f"))
        .timing(timing.clone())
        .build()
        .unwrap();
    let report = Monitor::builder("all").watch(whole).timing(timing).build().unwrap().look();
    let kinds: Vec<_> = report.policies.iter().map(PolicySnapshot::kind).collect();
    let (first, rest) = kinds.split_at(4);
    assert_eq!(first, [PolicyKind::Fallback, PolicyKind::Cache, PolicyKind::RateLimit, PolicyKind::Retry]);
    assert_eq!(rest, [PolicyKind::Hedge, PolicyKind::Breaker, PolicyKind::Bulkhead, PolicyKind::Timeout]);
    assert_eq!((report.severity(), report.to_string().as_str()), (None, "`all`: 8 policies, well"));
}

#[test]
fn a_breaker_that_opens_is_critical_that_probes_a_warning_and_the_end_is_told() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let breaker = Breaker::builder("b").min_calls(2).open(ms(1_000)).open_jitter(0.0).half_open_successes(1);
    let breaker = breaker.ramp(ms(0)).timing(timing.clone()).build().unwrap();
    let (told, hook) = hook();
    let monitor = Monitor::builder("m").watch(breaker.clone()).on_change(hook).timing(timing).build().unwrap();
    assert_eq!(monitor.look().severity(), None);
    for _ in 0..2 {
        let _ = run(&clock, breaker.call(|| ready(Err::<(), _>("down"))));
    }
    assert_eq!(monitor.look().severity(), Some(Severity::Critical));
    assert_eq!(monitor.look().severity(), Some(Severity::Critical));
    assert_eq!(
        drain(&told),
        ["critical: circuit breaker `b`: not_closed 1.00, from 1.00 on"],
        "once, not at each look"
    );
    clock.advance(ms(1_000));
    let permit = breaker.admit().unwrap();
    assert_eq!(monitor.look().severity(), Some(Severity::Warning));
    permit.record(crate::Outcome::Success);
    assert_eq!(monitor.look().severity(), None);
    let (warning, over) = ("warning: circuit breaker `b`: not_closed 0.50, from 0.50 on", "over: ");
    assert_eq!(drain(&told), [warning.to_owned(), format!("{over}{warning}")]);
    breaker.force_open();
    assert_eq!(monitor.look().severity(), Some(Severity::Critical));
    breaker.disable();
    assert_eq!(monitor.look().severity(), None, "an operator's word");
}

#[test]
fn breakers_of_many_keys_are_seen_together_and_the_worst_of_them_alone() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let builder = Breaker::builder("shop").min_calls(2).open(ms(1_000)).open_jitter(0.0).timing(timing.clone());
    let keyed: Keyed<u32, Breaker> = builder.build_keyed(Bounds { capacity: 1_000, ..Bounds::default() }).unwrap();
    let monitor = Monitor::builder("m").watch(keyed.clone()).timing(timing).build().unwrap();
    for key in 0..200 {
        for _ in 0..2 {
            let fails = key % 10 == 3;
            let _ = run(&clock, keyed.call(&key, || ready(if fails { Err("down") } else { Ok(()) })));
        }
    }
    let report = monitor.look();
    let PolicySnapshot::Breakers(seen) = &report.policies[0] else { panic!("{:?}", report.policies[0]) };
    assert_eq!((seen.name.as_ref(), seen.breakers, seen.open, seen.worst.len()), ("shop", 201, 20, 8));
    assert_eq!((seen.total, seen.failed, seen.rejected), (400, 40, 0));
    assert_eq!((report.policies.len(), report.findings.len()), (9, 8), "as many, however many keys are bad");
    assert!(report.findings.iter().all(|finding| finding.severity == Severity::Critical));
    assert!(report.policies[1].name().starts_with("shop/"));
}

#[test]
fn a_full_bulkhead_and_the_share_that_it_refuses_are_two_findings() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let bulkhead = Bulkhead::builder("pay").max_concurrent(5).timing(timing.clone()).build().unwrap();
    let monitor = Monitor::builder("m").watch(bulkhead.clone()).min_calls(10).timing(timing).build().unwrap();
    let mut held: Vec<_> = (0..4).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let found = monitor.look().findings;
    assert_eq!((found.len(), found[0].what, found[0].severity), (1, What::Saturated, Severity::Warning));
    held.push(bulkhead.try_acquire().unwrap());
    for _ in 0..3 {
        bulkhead.try_acquire().unwrap_err();
    }
    assert_eq!(monitor.look().findings.len(), 1, "three refusals of eight calls are too few to say");
    for _ in 0..2 {
        bulkhead.try_acquire().unwrap_err();
    }
    let found = monitor.look().findings;
    let seen: Vec<_> = found.iter().map(|finding| (finding.what, finding.severity, finding.value)).collect();
    let (full, refused) = ((What::Saturated, Severity::Critical, 1.0), (What::Rejected, Severity::Critical, 0.5));
    assert_eq!(seen, [full, refused], "those of the looks before were counted on");
    drop(held);
    assert_eq!(monitor.look().findings, [], "no call came since");
}

#[test]
fn a_spent_budget_is_found_in_the_policy_that_wanted_more() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let budget = Budget::builder().ratio(0.0).floor_per_second(1.0).timing(timing.clone()).build().unwrap();
    let retry = Retry::builder("r").jitter(Jitter::None).idempotent(true).budget(budget).timing(timing.clone());
    let retry = retry.initial(ms(1)).build().unwrap();
    let monitor = Monitor::builder("m").watch(retry.clone()).timing(timing).build().unwrap();
    let fail = || run(&clock, retry.call(|_| ready(Err::<(), _>("down"))));
    assert!(matches!(fail(), Err(Error::Exhausted { attempts: 2, .. })));
    let found = monitor.look().findings;
    assert_eq!((found[0].what, found[0].severity, found[0].value), (What::BudgetSpent, Severity::Critical, 0.5));
    run(&clock, retry.call(|_| ready(Ok::<_, ()>(())))).unwrap();
    assert_eq!(monitor.look().findings, [], "nobody wanted a retry since");
}

#[test]
fn a_join_that_takes_its_defaults_is_found() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let join = Join::with("page", ms(50), timing.clone(), Listeners::default());
    let monitor = Monitor::builder("m").watch(join.clone()).min_calls(4).timing(timing).build().unwrap();
    for stars in [Err("down"), Ok(1), Ok(2), Ok(3)] {
        let part = join.optional("stars", ready(stars), || 0);
        run(&clock, join.all::<_, ()>((part,))).unwrap();
    }
    let report = monitor.look();
    assert_eq!((report.policies[0].kind(), report.policies[0].name().as_ref()), (PolicyKind::Join, "page"));
    let found: Vec<_> = report.findings.iter().map(|found| (found.what, found.severity, found.value)).collect();
    assert_eq!(found, [(What::Defaulted, Severity::Warning, 0.25)]);
}

/// The kinds of policy that are found, and what is wrong with them, from twenty calls.
fn found(policy: impl super::Watch + 'static, calls: impl FnOnce()) -> Vec<(PolicyKind, What)> {
    let monitor = Monitor::builder("m").watch(policy).build().unwrap();
    calls();
    monitor.look().findings.iter().map(|finding| (finding.policy, finding.what)).collect()
}

#[test]
fn limits_that_are_full_and_refuse_are_found_whatever_their_kind() {
    let adaptive = Adaptive::builder("a").initial(1).build().unwrap();
    let _held = adaptive.try_acquire().unwrap();
    let full = |kind| [(kind, What::Saturated), (kind, What::Rejected)];
    let seen = found(adaptive.clone(), || (0..20).for_each(|_| assert!(adaptive.try_acquire().is_err())));
    assert_eq!(seen, full(PolicyKind::Adaptive));
    let shed = Shed::builder("s").max_in_flight(1).build().unwrap();
    let _held = shed.try_acquire(Priority::Critical).unwrap();
    let refused = || (0..20).for_each(|_| assert!(shed.try_acquire(Priority::Critical).is_err()));
    assert_eq!(found(shed.clone(), refused), full(PolicyKind::Shed));
    let pool = Pool::builder("p").core_threads(1).max_threads(1).queue(0).max_wait(ms(0)).build().unwrap();
    let ((begins, begun), (end, ends)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
    let mut busy = Box::pin(pool.run(move || begins.send(()).map(|()| ends.recv())));
    assert!(poll(busy.as_mut()).is_pending());
    begun.recv_timeout(ms(20_000)).unwrap();
    let refused = || (0..20).for_each(|_| assert!(poll(pin!(pool.run(|| Ok::<_, ()>(())))).is_ready()));
    assert_eq!(found(pool.clone(), refused), full(PolicyKind::Pool));
    drop(end);
}

#[test]
fn calls_cut_off_or_come_too_late_and_refusals_by_key_are_found() {
    let clock = ManualClock::new();
    let timing = || Timing::manual(&clock, 1);
    let timeout = Timeout::builder("t").fixed(ms(5)).timing(timing()).build().unwrap();
    let hang = || (0..20).for_each(|_| _ = run(&clock, timeout.call(std::future::pending::<Result<(), ()>>)));
    assert_eq!(found(timeout.clone(), hang), [(PolicyKind::Timeout, What::TimedOut)]);
    let deadline = Deadline::builder("d").limit(ms(20)).timing(timing()).build().unwrap();
    let late = || Context::new().until(ms(0)).scope(deadline.call(|_| ready(Ok::<_, ()>(()))));
    let cut = || deadline.call(|_| std::future::pending::<Result<(), ()>>());
    let calls = || (0..20).for_each(|_| drop((run(&clock, late()), run(&clock, cut()))));
    let both = [(PolicyKind::Deadline, What::Rejected), (PolicyKind::Deadline, What::TimedOut)];
    assert_eq!(found(deadline.clone(), calls), both);
    let hedge = Hedge::builder("h").idempotent(true).delay(ms(1)).timing(timing());
    let budget = Budget::builder().ratio(0.0).floor_per_second(0.0).timing(timing()).build().unwrap();
    let hedge = hedge.budget(budget).build().unwrap();
    let work = |_| async {
        wait(&clock, 9).await;
        Ok::<_, ()>(())
    };
    let slow = || run(&clock, hedge.call(work)).unwrap();
    assert_eq!(found(hedge.clone(), slow), [(PolicyKind::Hedge, What::BudgetSpent)]);
    let keyed: Keyed<u8, Breaker> = Breaker::builder("k").timing(timing()).build_keyed(Bounds::default()).unwrap();
    let breaker = keyed.get(&1);
    breaker.force_open();
    let seen = found(keyed, || (0..20).for_each(|_| assert!(breaker.admit().is_err())));
    assert!(seen.contains(&(PolicyKind::Breaker, What::Rejected)), "{seen:?}");
}

#[test]
fn tiers_are_seen_as_a_rate_limit_for_each_standing() {
    let timing = Timing::manual(&ManualClock::new(), 1);
    let tiers = Tiers::<String>::hourly(&timing).unwrap();
    let monitor = Monitor::builder("m").watch(tiers.clone()).timing(timing).build().unwrap();
    assert_eq!((0..111).filter(|_| tiers.check(Tier::Anonymous, "guest").allowed()).count(), 100);
    let report = monitor.look();
    let names: Vec<_> = report.policies.iter().map(|policy| policy.name().as_ref()).collect();
    assert_eq!(names, ["anonymous", "authenticated", "premium"]);
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.name.as_ref(), finding.severity)).collect();
    assert_eq!(found, [("anonymous", Severity::Warning)], "eleven of 111");
}

#[test]
fn a_report_says_how_late_the_coarse_clock_is() {
    let breaker = Breaker::builder("b").build().unwrap();
    let monitor = Monitor::builder("m").watch(breaker).build().unwrap();
    let report = loop {
        let report = monitor.look();
        if report.lag.ticks > 0 {
            break report;
        }
        std::thread::yield_now();
    };
    assert!(report.to_string().starts_with("`m`: 1 policies, well; clock late by "), "{report}");
    assert!(report.lag.worst >= report.lag.mean, "{:?}", report.lag);
}

#[test]
fn a_monitor_looks_by_itself_each_period() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let limiter = Limiter::builder("l").quota(Quota::per_hour(18)).timing(timing.clone()).build().unwrap();
    let (told, hook) = hook();
    let threshold = Threshold::new(0.05, 0.2);
    let monitor = Monitor::builder("m").watch(limiter.clone()).threshold(What::Rejected, threshold).on_change(hook);
    let monitor = monitor.timing(timing).build().unwrap();
    let mut runs = pin!(monitor.run(ms(1_000)));
    assert!(matches!(poll(runs.as_mut()), Poll::Pending));
    let refused = (0..20).filter(|_| !limiter.check().allowed()).count();
    assert_eq!((refused, drain(&told).len()), (2, 0));
    clock.advance(ms(1_000));
    assert!(matches!(poll(runs.as_mut()), Poll::Pending));
    assert_eq!(drain(&told), ["warning: rate limit `l`: rejected 0.10, from 0.05 on"]);
}

#[test]
fn what_could_not_be_told_apart_or_never_be_reached_is_refused() {
    let breaker = |name: &'static str| Breaker::builder(name).build().unwrap();
    let refused = |builder: super::MonitorBuilder| builder.build().unwrap_err().to_string();
    assert!(refused(Monitor::builder("m")).contains("nothing to look at"));
    let twice = refused(Monitor::builder("m").watch(breaker("b")).watch(breaker("b")));
    assert!(twice.contains("there are two policies `b` of kind circuit breaker"), "{twice}");
    let order = Monitor::builder("m").watch(breaker("b")).threshold(What::Saturated, Threshold::new(0.9, 0.5));
    assert!(refused(order).contains("saturated: a warning from 0.9 on"));
    let registry = Registry::new();
    registry.add("one", breaker("one"));
    let monitor = Monitor::builder("m").watch(registry.clone()).build().unwrap();
    registry.add("two", breaker("two"));
    assert_eq!(monitor.look().policies.len(), 2, "what was added since");
}

#[test]
fn a_listener_may_look_when_the_look_itself_moves_its_breaker() {
    let (clock, looks) = (ManualClock::new(), Arc::new(std::sync::OnceLock::<Monitor>::new()));
    let timing = Timing::manual(&clock, 1);
    let (done, ended) = std::sync::mpsc::channel();
    let looked = Arc::clone(&looks);
    let listener = move |_: &crate::Event<'_>| drop(looked.get().map(Monitor::look));
    let breaker = Breaker::builder("b").min_calls(1).open(ms(100)).timing(timing.clone()).listener(listener);
    let breaker = breaker.build().unwrap();
    let monitor = Monitor::builder("m").watch(breaker.clone()).timing(timing).build().unwrap();
    assert!(looks.set(monitor.clone()).is_ok());
    breaker.admit().unwrap().record(crate::Outcome::Failure);
    clock.advance(ms(1_000));
    std::thread::spawn(move || done.send(monitor.look().policies.len()));
    assert_eq!(ended.recv_timeout(ms(20_000)), Ok(1));
}
