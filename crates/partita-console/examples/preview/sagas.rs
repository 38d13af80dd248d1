//! A morning in a shop.

use crate::fake::Fake;
use partita_saga::{Class, SagaDetail, SagaRow, StepView, TimelineEntry};
use partita_time::Timestamp;
use std::time::Duration;

const STEPS: [(&str, &str); 7] = [
    ("reserve_stock", "compensatable"),
    ("hold_points", "compensatable"),
    ("authorize_payment", "compensatable"),
    ("capture_payment", "pivot"),
    ("commit_stock", "retriable"),
    ("award_points", "retriable"),
    ("create_shipment", "retriable"),
];

const STATE: &str = r#"{"order_id":"0193f2c4","customer_id":"ada","items":[{"sku":"tea-green","quantity":2,"unit_price":499}],"total":998,"intent":"pi_3kf92"}"#;

/// One saga while it is told: entries and steps grow with time.
struct Tale {
    detail: SagaDetail,
    now: Timestamp,
}

impl Tale {
    fn new(id: String, class: Class, started_at: Timestamp) -> Self {
        let step = |(name, kind): &(&str, &'static str)| StepView {
            name: (*name).into(),
            kind,
            state: "pending",
            attempts: 0,
            undo_attempts: 0,
            started_at: None,
            ended_at: None,
            note: None,
        };
        let row = SagaRow {
            id,
            name: "checkout".into(),
            version: 1,
            class,
            started_at,
            changed_at: started_at,
            reason: None,
            due: None,
        };
        let deadline = Some(started_at.plus(Duration::from_secs(60)));
        let steps = STEPS.iter().map(step).collect();
        let detail = SagaDetail { row, deadline, waiting_for: None, steps, timeline: vec![], state: STATE.into() };
        Self { detail, now: started_at }.say(0, "saga.started", None)
    }

    fn say(self, wait: u64, event: &'static str, text: Option<&str>) -> Self {
        self.tell(wait, None, event, text)
    }

    fn tell(mut self, wait: u64, at: Option<(usize, u32)>, event: &'static str, text: Option<&str>) -> Self {
        self.now = self.now.plus(Duration::from_millis(wait));
        let (step, attempt) = at.map(|(step, attempt)| (STEPS[step].0.to_owned(), attempt)).unzip();
        self.detail.timeline.push(TimelineEntry { at: self.now, step, event, attempt, detail: text.map(Into::into) });
        self.detail.row.changed_at = self.now;
        self
    }

    fn started(mut self, wait: u64, at: usize) -> Self {
        let attempts = self.detail.steps[at].attempts + 1;
        self = self.tell(wait, Some((at, attempts)), "step.started", None);
        let step = &mut self.detail.steps[at];
        (step.attempts, step.state) = (attempts, "running");
        step.started_at.get_or_insert(self.now);
        self
    }

    fn ended(mut self, wait: u64, at: usize, state: &'static str, text: Option<&str>) -> Self {
        let event = match state {
            "done" => "step.done",
            "rejected" => "step.rejected",
            "undone" => "step.undone",
            "parked" => "undo.failed",
            _ => "step.unknown",
        };
        let undo = u32::from(event == "step.undone" || event == "undo.failed");
        let step = &mut self.detail.steps[at];
        step.undo_attempts += undo;
        step.attempts += undo;
        let attempt = if undo == 1 { step.undo_attempts } else { step.attempts };
        self = self.tell(wait, Some((at, attempt)), event, text);
        let step = &mut self.detail.steps[at];
        (step.state, step.ended_at, step.note) = (state, Some(self.now), text.map(Into::into));
        self
    }

    fn done(self, at: usize, took: u64) -> Self {
        self.started(2, at).ended(took, at, "done", None)
    }

    fn end(self, reason: Option<&str>) -> SagaDetail {
        let mut tale = self.say(2, "saga.ended", reason);
        tale.detail.row.reason = reason.map(Into::into);
        tale.detail
    }
}

fn completed(id: String, at: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Completed, at);
    (0..7).fold(tale, |tale, step| tale.done(step, 9 + 13 * (step as u64 % 4))).end(None)
}

fn recovered(id: String, at: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Completed, at).done(0, 12).done(1, 9).started(2, 2);
    let tale = tale.say(2_800, "saga.recovered", Some("taken up again by a new process"));
    let tale = tale.tell(1, Some((2, 1)), "step.unknown", Some("no answer was recorded; asking the provider"));
    (3..7).fold(tale.started(40, 2).ended(1_900, 2, "done", None), |tale, step| tale.done(step, 30)).end(None)
}

fn declined(id: String, at: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Compensated, at).done(0, 12).done(1, 10).done(2, 38);
    let tale = tale.started(2, 3).ended(41, 3, "rejected", Some("402 card_declined"));
    let tale = tale.say(2, "unwind.started", Some("payment_declined"));
    tale.ended(31, 2, "undone", None)
        .ended(12, 1, "undone", None)
        .ended(14, 0, "undone", None)
        .end(Some("payment_declined"))
}

fn parked(id: String, at: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Parked, at).done(0, 12).done(1, 10).done(2, 38);
    let tale = tale.started(2, 3).ended(41, 3, "rejected", Some("402 card_declined"));
    let mut tale = tale.say(2, "unwind.started", Some("payment_declined"));
    for wait in [40, 130, 260, 390, 900, 1_500, 2_300, 4_100] {
        tale = tale.ended(wait, 2, "parked", Some("503 Service Unavailable"));
    }
    tale = tale.ended(12, 1, "undone", None).ended(14, 0, "undone", None);
    tale = tale.say(2, "saga.parked", Some("undo failed 8 times"));
    tale.detail.row.reason = Some("payment_declined: undo of authorize_payment failed 8 times".into());
    tale.detail.waiting_for =
        Some("It waits for an operator: authorize_payment could not be undone. All other steps are undone.".into());
    tale.detail
}

fn waiting(id: String, at: Timestamp, now: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Waiting, at).done(0, 12).done(1, 10).started(2, 2);
    let mut tale = tale.ended(2_000, 2, "in doubt", Some("no answer within 2 s"));
    tale.detail.steps[2].state = "waiting";
    tale.detail.row.due = Some(now.plus(Duration::from_secs(24)));
    tale.detail.waiting_for =
        Some("It waits for the next attempt of authorize_payment; the last one had no answer within 2 s.".into());
    tale.detail
}

fn unwinding(id: String, at: Timestamp) -> SagaDetail {
    let tale = Tale::new(id, Class::Unwinding, at).done(0, 12).done(1, 10);
    let mut tale = tale.say(300, "cancel.requested", None).say(1, "unwind.started", None);
    tale.detail.steps[1].state = "undoing";
    tale.detail.row.reason = Some("cancelled_by_customer".into());
    tale.detail
}

/// One that comes in while somebody looks, and ends two seconds later.
pub fn live(number: u64, now: Timestamp) -> SagaDetail {
    let id = format!("0193f2c9-77aa-7c31-9d52-{:012x}", number / 2);
    match number % 2 {
        0 => Tale::new(id, Class::Running, now).done(0, 12).started(2, 1).detail,
        _ => completed(id, Timestamp::from_millis(now.as_millis() - 2_000)),
    }
}

pub fn fill(fake: &Fake, now: Timestamp) {
    let ago = |seconds: u64| Timestamp::from_millis(now.as_millis() - i64::try_from(seconds).unwrap() * 1_000);
    let id =
        |number: u64| format!("0193f2c4-{:04x}-7a1e-b0c4-9f3e51d2{:04x}", 0x1a00 + number * 37, number * 911 % 65_536);
    for number in 8..130 {
        let at = ago(20 + number * number * 5);
        fake.put(if number % 9 == 0 { declined(id(number), at) } else { completed(id(number), at) });
    }
    fake.put(Tale::new(id(1), Class::Running, ago(1)).done(0, 12).done(1, 9).started(3, 2).detail);
    fake.put(waiting(id(2), ago(6), now));
    fake.put(unwinding(id(3), ago(2)));
    fake.put(parked(id(4), ago(1_260)));
    fake.put(parked(id(5), ago(200_000)));
    fake.put(recovered(id(6), ago(95)));
    let mut hostile = declined("<script>alert(1)</script>".into(), ago(400));
    hostile.row.reason = Some("\"><img src=x onerror=alert(1)>".into());
    fake.put(hostile);
}
