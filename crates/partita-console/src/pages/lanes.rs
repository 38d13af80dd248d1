//! What happened to each step, as bars over time. Pure: worked out from the timeline alone.

use partita_saga::{SagaDetail, StepView, TimelineEntry};
use partita_time::Timestamp;

/// How a bar ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Rejected,
    InDoubt,
    Retried,
    Open,
    Undone,
    UndoFailed,
    UndoOpen,
}

impl End {
    pub(super) const ALL: [Self; 8] = [
        Self::Done,
        Self::Rejected,
        Self::InDoubt,
        Self::Retried,
        Self::Open,
        Self::Undone,
        Self::UndoFailed,
        Self::UndoOpen,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::InDoubt => "in doubt",
            Self::Retried => "failed, tried again",
            Self::Open => "running",
            Self::Undone => "undone",
            Self::UndoFailed => "undo failed",
            Self::UndoOpen => "undoing",
        }
    }

    /// Whether the bar is about undoing.
    pub(super) const fn is_undo(self) -> bool {
        matches!(self, Self::Undone | Self::UndoFailed | Self::UndoOpen)
    }
}

/// One attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) attempt: u32,
    pub(super) end: End,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) step: String,
    pub(super) bars: Vec<Bar>,
}

/// All steps over the time that they took.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) lanes: Vec<Lane>,
    pub(super) recovered: Vec<Timestamp>,
}

impl Lanes {
    /// Ends with the last thing that happened, or now if an attempt runs.
    pub(super) fn of(detail: &SagaDetail, now: Timestamp) -> Self {
        let last = detail.timeline.last().map_or(detail.row.started_at, |entry| entry.at);
        let lanes: Vec<Lane> = detail.steps.iter().map(|step| lane(step, &detail.timeline, last, now)).collect();
        let to = lanes.iter().flat_map(|lane| &lane.bars).map(|bar| bar.to).fold(last, Timestamp::max);
        let recovered = detail.timeline.iter().filter(|entry| entry.event == "saga.recovered").map(|entry| entry.at);
        Self { from: detail.row.started_at, to, lanes, recovered: recovered.collect() }
    }
}

fn lane(step: &StepView, timeline: &[TimelineEntry], last: Timestamp, now: Timestamp) -> Lane {
    let mut course = Course::default();
    let before = timeline.first().into_iter().chain(timeline);
    for (before, entry) in before.zip(timeline).filter(|(_, entry)| entry.step.as_ref() == Some(&step.name)) {
        course.apply(entry, before.at);
    }
    match step.state {
        "running" => course.end(End::Open, now),
        "undoing" => course.bars.push(Bar {
            from: last,
            to: now.max(last),
            attempt: step.undo_attempts.max(1),
            end: End::UndoOpen,
        }),
        _ => course.stop(last),
    }
    Lane { step: step.name.clone(), bars: course.bars }
}

/// The bars of one step while its entries are read.
#[derive(Debug, Default)]
struct Course {
    bars: Vec<Bar>,
    /// The open bar stands for an attempt that was announced and may not have begun.
    announced: bool,
}

impl Course {
    /// `before` is when the saga's entry before this one was written: undoing goes step by step, so an undo began then.
    fn apply(&mut self, entry: &TimelineEntry, before: Timestamp) {
        match entry.event {
            "step.started" => self.begin(entry),
            "step.retried" if self.is_open() => self.end(End::Retried, entry.at),
            "step.retried" => {
                self.begin(entry);
                self.announced = true;
            }
            "step.done" => self.end(End::Done, entry.at),
            "step.rejected" => self.end(End::Rejected, entry.at),
            "step.unknown" => self.end(End::InDoubt, entry.at),
            "step.undone" => self.undo(End::Undone, entry, before),
            "undo.failed" => self.undo(End::UndoFailed, entry, before),
            _ => {}
        }
    }

    fn is_open(&self) -> bool {
        self.bars.last().is_some_and(|bar| bar.end == End::Open)
    }

    fn begin(&mut self, entry: &TimelineEntry) {
        self.stop(entry.at);
        let bar = Bar { from: entry.at, to: entry.at, attempt: self.attempt(entry, false), end: End::Open };
        self.bars.push(bar);
    }

    fn undo(&mut self, end: End, entry: &TimelineEntry, from: Timestamp) {
        self.stop(entry.at);
        let bar = Bar { from, to: entry.at, attempt: self.attempt(entry, true), end };
        self.bars.push(bar);
    }

    fn attempt(&self, entry: &TimelineEntry, undo: bool) -> u32 {
        let before = self.bars.iter().filter(|bar| bar.end.is_undo() == undo).count();
        entry.attempt.unwrap_or(u32::try_from(before + 1).unwrap_or(u32::MAX))
    }

    /// Ends the attempt that runs, if one does.
    fn end(&mut self, end: End, at: Timestamp) {
        if let Some(bar) = self.bars.last_mut().filter(|bar| bar.end == End::Open) {
            (bar.end, bar.to) = (end, at.max(bar.from));
        }
        self.announced = false;
    }

    /// An attempt of which no end is known is in doubt; one that was only announced never was.
    fn stop(&mut self, at: Timestamp) {
        if self.announced {
            self.bars.pop();
        }
        self.end(End::InDoubt, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn bars(state: &'static str, events: &[(i64, &'static str, u32)]) -> Vec<(i64, i64, u32, End)> {
        let entry = |&(millis, event, attempt): &(i64, &'static str, u32)| TimelineEntry {
            at: at(millis),
            step: ["step.", "undo."].iter().any(|of| event.starts_with(of)).then(|| "pay".to_owned()),
            event,
            attempt: Some(attempt),
            detail: None,
        };
        let timeline: Vec<TimelineEntry> = events.iter().map(entry).collect();
        let step = StepView {
            name: "pay".into(),
            kind: "pivot",
            state,
            attempts: 1,
            undo_attempts: 0,
            started_at: None,
            ended_at: None,
            note: None,
        };
        let lane = lane(&step, &timeline, timeline.last().map_or(at(0), |entry| entry.at), at(1_000));
        lane.bars.iter().map(|bar| (bar.from.as_millis(), bar.to.as_millis(), bar.attempt, bar.end)).collect()
    }

    #[test]
    fn an_attempt_lasts_from_its_start_to_its_end() {
        let bars = bars(
            "done",
            &[(10, "step.started", 1), (30, "step.unknown", 1), (50, "step.started", 2), (80, "step.done", 2)],
        );
        assert_eq!(bars, [(10, 30, 1, End::InDoubt), (50, 80, 2, End::Done)]);
    }

    #[test]
    fn a_retry_ends_the_attempt_that_runs_or_announces_the_next() {
        let ends = bars("running", &[(10, "step.started", 1), (30, "step.retried", 1), (50, "step.started", 2)]);
        assert_eq!(ends, [(10, 30, 1, End::Retried), (50, 1_000, 2, End::Open)]);
        let next = bars(
            "done",
            &[(10, "step.started", 1), (30, "step.unknown", 1), (40, "step.retried", 2), (80, "step.done", 2)],
        );
        assert_eq!(next, [(10, 30, 1, End::InDoubt), (40, 80, 2, End::Done)]);
        let both = bars("waiting", &[(10, "step.started", 1), (30, "step.unknown", 1), (40, "step.retried", 2)]);
        assert_eq!(both, [(10, 30, 1, End::InDoubt)]);
    }

    #[test]
    fn an_attempt_cut_off_by_a_restart_is_in_doubt() {
        let bars = bars(
            "done",
            &[(10, "step.started", 1), (90, "saga.recovered", 1), (95, "step.started", 2), (99, "step.done", 2)],
        );
        assert_eq!(bars, [(10, 95, 1, End::InDoubt), (95, 99, 2, End::Done)]);
    }

    #[test]
    fn an_undo_begins_with_the_entry_before_it() {
        let events = [
            (10, "step.started", 1),
            (20, "step.done", 1),
            (40, "unwind.started", 1),
            (60, "undo.failed", 1),
            (70, "step.undone", 2),
        ];
        assert_eq!(bars("undone", &events)[1..], [(40, 60, 1, End::UndoFailed), (60, 70, 2, End::Undone)]);
        assert_eq!(bars("undoing", &events[..3])[1..], [(40, 1_000, 1, End::UndoOpen)]);
    }
}
