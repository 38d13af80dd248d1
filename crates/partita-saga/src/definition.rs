//! The erased form of a definition, which the engine runs.

use crate::outcome::{AttemptFacts, Probe, Retriable, Stop};
pub(crate) use crate::state::StateText;
use partita_core::{Part, Result};
use partita_time::BoxFuture;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// JSON text of a state or an output.
pub(crate) type Json = Arc<str>;
pub(crate) type Bound<R> = Arc<dyn Fn(&StateText, Arc<AttemptFacts>) -> BoxFuture<'static, R> + Send + Sync>;
pub(crate) type Act = Bound<Result<Json, Stop>>;
pub(crate) type Undo = Bound<Retriable<()>>;
pub(crate) type Ask = Bound<Retriable<Probe<Json>>>;
pub(crate) type Join = Arc<dyn Fn(&StateText, &[Json]) -> Retriable<Json> + Send + Sync>;
pub(crate) type AtEnd = Arc<dyn Fn(&StateText, &End) -> Result<Part> + Send + Sync>;

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every step is done.
    Completed,
    /// Every step that was done or in doubt is undone.
    Compensated(Why),
}

/// Why a saga turned back.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A step was refused.
    Rejected {
        /// The step's name.
        step: String,
        /// The refusal as JSON, as given to [`crate::reject`].
        reason: serde_json::Value,
    },
    /// A step's `.within` ran out, or its attempts did.
    Exhausted {
        /// The step's name.
        step: String,
    },
    /// The saga's deadline passed before its pivot.
    Deadline,
    /// It was cancelled before its pivot.
    Cancelled,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { step, reason } => match reason.as_str() {
                Some(text) => write!(f, "{step} was refused: {text}"),
                None => write!(f, "{step} was refused: {reason}"),
            },
            Self::Exhausted { step } => write!(f, "{step} did not answer in time"),
            Self::Deadline => f.write_str("the deadline passed"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// Kind of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Compensatable,
    NothingToUndo,
    Pivot,
    Retriable,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Compensatable => "compensatable",
            Self::NothingToUndo => "nothing to undo",
            Self::Pivot => "pivot",
            Self::Retriable => "retriable",
        }
    }

    pub(crate) const fn before_pivot(self) -> bool {
        matches!(self, Self::Compensatable | Self::NothingToUndo)
    }
}

/// How a step in doubt is settled before it is undone.
#[derive(Clone)]
pub(crate) enum Settle {
    /// Its undo leaves a tombstone that refuses a late action.
    Tombstone,
    /// The same request with the same key until a definite answer, for as long as the participant knows the key.
    Insist(Duration),
    /// Ask; "not found" counts only once the window has passed since the last attempt.
    Probe(Ask, Duration),
}

/// One step or branch.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) act: Act,
    pub(crate) undo: Option<Undo>,
    pub(crate) settle: Settle,
    pub(crate) attempt: Duration,
    pub(crate) within: Option<Duration>,
    pub(crate) retry: Option<u32>,
    pub(crate) undo_retry: u32,
    pub(crate) undo_attempt: Option<Duration>,
}

impl Leaf {
    /// Time for one try of undoing.
    pub(crate) fn undo_limit(&self) -> Duration {
        self.undo_attempt.unwrap_or(self.attempt)
    }

    /// `{saga}/{step}/{round}`, the step's spaces as hyphens, so that the key fits into an HTTP header. The round is 0: only
    /// a new try after a definite refusal would raise it.
    pub(crate) fn key(&self, saga: &str) -> String {
        key_of(saga, self.name)
    }
}

/// The key of a step, see [`Leaf::key`].
pub(crate) fn key_of(saga: &str, step: &str) -> String {
    let mut key = String::with_capacity(saga.len() + step.len() + 3);
    key.push_str(saga);
    key.push('/');
    key.extend(step.chars().map(|c| if c == ' ' { '-' } else { c }));
    key.push_str("/0");
    key
}

/// One place in the order: a step, or a group of branches that run together.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) join: Option<Join>,
}

impl Node {
    pub(crate) fn leaves(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }
}

/// A definition, bound to its environment.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) deadline: Option<Duration>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) at_end: Option<AtEnd>,
    pub(crate) fingerprint: Arc<str>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{} ({})", self.name, self.version, self.fingerprint)
    }
}

impl Definition {
    /// The node that a leaf stands in.
    pub(crate) fn node_of(&self, leaf: usize) -> usize {
        self.nodes.iter().position(|node| node.leaves().contains(&leaf)).unwrap_or(0)
    }
}

/// Names, kinds, order and undo kinds: what an instance depends on. Never times or policies.
pub(crate) fn fingerprint(name: &str, schema: u32, leaves: &[Leaf], nodes: &[Node]) -> Arc<str> {
    let mut hash = Sha256::new();
    hash.update(format!("{name}\n{schema}\n"));
    for node in nodes {
        hash.update(format!("node {}\n", node.count));
        for leaf in leaves.get(node.leaves()).unwrap_or_default() {
            let settle = match leaf.settle {
                Settle::Tombstone => "tombstone",
                Settle::Insist(_) => "insist",
                Settle::Probe(..) => "probe",
            };
            hash.update(format!("{}\n{}\n{settle}\n", leaf.name, leaf.kind.word()));
        }
    }
    let digest = hash.finalize();
    let hex = digest.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    hex.into()
}
