//! One request from reading to its commit: the effect, its stored answer and the counted attempt become durable together.
//!
//! There are no locks. A request reads, decides and commits under exact expectations; when another one was faster, the
//! commit conflicts, and the request begins anew from what is there now: it finds the stored answer of its duplicate, or
//! the state that the winner left.

use super::book::{self, At, Book, KeyEntry, Reply, Scope};
use super::error::Refusal;
use super::model::{self, Intent, NewIntent, Operation, Outcome, SLOW};
use super::view::View;
use crate::env::ServiceEnv;
use partita::core::{Effect, Error, ErrorKind, Expect, Put, Result, new_id};
use partita::time::{Host, Timestamp};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Conflicts in a row after which a request gives up; each means that another request got through.
const ROUNDS: u32 = 1_000;

/// The simulated provider.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    pub(super) book: Arc<Book>,
    pub(super) host: Host,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Create(NewIntent),
    Capture(String),
    Cancel(String),
}

/// An idempotency key as it is used by one request.
#[derive(Clone, Debug)]
pub(super) struct KeyUse {
    /// As the caller gave it.
    pub(super) given: String,
    /// Method, path and key: what the entry is kept under.
    pub(super) name: String,
    /// Of the parameters.
    pub(super) fingerprint: String,
}

/// A request that changes something.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) action: Action,
    pub(super) key: Option<KeyUse>,
}

/// How a request is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// Now.
    Given { reply: Reply, replayed: bool },
    /// When a slow intent is done.
    Awaited(oneshot::Receiver<Reply>),
    /// Never.
    Withheld,
}

/// What a request has read before it decides.
struct Seen {
    now: Timestamp,
    key: Expect,
    intent: Expect,
    counted: Option<(String, At<u32>)>,
}

impl Action {
    const fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::Create,
            Self::Capture(_) => Operation::Capture,
            Self::Cancel(_) => Operation::Cancel,
        }
    }
}

impl Provider {
    pub(super) fn new(env: &ServiceEnv) -> Self {
        Self { book: Arc::new(Book::new(env.store.clone())), host: env.host.clone() }
    }

    /// Answers a request; what it answers is durable.
    pub(super) async fn act(&self, request: &Request) -> Result<Answer> {
        for round in 0..ROUNDS {
            match self.act_once(request, round == 0).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                other => return other,
            }
        }
        Err(Error::new(ErrorKind::Busy, "too many requests for one intent at once"))
    }

    /// Whether the key has an entry.
    pub(super) async fn is_used(&self, key: &KeyUse) -> Result<bool> {
        Ok(self.book.key(&key.name, self.host.clock.now()).await?.value.is_some())
    }

    async fn act_once(&self, request: &Request, first: bool) -> Result<Answer> {
        let now = self.host.clock.now();
        // The intent before the key: who sees the effect of its duplicate then also sees the duplicate's answer.
        let (intent, intent_expect) = match &request.action {
            Action::Create(_) => (None, Expect::Absent),
            Action::Capture(id) | Action::Cancel(id) => match self.book.intent_to_change(id).await? {
                Some(At { value, expect }) => (Some(value), expect),
                None => return refused(&Refusal::no_such_intent(id)),
            },
        };
        let counted = self.counted(request, intent.as_ref()).await?;
        let attempt = counted.as_ref().map_or(1, |(_, counted)| counted.value.saturating_add(1));
        let outcome = self.decide(&request.action, intent, attempt, now);
        // An outcome that is kept under the key tells a duplicate by its conflict, which begins the second round.
        let tells = counted.is_none() && matches!(outcome, Outcome::Decided { .. } | Outcome::Begun(_));
        let mut key_expect = Expect::Absent;
        if let Some(key) = request.key.as_ref().filter(|_| !(first && tells)) {
            let held = self.book.key(&key.name, now).await?;
            if let Some(entry) = held.value {
                return repeated(key, entry);
            }
            key_expect = held.expect;
        }
        self.settle(request, outcome, &Seen { now, key: key_expect, intent: intent_expect, counted }).await
    }

    /// The attempts so far, if this payment method depends on them. Where there is neither an order nor a key to count by,
    /// an existing intent is, and a create is always the first.
    async fn counted(&self, request: &Request, intent: Option<&Intent>) -> Result<Option<(String, At<u32>)>> {
        let operation = request.action.operation();
        let (method, order_id) = match (&request.action, intent) {
            (Action::Create(new), _) => (new.method, new.order_id.as_deref()),
            (_, Some(intent)) => (intent.payment_method, intent.order_id.as_deref()),
            _ => return Ok(None),
        };
        let by_order = order_id.map(Scope::Order);
        let by_key = || request.key.as_ref().map(|key| Scope::Key(&key.given));
        let scope = by_order.or_else(by_key).or_else(|| intent.map(|intent| Scope::Intent(&intent.id)));
        let Some(scope) = scope.filter(|_| method.counts(operation)) else { return Ok(None) };
        let counter = book::counter(operation, method, &scope);
        let counted = self.book.attempts(&counter).await?;
        Ok(Some((counter, counted)))
    }

    fn decide(&self, action: &Action, intent: Option<Intent>, attempt: u32, now: Timestamp) -> Outcome {
        match (action, intent) {
            (Action::Create(new), _) => {
                let id = format!("pi_{}", new_id(now, &self.host.entropy).simple());
                model::create(new.clone(), id, now, attempt)
            }
            (Action::Capture(_), Some(intent)) => model::capture(intent, attempt),
            (Action::Cancel(_), Some(intent)) => model::cancel(intent, attempt),
            (Action::Capture(id) | Action::Cancel(id), None) => Outcome::Refused(Refusal::no_such_intent(id)),
        }
    }

    /// Makes an outcome durable, then says how to answer.
    async fn settle(&self, request: &Request, outcome: Outcome, seen: &Seen) -> Result<Answer> {
        let mut puts: Vec<Put> = Vec::with_capacity(3);
        if let (Some((counter, counted)), false) = (&seen.counted, matches!(outcome, Outcome::Refused(_))) {
            puts.push(book::put_attempts(counter, counted, seen.now)?);
        }
        match outcome {
            Outcome::Refused(refusal) => refused(&refusal),
            Outcome::Lost => self.commit(puts, seen).await.map(|()| Answer::Withheld),
            Outcome::Unavailable => {
                self.commit(puts, seen).await?;
                refused(&Refusal::unavailable())
            }
            Outcome::Begun(intent) => self.begin(request, intent, puts, seen).await,
            Outcome::Decided { intent, declined, withheld } => {
                let reply = if declined { declined_reply(&intent)? } else { approved_reply(&intent)? };
                puts.push(book::put_intent(&intent, seen.intent, None)?);
                if let Some(key) = &request.key {
                    let entry = book::key_entry(&key.fingerprint, Some(reply.clone()), seen.now);
                    puts.push(book::put_key(&key.name, seen.key, &entry)?);
                }
                self.commit(puts, seen).await?;
                if matches!(request.action, Action::Create(_)) {
                    self.book.keep(intent);
                }
                Ok(if withheld { Answer::Withheld } else { Answer::Given { reply, replayed: false } })
            }
        }
    }

    async fn begin(&self, request: &Request, intent: Intent, mut puts: Vec<Put>, seen: &Seen) -> Result<Answer> {
        let awaited_by = request.key.as_ref().map(|key| key.name.clone());
        let intent = Intent { awaited_by, ..intent };
        let due = seen.now.plus(SLOW);
        puts.push(book::put_intent(&intent, seen.intent, Some(due))?);
        if let Some(key) = &request.key {
            puts.push(book::put_key(&key.name, seen.key, &book::key_entry(&key.fingerprint, None, seen.now))?);
        }
        let committed = self.commit(puts, seen).await;
        // Where nobody can say whether it was begun, it must be ended if it was.
        if committed.as_ref().is_err_and(|error| error.possible_effect() == Effect::Possible) {
            self.finish_later(intent.id.clone(), due, None);
        }
        committed?;
        let (done, awaited) = oneshot::channel();
        self.finish_later(intent.id, due, Some(done));
        Ok(Answer::Awaited(awaited))
    }

    /// An outcome that changes nothing needs no commit.
    async fn commit(&self, puts: Vec<Put>, seen: &Seen) -> Result<()> {
        if puts.is_empty() { Ok(()) } else { self.book.commit(puts, seen.now).await }
    }
}

/// The answer to a request whose key is known.
fn repeated(key: &KeyUse, entry: KeyEntry) -> Result<Answer> {
    if entry.fingerprint != key.fingerprint {
        return refused(&Refusal::key_reused());
    }
    match entry.reply {
        Some(reply) => Ok(Answer::Given { reply, replayed: true }),
        None => refused(&Refusal::key_in_use()),
    }
}

fn refused(refusal: &Refusal) -> Result<Answer> {
    Ok(Answer::Given { reply: Reply::of(refusal.status, &refusal.body(None))?, replayed: false })
}

pub(super) fn approved_reply(intent: &Intent) -> Result<Reply> {
    Reply::of(200, &View::of(intent))
}

fn declined_reply(intent: &Intent) -> Result<Reply> {
    let refusal = Refusal::declined();
    Reply::of(refusal.status, &refusal.body(Some(intent)))
}
