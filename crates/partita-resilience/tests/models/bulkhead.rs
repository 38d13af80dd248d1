//! Permits and waiters.

#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/bulkhead/queue.rs"]
mod queue;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/bulkhead/slots.rs"]
mod slots;

use super::bound::check;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use queue::{Joined, Queue, Turn};
use slots::Slots;
use std::task::{Wake, Waker};

struct Gate {
    slots: Slots,
    queue: Queue,
    inside: AtomicUsize,
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Gate {
    fn new(most: u32, stripes: usize) -> Arc<Self> {
        Arc::new(Self { slots: Slots::new(most, stripes), queue: Queue::default(), inside: AtomicUsize::new(0) })
    }

    fn work(&self, slot: slots::Slot, most: usize) {
        assert!(self.inside.fetch_add(1, Ordering::SeqCst) < most, "more inside than permits");
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.give_back(slot);
    }

    fn give_back(&self, slot: slots::Slot) {
        if self.slots.give_back(slot) {
            self.queue.hand_over(&self.slots);
        }
    }

    /// Enters, or waits until it is woken: the model ends in a deadlock if nobody wakes it.
    fn pass(&self, own: usize, most: usize) {
        if let Some(slot) = self.slots.take(own) {
            return self.work(slot, most);
        }
        let woken = std::sync::Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        match self.queue.join(&self.slots, 2, &waker) {
            Joined::Taken(slot) => self.work(slot, most),
            Joined::Full => {}
            Joined::Waits(ticket) => {
                while woken.0.load(Ordering::SeqCst) == 0 {
                    loom::thread::yield_now();
                }
                let Turn::Comes(slot) = self.queue.poll(ticket, &waker) else { panic!("woken without a turn") };
                self.work(slot, most);
            }
        }
    }
}

#[test]
fn every_waiter_gets_its_turn_and_the_limit_holds() {
    for stripes in [1, 2] {
        check(move || {
            let gate = Gate::new(1, stripes);
            let other = Arc::clone(&gate);
            let thread = loom::thread::spawn(move || other.pass(1, 1));
            gate.pass(0, 1);
            thread.join().unwrap();
            assert_eq!((gate.slots.free(), gate.slots.done(), gate.queue.len()), (1, 2, 0));
            assert!(gate.slots.take(0).is_some(), "the waiting bit stayed set");
        });
    }
}

#[test]
fn a_waiter_that_leaves_passes_its_permit_on() {
    check(|| {
        let gate = Gate::new(1, 2);
        let held = gate.slots.take(0).unwrap();
        let Joined::Waits(ticket) = gate.queue.join(&gate.slots, 2, Waker::noop()) else { panic!("nobody holds it") };
        let other = Arc::clone(&gate);
        let thread = loom::thread::spawn(move || other.give_back(held));
        if let Some(slot) = gate.queue.leave(&gate.slots, ticket) {
            gate.give_back(slot);
        }
        thread.join().unwrap();
        assert_eq!((gate.slots.free(), gate.queue.len()), (1, 0));
        assert!(gate.slots.take(1).is_some(), "the waiting bit stayed set");
    });
}
