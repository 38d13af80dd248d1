//! The coarse clock: driven by hand where a test can, by its own thread where it must.

use super::*;
use crate::{ManualClock, TokioClock};

/// After which a test on real time has failed.
const GIVE_UP: Duration = Duration::from_secs(10);

fn by_hand() -> (ManualClock, Arc<Dial>) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1));
    let dial = Dial::new(Arc::new(clock.clone()));
    // An occupied place for the thread: a wake-up goes to this test instead.
    dial.thread.set(Some(thread::current())).unwrap();
    (clock, Arc::new(dial))
}

fn ms(n: u64) -> u64 {
    n * 1_000_000
}

#[test]
fn the_first_read_is_exact_and_later_ones_wait_for_the_tick() {
    let (clock, dial) = by_hand();
    assert_eq!(dial.read(), ms(1_000));
    clock.advance(Duration::from_millis(1));
    assert_eq!(dial.read(), ms(1_001), "until the first tick");
    assert!(dial.tick(&mut 0));
    clock.advance(Duration::from_micros(700));
    assert_eq!(dial.read(), ms(1_001), "late, not ahead");
    assert!(dial.tick(&mut 0));
    assert_eq!(dial.read(), ms(1_001) + 700_000);
    let lag = dial.lag();
    assert_eq!((lag.ticks, lag.worst), (1, Duration::from_micros(700)));
}

#[test]
fn a_ticker_that_stands_is_noticed_by_the_next_read_of_the_same_tick() {
    let (clock, dial) = by_hand();
    dial.read();
    assert!(dial.tick(&mut 0));
    dial.read();
    clock.advance(Duration::from_secs(5));
    assert_eq!(dial.read(), ms(6_000));
    clock.advance(Duration::from_secs(5));
    assert_eq!(dial.read(), ms(11_000), "exact as long as it stands");
    assert_eq!((dial.lag().stops, dial.lag().ticking), (1, false));

    assert!(dial.tick(&mut 0));
    clock.advance(Duration::from_micros(10));
    assert_eq!(dial.read(), ms(11_000), "coarse again");
    assert!(dial.lag().ticking);
}

#[test]
fn a_ticker_that_stands_before_it_hears_the_answer_is_noticed() {
    let (clock, dial) = by_hand();
    dial.read();
    clock.advance(Duration::from_millis(9));
    dial.read();
    assert_eq!((dial.lag().stops, dial.lag().ticking), (0, true), "it may come yet");
    clock.advance(Duration::from_secs(5));
    assert_eq!(dial.read(), ms(6_009));
    assert_eq!((dial.lag().stops, dial.lag().ticking), (1, false));
    assert!(dial.tick(&mut 0));
    assert_eq!((dial.read(), dial.lag().ticking), (ms(6_009), true));
}

#[test]
fn a_ticker_that_stands_is_noticed_by_each_64th_read_of_a_tick() {
    let (clock, dial) = by_hand();
    dial.read();
    assert!(dial.tick(&mut 0));
    (0..3).for_each(|_| _ = dial.read());
    clock.advance(Duration::from_secs(5));
    assert!((0..LOOK).any(|_| dial.read() == ms(6_000)));
}

#[test]
fn a_ticker_that_stands_is_noticed_by_a_thread_that_reads_other_clocks_between() {
    for (clocks, standing) in [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)] {
        let dials: Vec<_> = (0..clocks).map(|_| by_hand()).collect();
        for (millis, (clock, dial)) in (0..).zip(&dials) {
            dial.read();
            clock.advance(Duration::from_millis(millis));
            assert!(dial.tick(&mut 0));
        }
        let (clock, _) = &dials[standing];
        clock.advance(Duration::from_secs(5));
        let mut rounds = (0..2 * LOOK).map(|_| dials.iter().map(|(_, dial)| dial.read()).collect::<Vec<_>>());
        assert!(rounds.any(|read| read[standing] == nanos_of(clock)), "{standing} of {clocks} is not noticed");
    }
}

#[test]
fn a_face_ahead_of_its_clock_is_not_believed() {
    let (_clock, dial) = by_hand();
    dial.face.0.store(ms(9_000), Ordering::Relaxed);
    dial.read();
    assert_eq!(dial.read(), ms(1_000));
}

/// A clock that shows one thread more than the others, as tokio's in a runtime that is paused and moved on.
#[derive(Debug)]
struct Moved(thread::ThreadId);

impl Clock for Moved {
    fn now(&self) -> crate::Timestamp {
        crate::Timestamp::default()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(if thread::current().id() == self.0 { 3_600 } else { 1 })
    }

    fn sleep(&self, _: Duration) -> crate::Sleep {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_thread_whose_clock_was_moved_on_moves_nobody_elses() {
    let dial = Dial::new(Arc::new(Moved(thread::current().id())));
    dial.thread.set(Some(thread::current())).unwrap();
    let dial = Arc::new(dial);
    assert_eq!(dial.read(), ms(3_600_000));
    let others = Arc::clone(&dial);
    let read = move || {
        let first = others.read();
        assert!(others.tick(&mut 0));
        (first, others.read())
    };
    assert_eq!(thread::spawn(read).join().unwrap(), (ms(1_000), ms(1_000)));
}

#[test]
fn an_unread_ticker_asks_sleeps_and_is_exact_when_read_again() {
    let (clock, dial) = by_hand();
    dial.read();
    let mut quiet = 0;
    let mut ticks = 0;
    while dial.tick(&mut quiet) {
        clock.advance(TICK);
        ticks += 1;
        assert!(ticks <= 2 * PATIENCE, "it never slept");
    }
    assert!(!dial.lag().ticking);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(dial.read(), nanos_of(&clock));
    assert!(dial.lag().ticking);
    assert_eq!(dial.lag().worst, TICK, "sleep is no lag");
}

#[test]
fn a_read_answers_the_question_and_keeps_the_ticker_awake() {
    let (clock, dial) = by_hand();
    dial.read();
    let mut quiet = 0;
    for _ in 0..5 * PATIENCE {
        clock.advance(TICK);
        assert!(dial.tick(&mut quiet));
        dial.read();
    }
}

#[test]
fn its_own_thread_ticks_and_never_runs_ahead() {
    let exact: Arc<dyn Clock> = Arc::new(TokioClock::system());
    let coarse = CoarseClock::ticking(Arc::clone(&exact));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (coarse, exact) = (coarse.clone(), Arc::clone(&exact));
            thread::spawn(move || {
                while coarse.lag().ticks <= 20 {
                    let (read, exact) = (coarse.elapsed(), exact.elapsed());
                    assert!(read <= exact);
                    assert!(exact < GIVE_UP, "{:?}", coarse.lag());
                }
            })
        })
        .collect();
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

#[test]
fn it_ticks_each_millisecond() {
    let exact: Arc<dyn Clock> = Arc::new(TokioClock::system());
    let coarse = CoarseClock::ticking(Arc::clone(&exact));
    let mut least = Duration::MAX;
    // Others may take the processor: one quiet moment of twenty ticks is enough.
    while least >= Duration::from_millis(40) {
        let (began, ticks) = (exact.elapsed(), coarse.lag().ticks);
        while coarse.lag().ticks < ticks + 20 {
            coarse.nanos();
            thread::yield_now();
            assert!(exact.elapsed() < GIVE_UP, "twenty ticks took {least:?} at least: {:?}", coarse.lag());
        }
        least = least.min(exact.elapsed().saturating_sub(began));
    }
}

#[test]
fn the_thread_ends_with_the_last_clone() {
    let coarse = CoarseClock::ticking(Arc::new(TokioClock::system()));
    coarse.nanos();
    let Kind::Ticking(dial) = &coarse.0 else { unreachable!("it ticks") };
    let dial = Arc::downgrade(dial);
    drop(coarse);
    let time = TokioClock::system();
    while dial.strong_count() > 0 {
        assert!(time.elapsed() < GIVE_UP, "the thread still runs");
        thread::yield_now();
    }
}
