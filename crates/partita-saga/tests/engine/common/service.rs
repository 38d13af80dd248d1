//! A participant whose answers are scripted, and whose books show what really happened.

use super::steps::Trip;
use partita_core::{Again, Effect, Error, ErrorKind};
use partita_saga::{Probe, ProbeResult, Retriable, Step, StepResult, Stop, reject};
use partita_time::{Clock, Spawner, TaskGroup, TokioClock};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the participant does with one call.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// Takes effect and answers.
    Done,
    /// Refuses without effect.
    Reject(&'static str),
    /// Takes effect; the reply never comes.
    LostReply,
    /// No effect, no reply.
    LostRequest,
    /// Takes effect after so long; no reply.
    Late(Duration),
    /// Takes effect and answers, both after so long.
    Slow(Duration),
    /// Refuses without effect, after so long.
    SlowReject(Duration),
    /// Answers an error without effect.
    Fail(Again, Effect),
    /// Has no effect, and asks to come again after so long.
    PutOff(Duration),
    /// Panics before anything happens.
    Panic,
    /// Of a probe: still under way.
    Processing,
}

/// One call as the participant saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) at: u64,
    pub(crate) verb: &'static str,
    pub(crate) saga: String,
    pub(crate) step: String,
    pub(crate) key: String,
    pub(crate) attempt: u32,
}

#[derive(Debug, Default)]
struct Books {
    script: BTreeMap<(&'static str, String), VecDeque<Say>>,
    always: BTreeMap<(&'static str, String), Say>,
    /// Keys that took effect, and keys that were undone.
    done: BTreeSet<String>,
    undone: BTreeSet<String>,
    /// Effects less undos, by saga and step.
    net: BTreeMap<(String, String), i32>,
    /// Steps whose participant remembers no key.
    forgetful: BTreeSet<String>,
    calls: Vec<Call>,
    now: usize,
    most: usize,
}

/// Outlives every process of a test. Each call runs in a task of its own, as one over a network does.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    clock: TokioClock,
    net: TaskGroup,
    books: Arc<Mutex<Books>>,
}

impl Service {
    pub(crate) fn new(clock: TokioClock) -> Self {
        Self { clock, net: TaskGroup::new(), books: Arc::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Answers of the next calls, one after another; then it is done.
    pub(crate) fn script(&self, verb: &'static str, step: &str, says: impl IntoIterator<Item = Say>) -> &Self {
        self.books().script.entry((verb, step.to_owned())).or_default().extend(says);
        self
    }

    /// The answer of every call that has no script.
    pub(crate) fn always(&self, verb: &'static str, step: &str, say: Say) -> &Self {
        self.books().always.insert((verb, step.to_owned()), say);
        self
    }

    pub(crate) fn mended(&self, verb: &'static str, step: &str) {
        self.books().always.remove(&(verb, step.to_owned()));
    }

    /// A participant that takes every call for a new one.
    pub(crate) fn forgets_keys(&self, step: &str) {
        self.books().forgetful.insert(step.to_owned());
    }

    /// Effects less undos of one step of a saga.
    pub(crate) fn net(&self, saga: &str, step: &str) -> i32 {
        self.books().net.get(&(saga.to_owned(), step.to_owned())).copied().unwrap_or(0)
    }

    /// Every step's effects less undos that are not zero.
    pub(crate) fn left_behind(&self, saga: &str) -> Vec<(String, i32)> {
        let books = self.books();
        let of = books.net.iter().filter(|((id, _), net)| id == saga && **net != 0);
        of.map(|((_, step), net)| (step.clone(), *net)).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.books().calls.clone()
    }

    /// The calls of one saga as `do a`, `undo b`, `ask c`.
    pub(crate) fn heard(&self, saga: &str) -> Vec<String> {
        let calls = self.calls().into_iter().filter(|call| call.saga == saga);
        calls.map(|call| format!("{} {}", call.verb, call.step)).collect()
    }

    /// Calls under way at once, at most.
    pub(crate) fn most(&self) -> usize {
        self.books().most
    }

    fn hears(&self, verb: &'static str, step: &str, cx: &Step<Self>) -> Say {
        let at = u64::try_from(self.clock.elapsed().as_millis()).unwrap();
        let (saga, key, attempt) = (cx.saga().to_owned(), cx.key().to_owned(), cx.attempt());
        let mut books = self.books();
        books.calls.push(Call { at, verb, saga, step: step.to_owned(), key, attempt });
        let place = (verb, step.to_owned());
        let always = books.always.get(&place).cloned().unwrap_or(Say::Done);
        books.script.get_mut(&place).and_then(VecDeque::pop_front).unwrap_or(always)
    }

    /// Takes effect once per key, and not any more once undone.
    fn takes_effect(&self, step: &str, saga: &str, key: &str) -> bool {
        let mut books = self.books();
        let forgets = books.forgetful.contains(step);
        if books.undone.contains(key) && !forgets {
            return false;
        }
        if books.done.insert(key.to_owned()) || forgets {
            *books.net.entry((saga.to_owned(), step.to_owned())).or_default() += 1;
        }
        true
    }

    fn is_undone(&self, step: &str, saga: &str, key: &str) {
        let mut books = self.books();
        if books.undone.insert(key.to_owned()) && books.done.contains(key) {
            *books.net.entry((saga.to_owned(), step.to_owned())).or_default() -= 1;
        }
    }

    /// The call in a task of its own: what becomes of the caller does not matter to it.
    async fn over_the_wire(&self, wait: Duration, effect: impl FnOnce() -> bool + Send + 'static) -> bool {
        let (reply, answer) = oneshot::channel();
        let clock = self.clock;
        self.net.spawn(Box::pin(async move {
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let _ = reply.send(effect());
        }));
        answer.await.unwrap()
    }

    async fn carry_out(&self, say: Say, effect: impl FnOnce() -> bool + Send + 'static) -> StepResult<bool> {
        match say {
            Say::Done => Ok(self.over_the_wire(Duration::ZERO, effect).await),
            Say::Slow(wait) => Ok(self.over_the_wire(wait, effect).await),
            Say::Reject(reason) => Err(reject(reason)),
            Say::SlowReject(wait) => {
                self.clock.sleep(wait).await;
                Err(reject("refused after a while"))
            }
            Say::LostReply => {
                self.over_the_wire(Duration::ZERO, effect).await;
                std::future::pending().await
            }
            Say::Late(wait) => {
                self.over_the_wire(wait, effect).await;
                std::future::pending().await
            }
            Say::LostRequest | Say::Processing => std::future::pending().await,
            Say::Fail(again, possible) => Err(error(again, possible).into()),
            Say::PutOff(wait) => Err(error(Again::Later, Effect::Possible).retry_after(wait).into()),
            Say::Panic => panic!("scripted"),
        }
    }

    pub(crate) async fn act(&self, step: &'static str, mut trip: Trip, cx: &Step<Self>) -> StepResult<Trip> {
        let _busy = self.busy();
        let mut say = self.hears("do", step, cx);
        if matches!(say, Say::Reject(_) | Say::SlowReject(_)) && self.books().done.contains(cx.key()) {
            say = Say::Done;
        }
        let (this, saga, key) = (self.clone(), cx.saga().to_owned(), cx.key().to_owned());
        let stands = self.carry_out(say, move || this.takes_effect(step, &saga, &key)).await?;
        if !stands {
            return Err(reject("it was undone"));
        }
        trip.done.push(step.to_owned());
        Ok(trip)
    }

    pub(crate) async fn undo(&self, step: &'static str, cx: &Step<Self>) -> Retriable<()> {
        let _busy = self.busy();
        let say = self.hears("undo", step, cx);
        let (this, saga, key) = (self.clone(), cx.saga().to_owned(), cx.key().to_owned());
        let undone = self.carry_out(say, move || {
            this.is_undone(step, &saga, &key);
            true
        });
        match undone.await {
            Ok(_) => Ok(()),
            Err(Stop::Unfinished(unfinished)) => Err(unfinished),
            Err(Stop::Rejected(refusal)) => Err(Error::new(ErrorKind::Other, refusal.text).into()),
        }
    }

    pub(crate) fn ask(&self, step: &'static str, mut trip: Trip, cx: &Step<Self>) -> ProbeResult<Trip> {
        match self.hears("ask", step, cx) {
            Say::Processing => return Ok(Probe::StillUnknown),
            Say::Fail(again, effect) => return Err(error(again, effect).into()),
            _ => {}
        }
        if !self.books().done.contains(cx.key()) {
            return Ok(Probe::NotDone);
        }
        trip.done.push(step.to_owned());
        Ok(Probe::Done(trip))
    }

    fn busy(&self) -> Busy {
        let mut books = self.books();
        books.now += 1;
        books.most = books.most.max(books.now);
        Busy(self.clone())
    }
}

fn error(again: Again, effect: Effect) -> Error {
    Error::new(ErrorKind::Other, "scripted").again(again).effect(effect)
}

struct Busy(Service);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.books().now -= 1;
    }
}
