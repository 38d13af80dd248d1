//! What the provider's intents of one order mean, and what to do about them: pure.

use serde::{Deserialize, Serialize};

/// An intent as the provider lists it; members that are not named here are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// The provider's id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
}

/// The provider's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Declined.
    RequiresPaymentMethod,
    /// The provider works on it.
    Processing,
    /// The money is held.
    RequiresCapture,
    /// Captured.
    Succeeded,
    /// Given up.
    Canceled,
}

/// Where an order's payment stands, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The provider knows of no payment.
    None,
    /// It works on one: no answer yet.
    Processing,
    /// The money is held.
    Authorized,
    /// The money was taken.
    Captured,
    /// The card was declined.
    Declined,
    /// The hold was given up.
    Canceled,
}

impl Intent {
    /// Whether it holds the money, or has taken it.
    pub(super) const fn holds_money(&self) -> bool {
        matches!(self.status, Status::RequiresCapture | Status::Succeeded)
    }

    const fn state(&self) -> State {
        match self.status {
            Status::RequiresPaymentMethod => State::Declined,
            Status::Processing => State::Processing,
            Status::RequiresCapture => State::Authorized,
            Status::Succeeded => State::Captured,
            Status::Canceled => State::Canceled,
        }
    }
}

/// The state that decides, and the intent that has it: money taken or held counts before what is still open, and that before
/// what is over. Of several intents in one state the newest is named.
pub(super) fn summary(intents: &[Intent]) -> (State, Option<&Intent>) {
    const ORDER: [State; 5] = [State::Captured, State::Processing, State::Authorized, State::Declined, State::Canceled];
    let newest = |state: State| intents.iter().rev().find(|intent| intent.state() == state);
    let decisive = ORDER.into_iter().find_map(|state| Some((state, newest(state)?)));
    decisive.map_or((State::None, None), |(state, intent)| (state, Some(intent)))
}

/// What a capture has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CapturePlan {
    /// Nothing: this intent was captured.
    Done(String),
    /// Capture this intent.
    Capture(String),
    /// Nothing can be captured: declined or canceled.
    Refuse,
    /// Wait: the provider still works on an intent.
    Wait,
    /// The provider knows of no payment, although one was authorized.
    Missing,
    /// More than one hold: which one to take is not ours to guess.
    Ambiguous,
}

/// Plans a capture.
pub(super) fn plan_capture(intents: &[Intent]) -> CapturePlan {
    let held = intents.iter().filter(|intent| intent.status == Status::RequiresCapture).count();
    match summary(intents) {
        (State::Captured, Some(intent)) => CapturePlan::Done(intent.id.clone()),
        (State::Processing, _) => CapturePlan::Wait,
        (State::Authorized, Some(intent)) if held == 1 => CapturePlan::Capture(intent.id.clone()),
        (State::Authorized, _) => CapturePlan::Ambiguous,
        (State::Declined | State::Canceled, _) => CapturePlan::Refuse,
        (State::None | State::Captured, _) => CapturePlan::Missing,
    }
}

/// What a void has to do, besides what it must wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VoidPlan {
    /// Cancel these intents.
    pub cancel: Vec<String>,
    /// Then come back: the provider still works on one.
    pub wait: bool,
    /// Money was taken: a void cannot give it back.
    pub captured: bool,
}

/// Plans a void. A declined intent is canceled too, so that it can never be tried again.
pub(super) fn plan_void(intents: &[Intent]) -> VoidPlan {
    let mut plan = VoidPlan::default();
    for intent in intents {
        match intent.status {
            Status::RequiresCapture | Status::RequiresPaymentMethod => plan.cancel.push(intent.id.clone()),
            Status::Processing => plan.wait = true,
            Status::Succeeded => plan.captured = true,
            Status::Canceled => {}
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intents(statuses: &[Status]) -> Vec<Intent> {
        statuses.iter().enumerate().map(|(n, status)| Intent { id: format!("pi_{n}"), status: *status }).collect()
    }

    #[test]
    fn money_counts_before_what_is_open_and_that_before_what_is_over() {
        let cases = [
            (vec![], State::None),
            (vec![Status::Canceled, Status::RequiresPaymentMethod], State::Declined),
            (vec![Status::RequiresCapture, Status::Canceled], State::Authorized),
            (vec![Status::RequiresCapture, Status::Processing], State::Processing),
            (vec![Status::Succeeded, Status::Processing], State::Captured),
        ];
        for (statuses, expected) in cases {
            assert_eq!(summary(&intents(&statuses)).0, expected, "{statuses:?}");
        }
    }

    #[test]
    fn a_capture_takes_the_only_hold_and_never_guesses() {
        let plan = |statuses: &[Status]| plan_capture(&intents(statuses));
        assert_eq!(plan(&[Status::Canceled, Status::RequiresCapture]), CapturePlan::Capture("pi_1".to_owned()));
        assert_eq!(plan(&[Status::Succeeded]), CapturePlan::Done("pi_0".to_owned()));
        assert_eq!(plan(&[Status::RequiresCapture, Status::RequiresCapture]), CapturePlan::Ambiguous);
        assert_eq!(plan(&[Status::Canceled]), CapturePlan::Refuse);
        assert_eq!(plan(&[Status::Processing]), CapturePlan::Wait);
        assert_eq!(plan(&[]), CapturePlan::Missing);
    }

    #[test]
    fn a_void_cancels_what_is_held_or_declined_and_waits_for_the_rest() {
        let plan = plan_void(&intents(&[Status::RequiresCapture, Status::RequiresPaymentMethod, Status::Canceled]));
        assert_eq!(plan, VoidPlan { cancel: vec!["pi_0".to_owned(), "pi_1".to_owned()], ..VoidPlan::default() });
        let plan = plan_void(&intents(&[Status::Processing, Status::Succeeded]));
        assert_eq!(plan, VoidPlan { cancel: vec![], wait: true, captured: true });
    }
}
