//! The one error of the suite, which answers two questions apart: may it be tried again, and may it have had an effect?

use crate::Conflict;
use std::fmt;
use std::time::Duration;

/// A result with the suite's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the caller's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An expectation did not hold. *Handling*: look at [`Error::conflict`], decide anew.
    Conflict,
    /// A newer owner holds the shard. *Handling*: stop working on it; the new owner goes on.
    Fenced,
    /// The queue is full, nothing was applied. *Handling*: slow down, try again, or answer 503.
    Busy,
    /// The request itself is wrong. *Handling*: mend the caller; trying again cannot help.
    Invalid,
    /// Over a stated limit. *Handling*: send less at once.
    TooLarge,
    /// The disk is full or takes no writes. Nothing was applied, unless the error says that an effect is possible.
    /// *Handling*: make room; the store recovers by itself.
    StorageFull,
    /// A dependency did not answer, or answered that it cannot. *Handling*: try again later.
    Unavailable,
    /// The store was closed. *Handling*: none in this process; look at the outcome after the next start.
    Closed,
    /// Stored data cannot be read. *Handling*: restore the named file from a backup.
    Corrupt,
    /// The file was written by a newer version. *Handling*: run that version.
    NewerFormat,
    /// Another process holds it. *Handling*: stop that process, or choose another folder.
    InUse,
    /// A checkpoint belongs to another log, or lies ahead of this one. *Handling*: rebuild the reader.
    LogMismatch,
    /// No such thing. *Handling*: check the name.
    NotFound,
    /// The operating system refused. *Handling*: read the source.
    Io,
    /// The time ran out. *Handling*: find out what became of it, then try again.
    Timeout,
    /// Anything else; a defect if it is ours.
    Other,
}

/// May the same request succeed later?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// No: the request or the world must change first.
    Never,
    /// Yes.
    Later,
}

/// May the failed request have changed something?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Certainly not.
    None,
    /// Perhaps: treat it as in doubt.
    Possible,
}

/// What failed, whether trying again can help, and whether it may have taken effect.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    again: Again,
    effect: Effect,
    message: String,
    context: Vec<(&'static str, String)>,
    conflict: Option<Conflict>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of a kind. Whether it can be tried again follows from the kind; an effect is `Possible` until said otherwise.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let again = match kind {
            ErrorKind::Busy
            | ErrorKind::StorageFull
            | ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Io
            | ErrorKind::Closed
            | ErrorKind::Other => Again::Later,
            _ => Again::Never,
        };
        let effect = match kind {
            ErrorKind::Busy
            | ErrorKind::Conflict
            | ErrorKind::Fenced
            | ErrorKind::Invalid
            | ErrorKind::TooLarge
            | ErrorKind::StorageFull => Effect::None,
            _ => Effect::Possible,
        };
        let message = message.into();
        Self(Box::new(Inner {
            kind,
            again,
            effect,
            message,
            context: vec![],
            conflict: None,
            source: None,
            retry_after: None,
        }))
    }

    /// A refused expectation, with what was found.
    pub fn conflict_at(conflict: Conflict) -> Self {
        let mut error = Self::new(ErrorKind::Conflict, format!("{conflict}"));
        error.0.conflict = Some(conflict);
        error
    }

    /// Sets whether trying again can help.
    #[must_use]
    pub fn again(mut self, again: Again) -> Self {
        self.0.again = again;
        self
    }

    /// Sets whether it may have taken effect.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Says that it was refused for now, and how long to wait before it is asked for again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds a name and a value to look at.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again can help.
    pub fn may_try_again(&self) -> Again {
        self.0.again
    }

    /// Whether it may have taken effect.
    pub fn possible_effect(&self) -> Effect {
        self.0.effect
    }

    /// How long to wait at least, where it was put off rather than failed: by one who said when to come again, by a full
    /// queue or a full disk.
    pub fn put_off(&self) -> Option<Duration> {
        let full = matches!(self.0.kind, ErrorKind::Busy | ErrorKind::StorageFull).then_some(Duration::ZERO);
        self.0.retry_after.or(full).filter(|_| self.0.again == Again::Later)
    }

    /// Of a conflict: which expectation failed, and what is there instead.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.0.conflict.as_ref()
    }

    /// A copy for another caller of the same failed batch; the source stays behind as text.
    #[must_use]
    pub fn share(&self) -> Self {
        let mut copy = Self::new(self.0.kind, self.to_string()).again(self.0.again).effect(self.0.effect);
        copy.0.conflict.clone_from(&self.0.conflict);
        copy.0.retry_after = self.0.retry_after;
        copy
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (name, value) in &self.0.context {
            write!(f, ", {name}: {value}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({:?}, effect {:?}): {self}", self.0.kind, self.0.again, self.0.effect)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

impl From<serde_json::Error> for Error {
    /// What cannot be decoded now cannot be decoded later; that says nothing about effects.
    fn from(error: serde_json::Error) -> Self {
        Self::new(ErrorKind::Corrupt, "not the JSON that was expected").because(error)
    }
}
