//! What a run came to: as one JSON object, and as a table.

use super::mix::Kind;
use super::order::{End, Outcome};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest time that a latency can be told from; longer ones count as this.
const LONGEST_US: u64 = 3_600_000_000;

/// Latencies of a run, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50: f64,
    /// 95 of 100 were faster.
    pub p95: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DriveReport {
    /// Orders that were accepted.
    pub placed: u64,
    /// Of these, paid and shipped.
    pub confirmed: u64,
    /// Undone, because something refused.
    pub rejected: u64,
    /// Undone for the customer.
    pub cancelled: u64,
    /// Waiting for an operator.
    pub parked: u64,
    /// Without an end for 120 s.
    pub unended: u64,
    /// Not there any more, or with another end than before.
    pub lost: u64,
    /// With an end that their kind must not have.
    pub wrong_end: u64,
    /// Of the rejected ones, those that ran out of time; there with `--late-ends` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
    /// Orders that came to rest, by the second.
    pub orders_per_s: f64,
    /// From the first request to the 202.
    pub accept_ms: Latency,
    /// From the 202 to the end.
    pub end_ms: Latency,
}

impl DriveReport {
    /// What is wrong with it, in words.
    pub(super) fn faults(&self) -> String {
        let Self { lost, wrong_end, unended, parked, .. } = self;
        let counts = [(lost, "lost"), (wrong_end, "with a wrong end"), (unended, "without an end"), (parked, "parked")];
        let named = counts.iter().filter(|(count, _)| **count > 0).map(|(count, what)| format!("{count} {what}"));
        format!("not every order ended as its kind must: {}", named.collect::<Vec<String>>().join(", "))
    }
}

impl fmt::Display for DriveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("placed", self.placed),
            ("confirmed", self.confirmed),
            ("rejected", self.rejected),
            ("cancelled", self.cancelled),
            ("parked", self.parked),
            ("unended", self.unended),
            ("lost", self.lost),
            ("wrong end", self.wrong_end),
        ];
        for (name, count) in counts {
            writeln!(f, "{name:<10} {count:>10}")?;
        }
        if let Some(late) = self.late {
            writeln!(f, "{:<10} {late:>10}", "late")?;
        }
        writeln!(f, "{:<10} {:>10.1}", "orders/s", self.orders_per_s)?;
        writeln!(f)?;
        writeln!(f, "{:<10} {:>10} {:>10} {:>10} {:>10}", "ms", "p50", "p95", "p99", "max")?;
        row(f, "accepted", &self.accept_ms)?;
        writeln!(f)?;
        row(f, "ended", &self.end_ms)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, latency: &Latency) -> fmt::Result {
    let Latency { p50, p95, p99, max } = latency;
    write!(f, "{name:<10} {p50:>10.2} {p95:>10.2} {p99:>10.2} {max:>10.2}")
}

/// How long orders took to be accepted, whatever became of them.
#[derive(Debug)]
pub(super) struct Accepts(Mutex<Histogram<u64>>);

impl Accepts {
    /// None. `None` when the histogram cannot be made, which its fixed bounds exclude.
    pub(super) fn new() -> Option<Self> {
        histogram().map(|times| Self(Mutex::new(times)))
    }

    fn times(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub(super) fn add(&self, took: Duration) {
        self.times().saturating_record(micros(took));
    }

    /// How many.
    pub(super) fn placed(&self) -> u64 {
        self.times().len()
    }
}

/// Counts orders as they end.
#[derive(Debug)]
pub(super) struct Tally {
    report: DriveReport,
    outcomes: u64,
    parked_unasked: u64,
    end: Histogram<u64>,
}

fn histogram() -> Option<Histogram<u64>> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).ok()
}

impl Tally {
    /// Nothing counted. `None` when the histograms cannot be made, which their fixed bounds exclude.
    pub(super) fn new(late_ends: bool) -> Option<Self> {
        let report = DriveReport { late: late_ends.then_some(0), ..DriveReport::default() };
        Some(Self { report, outcomes: 0, parked_unasked: 0, end: histogram()? })
    }

    /// One order came to its end, or to none.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let report = &mut self.report;
        report.wrong_end += u64::from(outcome.is_wrong(report.late.is_some()));
        if let (Some(late), End::Late) = (&mut report.late, outcome.end) {
            *late += 1;
        }
        self.outcomes += 1;
        let place = match outcome.end {
            End::Confirmed => &mut report.confirmed,
            End::OutOfStock | End::PaymentDeclined | End::Late | End::Rejected => &mut report.rejected,
            End::Cancelled => &mut report.cancelled,
            End::Parked => &mut report.parked,
            End::Unended => &mut report.unended,
            End::Missing => return,
        };
        *place += 1;
        self.parked_unasked += u64::from(outcome.end == End::Parked && outcome.kind != Kind::UndoFails);
        if outcome.end != End::Unended {
            self.end.saturating_record(micros(outcome.end_took));
        }
    }

    /// An order was gone, or ended otherwise, when it was read again.
    pub(super) fn lost(&mut self) {
        self.report.lost += 1;
    }

    /// Orders that came to rest.
    pub(super) fn ended(&self) -> u64 {
        let report = &self.report;
        report.confirmed + report.rejected + report.cancelled + report.parked
    }

    /// Orders of which nothing more is expected.
    pub(super) fn done(&self) -> u64 {
        self.ended() + self.report.unended
    }

    /// Orders that came to rest, by the second.
    pub(super) fn rate(&self, took: Duration) -> f64 {
        let seconds = took.as_secs_f64();
        if seconds > 0.0 { approximate(self.ended()) / seconds } else { 0.0 }
    }

    /// The report of a run that took so long; all accepted orders without an outcome are without an end.
    pub(super) fn report(&self, accepts: &Accepts, took: Duration) -> DriveReport {
        let placed = accepts.placed();
        let missing = placed.saturating_sub(self.outcomes);
        DriveReport {
            placed,
            unended: self.report.unended + missing,
            orders_per_s: rounded(self.rate(took), 10.0),
            accept_ms: latency(&accepts.times()),
            end_ms: latency(&self.end),
            ..self.report
        }
    }

    /// Whether no order was parked but those that were made to.
    pub(super) fn parked_as_asked(&self) -> bool {
        self.parked_unasked == 0
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let ms = |us: u64| rounded(approximate(us) / 1_000.0, 100.0);
    let at = |quantile| ms(histogram.value_at_quantile(quantile));
    Latency { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: ms(histogram.max()) }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

fn approximate(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(kind: Kind, end: End, ms: u64) -> Outcome {
        Outcome { order_id: "o".into(), kind, cancel_promised: None, end, end_took: Duration::from_millis(ms) }
    }

    fn accepts(count: u64) -> Accepts {
        let accepts = Accepts::new().unwrap();
        (0..count).for_each(|_| accepts.add(Duration::from_millis(4)));
        accepts
    }

    fn tally(outcomes: &[Outcome]) -> Tally {
        let mut tally = Tally::new(false).unwrap();
        outcomes.iter().for_each(|outcome| tally.add(outcome));
        tally
    }

    #[test]
    fn the_json_has_the_promised_members_in_their_order() {
        let json = serde_json::to_string(&DriveReport::default()).unwrap();
        let latency = r#"{"p50":0.0,"p95":0.0,"p99":0.0,"max":0.0}"#;
        let counts =
            r#""placed":0,"confirmed":0,"rejected":0,"cancelled":0,"parked":0,"unended":0,"lost":0,"wrong_end":0"#;
        assert_eq!(json, format!(r#"{{{counts},"orders_per_s":0.0,"accept_ms":{latency},"end_ms":{latency}}}"#));
    }

    #[test]
    fn each_order_is_counted_once_and_a_wrong_end_beside() {
        let mut tally = tally(&[
            outcome(Kind::Ok, End::Confirmed, 10),
            outcome(Kind::Ok, End::PaymentDeclined, 20),
            outcome(Kind::UndoFails, End::Parked, 30),
            outcome(Kind::Ok, End::Unended, 0),
            outcome(Kind::Ok, End::Missing, 0),
        ]);
        tally.lost();
        let report = tally.report(&accepts(6), Duration::from_secs(2));
        assert_eq!((report.confirmed, report.rejected, report.parked, report.wrong_end), (1, 1, 1, 1));
        assert_eq!((report.unended, report.lost), (2, 1), "one without an outcome, one without an end");
        assert!((report.orders_per_s - 1.5).abs() < 1e-9);
        assert!((report.end_ms.max - 30.0).abs() < 0.1);
        assert!(tally.parked_as_asked());
    }

    #[test]
    fn orders_that_were_accepted_and_never_ended_have_accept_times() {
        let report = tally(&[]).report(&accepts(3), Duration::from_secs(1));
        assert_eq!((report.placed, report.unended), (3, 3));
        assert!((report.accept_ms.p50 - 4.0).abs() < 0.1 && (report.accept_ms.max - 4.0).abs() < 0.1, "{report:?}");
    }

    #[test]
    fn faults_are_named_with_their_numbers_and_the_rest_is_not() {
        let report = DriveReport { lost: 3, wrong_end: 1, ..DriveReport::default() };
        assert_eq!(report.faults(), "not every order ended as its kind must: 3 lost, 1 with a wrong end");
    }

    #[test]
    fn an_order_that_was_parked_unasked_is_noticed() {
        assert!(!tally(&[outcome(Kind::Ok, End::Parked, 1)]).parked_as_asked());
    }
}
