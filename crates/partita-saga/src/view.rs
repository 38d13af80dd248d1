//! What a saga looks like from outside: for consoles and status pages.

use partita_core::Read;
use partita_time::Timestamp;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Where a saga stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An attempt runs, or the saga waits for its turn.
    Running,
    /// It waits for the time of its next attempt.
    Waiting,
    /// It undoes what was done.
    Unwinding,
    /// It needs an operator.
    Parked,
    /// Ended: every step was done.
    Completed,
    /// Ended: every step was undone.
    Compensated,
}

impl Class {
    /// All classes, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Waiting, Self::Unwinding, Self::Parked, Self::Completed, Self::Compensated];

    /// The word shown and stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Unwinding => "unwinding",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        }
    }

    /// The class of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.word() == word)
    }

    /// Whether it never changes again.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated)
    }
}

/// One line of a list.
#[derive(Clone, Debug)]
pub struct SagaRow {
    /// Public id.
    pub id: String,
    /// Name of its definition.
    pub name: String,
    /// Version of its definition.
    pub version: u32,
    /// Where it stands.
    pub class: Class,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed class.
    pub changed_at: Timestamp,
    /// Why it unwinds or was compensated, or why it is parked.
    pub reason: Option<String>,
    /// When it goes on, for one that waits.
    pub due: Option<Timestamp>,
}

/// One step as it stands now.
#[derive(Clone, Debug)]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// `compensatable`, `nothing to undo`, `pivot` or `retriable`.
    pub kind: &'static str,
    /// `pending, running, waiting, done, rejected, in doubt, undoing, undone, parked, skipped`.
    pub state: &'static str,
    /// Attempts of doing, with one that is yet to come at its time.
    pub attempts: u32,
    /// Attempts of undoing, likewise.
    pub undo_attempts: u32,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it was done, refused or undone.
    pub ended_at: Option<Timestamp>,
    /// What it waits for, or its last failure.
    pub note: Option<String>,
}

/// One entry of the timeline.
#[derive(Clone, Debug)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Which step; `None` for the saga as a whole.
    pub step: Option<String>,
    /// `saga.started, step.started, step.done, step.rejected, step.unknown, step.retried, cancel.requested,
    /// unwind.started, step.undone, undo.failed, saga.parked, saga.recovered, saga.ended`.
    pub event: &'static str,
    /// Which attempt of the step, from 1.
    pub attempt: Option<u32>,
    /// More, in words.
    pub detail: Option<String>,
}

/// One saga, whole.
#[derive(Clone, Debug)]
pub struct SagaDetail {
    /// Its line.
    pub row: SagaRow,
    /// Until when its pivot must have begun.
    pub deadline: Option<Timestamp>,
    /// Why it waits, in a sentence.
    pub waiting_for: Option<String>,
    /// Its steps in the order of the definition.
    pub steps: Vec<StepView>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// The last committed state, as JSON.
    pub state: String,
}

/// Looks at sagas, whatever their type.
pub trait Sagas: Send + Sync + std::fmt::Debug + 'static {
    /// How many there are of each class; classes without a saga count 0.
    fn counts(&self) -> Read<'_, Vec<(Class, u64)>>;
    /// A page, newest start first, behind (start, id).
    fn page(&self, class: Option<Class>, after: Option<(Timestamp, String)>, limit: usize) -> Read<'_, Vec<SagaRow>>;
    /// One saga, or `None`.
    fn detail<'a>(&'a self, id: &'a str) -> Read<'a, Option<SagaDetail>>;
    /// Ids of sagas that changed, from now on; a receiver that lags re-reads.
    fn changes(&self) -> broadcast::Receiver<Arc<str>>;
}
