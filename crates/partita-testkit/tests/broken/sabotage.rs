//! The promises that a store may break.

/// Which promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// None.
    Nothing,
    /// Reads lag behind receipts.
    AnswersBeforeItApplies,
    /// Of two commits submitted in a row, the second applies first.
    SwapsCommits,
    /// `Absent` is taken for `Any`.
    DropsAbsentChecks,
    /// A refused commit's first items apply.
    LeaksHalfARefusedCommit,
    /// There is no position 4.
    SkipsAPosition,
    /// A refused commit's counters move.
    KeepsCountersOfRefusedCommits,
    /// No epoch is too old.
    IgnoresFences,
    /// Looks for growth every few milliseconds.
    PollsForGrowth,
    /// What was not applied at the close is lost.
    ForgetsTheQueueWhenClosed,
    /// A page begins behind the value, not behind the record.
    SkipsEqualValuesBetweenPages,
    /// JSON goes through a parser.
    RewritesData,
    /// Every checkpoint is as good as another.
    TakesAnyCheckpoint,
    /// Each opening is another log.
    ChangesItsIdentity,
    /// A conflict says that nothing was there.
    HidesWhatConflicted,
    /// Adapts the expected version after a conflict.
    TriesAgainByItself,
    /// `most` is taken for "all".
    PrunesTooMuch,
}

impl Sabotage {
    /// All that break something.
    pub(crate) const ALL: [Self; 16] = [
        Self::AnswersBeforeItApplies,
        Self::SwapsCommits,
        Self::DropsAbsentChecks,
        Self::LeaksHalfARefusedCommit,
        Self::SkipsAPosition,
        Self::KeepsCountersOfRefusedCommits,
        Self::IgnoresFences,
        Self::PollsForGrowth,
        Self::ForgetsTheQueueWhenClosed,
        Self::SkipsEqualValuesBetweenPages,
        Self::RewritesData,
        Self::TakesAnyCheckpoint,
        Self::ChangesItsIdentity,
        Self::HidesWhatConflicted,
        Self::TriesAgainByItself,
        Self::PrunesTooMuch,
    ];
}
