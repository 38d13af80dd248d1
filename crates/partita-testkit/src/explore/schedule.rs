//! Where a process is struck, and by what.

use std::fmt;

/// What passes a seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A commit of a store.
    Commit,
    /// A call of another service.
    Call,
}

/// Something that passed the seam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it was.
    pub kind: Kind,
    /// Its number among those of its kind, from 1.
    pub nth: usize,
    /// What it was about: `POST payments /authorize`.
    pub name: String,
}

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process ends before it: it has no effect.
    Before,
    /// The process ends behind it: it took effect, and nobody learns it. A call ends with its answer, or when its caller
    /// gives it up.
    After,
    /// It has no effect, and its caller gets an error that leaves that open.
    NotApplied,
    /// It takes effect, and its caller gets an error that leaves that open.
    Applied,
    /// It is handed in twice at once; a call also arrives a third time, when it is long over.
    Duplicate,
    /// A request arrives after its caller has given up, the answer never. A store stands still for longer than callers wait,
    /// then applies what was handed in meanwhile.
    Late,
}

/// One fault at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strike {
    /// The operation's number in its process, commits and calls together, from 1.
    pub at: usize,
    /// What happens to it.
    pub fault: Fault,
}

/// What happens in one run: the first strike hits the first process, the next one the process after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule(pub Vec<Strike>);

impl Fault {
    /// All faults.
    pub const ALL: [Self; 6] =
        [Self::Before, Self::After, Self::NotApplied, Self::Applied, Self::Duplicate, Self::Late];

    /// Whether the process ends by it.
    pub const fn is_crash(self) -> bool {
        matches!(self, Self::Before | Self::After)
    }

    /// Its name in tables and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "crash before",
            Self::After => "crash after",
            Self::NotApplied => "error, not applied",
            Self::Applied => "error, but applied",
            Self::Duplicate => "duplicate",
            Self::Late => "delay",
        }
    }
}

impl Schedule {
    /// Nothing goes wrong.
    pub const fn calm() -> Self {
        Self(vec![])
    }

    /// One fault in the first process.
    pub fn one(at: usize, fault: Fault) -> Self {
        Self(vec![Strike { at, fault }])
    }

    /// Another one in the process that follows.
    #[must_use]
    pub fn then(mut self, at: usize, fault: Fault) -> Self {
        self.0.push(Strike { at, fault });
        self
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "commit",
            Self::Call => "call",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.nth, self.name)
    }
}

/// As it stands in front of an operation.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "crash before",
            Self::After => "crash after",
            Self::NotApplied => "error, not applied, at",
            Self::Applied => "error, but applied, at",
            Self::Duplicate => "duplicate of",
            Self::Late => "delay past the deadline of",
        })
    }
}
