//! Defects for tests: a crash explorer that does not catch them explores nothing.

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A step in doubt is taken for not done when the saga unwinds.
    SkipUndoInDoubt,
    /// Each attempt is made with a key of its own, as if it were a new round.
    NewKeyPerAttempt,
    /// A call is sent before the record that opens it is durable.
    CallBeforeIntent,
    /// What `at_end` writes is committed after the saga's end.
    EndApart,
    /// A commit that ended in an error which leaves its effect open is taken for done.
    UnknownIsDone,
    /// An attempt that ended in an error of its transport is taken for one without effect.
    ErrorIsNotDone,
    /// As [`Self::SkipUndoInDoubt`], but only in a process behind two others.
    SkipUndoAfterTwoCrashes,
}
