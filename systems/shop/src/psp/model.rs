//! Payment intents and what may happen to them: pure, without a store, a clock or HTTP.

use super::error::Refusal;
use partita::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a `pm_slow` intent is `processing`.
pub(super) const SLOW: Duration = Duration::from_secs(5);

/// Where an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// The card was declined.
    RequiresPaymentMethod,
    /// The provider works on it; only time changes that.
    Processing,
    /// Authorized: the money is held.
    RequiresCapture,
    /// Captured.
    Succeeded,
    /// The hold was given up; final.
    Canceled,
}

impl Status {
    /// Its name on the wire.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// How a payment behaves, chosen by its `payment_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Method {
    /// Everything works.
    #[serde(rename = "pm_ok")]
    Ok,
    /// The authorization is declined.
    #[serde(rename = "pm_declined")]
    Declined,
    /// The authorization works, the capture is declined.
    #[serde(rename = "pm_capture_declined")]
    CaptureDeclined,
    /// The create answers after [`SLOW`].
    #[serde(rename = "pm_slow")]
    Slow,
    /// Create and capture take effect, the first reply to each never comes.
    #[serde(rename = "pm_lost_reply")]
    LostReply,
    /// The first create and the first capture have no effect and no reply.
    #[serde(rename = "pm_lost_request")]
    LostRequest,
    /// The first two requests of create and of capture answer 503 without effect.
    #[serde(rename = "pm_flaky")]
    Flaky,
    /// As `pm_capture_declined`, and cancel always answers 503.
    #[serde(rename = "pm_undo_fails")]
    UndoFails,
    /// As `pm_capture_declined`, and the first two cancels answer 503.
    #[serde(rename = "pm_undo_flaky")]
    UndoFlaky,
}

/// What changes an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Make and authorize it.
    Create,
    /// Take the money.
    Capture,
    /// Give up the hold.
    Cancel,
}

impl Operation {
    /// Its name in paths and counters.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    ReplyLost,
    RequestLost,
    Unavailable,
}

impl Method {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Ok,
        Self::Declined,
        Self::CaptureDeclined,
        Self::Slow,
        Self::LostReply,
        Self::LostRequest,
        Self::Flaky,
        Self::UndoFails,
        Self::UndoFlaky,
    ];

    /// Whether the attempts of an operation must be counted, because what happens depends on their number.
    pub(super) const fn counts(self, operation: Operation) -> bool {
        match operation {
            Operation::Create | Operation::Capture => matches!(self, Self::LostReply | Self::LostRequest | Self::Flaky),
            Operation::Cancel => matches!(self, Self::UndoFlaky),
        }
    }

    const fn fault(self, operation: Operation, attempt: u32) -> Fault {
        match (self, operation) {
            (Self::LostReply, Operation::Create | Operation::Capture) if attempt == 1 => Fault::ReplyLost,
            (Self::LostRequest, Operation::Create | Operation::Capture) if attempt == 1 => Fault::RequestLost,
            (Self::Flaky, Operation::Create | Operation::Capture) | (Self::UndoFlaky, Operation::Cancel)
                if attempt <= 2 =>
            {
                Fault::Unavailable
            }
            (Self::UndoFails, Operation::Cancel) => Fault::Unavailable,
            _ => Fault::None,
        }
    }

    const fn declines_capture(self) -> bool {
        matches!(self, Self::CaptureDeclined | Self::UndoFails | Self::UndoFlaky)
    }
}

/// The checked parameters of a create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewIntent {
    /// Minor units, positive.
    pub amount: i64,
    /// Lower case.
    pub currency: String,
    /// Chooses the behaviour.
    pub method: Method,
    /// From the metadata.
    pub order_id: Option<String>,
    /// The rest of the metadata.
    pub metadata: BTreeMap<String, String>,
}

/// A payment intent as it is stored; its id is the record's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// `pi_` and a UUIDv7.
    #[serde(default, skip_serializing)]
    pub id: String,
    /// The order that it pays for.
    pub order_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Minor units asked for.
    pub amount: i64,
    /// Minor units captured.
    pub amount_received: i64,
    /// Minor units given back.
    pub amount_refunded: i64,
    /// Lower case.
    pub currency: String,
    /// Chooses the behaviour.
    pub payment_method: Method,
    /// Metadata besides the order id.
    pub metadata: BTreeMap<String, String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether its last authorization or capture was declined.
    pub declined: bool,
    /// While processing: the idempotency record whose request waits for the end.
    pub awaited_by: Option<String>,
}

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The intent becomes this; the answer may be kept from the caller.
    Decided {
        /// The intent from now on.
        intent: Intent,
        /// 402 instead of 200.
        declined: bool,
        /// The effect stands, the reply never comes.
        withheld: bool,
    },
    /// The intent is `processing` and ends after [`SLOW`].
    Begun(Intent),
    /// No effect and no reply.
    Lost,
    /// No effect and 503.
    Unavailable,
    /// No effect: the request does not fit the state.
    Refused(Refusal),
}

/// Makes an intent and authorizes it. `attempt` counts from 1.
pub(super) fn create(new: NewIntent, id: String, now: Timestamp, attempt: u32) -> Outcome {
    let NewIntent { amount, currency, method, order_id, metadata } = new;
    let declined = method == Method::Declined;
    let status = match method {
        Method::Declined => Status::RequiresPaymentMethod,
        Method::Slow => Status::Processing,
        _ => Status::RequiresCapture,
    };
    let intent = Intent {
        id,
        order_id,
        status,
        amount,
        amount_received: 0,
        amount_refunded: 0,
        currency,
        payment_method: method,
        metadata,
        created_at: now,
        declined,
        awaited_by: None,
    };
    match (method.fault(Operation::Create, attempt), status) {
        (Fault::None, Status::Processing) => Outcome::Begun(intent),
        (fault, _) => under(fault, intent, declined),
    }
}

/// Takes the money of an authorized intent.
pub(super) fn capture(intent: Intent, attempt: u32) -> Outcome {
    if intent.status != Status::RequiresCapture {
        return Outcome::Refused(Refusal::unexpected_state(&intent, "captured"));
    }
    let fault = intent.payment_method.fault(Operation::Capture, attempt);
    let declined = intent.payment_method.declines_capture();
    let after = match declined {
        true => Intent { declined, ..intent },
        false => Intent { status: Status::Succeeded, amount_received: intent.amount, ..intent },
    };
    under(fault, after, declined)
}

/// Gives up the hold. A declined intent can be canceled too, so that nobody tries it again.
pub(super) fn cancel(intent: Intent, attempt: u32) -> Outcome {
    if !matches!(intent.status, Status::RequiresCapture | Status::RequiresPaymentMethod) {
        return Outcome::Refused(Refusal::unexpected_state(&intent, "canceled"));
    }
    let fault = intent.payment_method.fault(Operation::Cancel, attempt);
    under(fault, Intent { status: Status::Canceled, ..intent }, false)
}

/// Ends the processing of a slow intent; `None` when there is nothing to end.
pub(super) fn finish(intent: Intent) -> Option<Intent> {
    let processing = intent.status == Status::Processing;
    processing.then_some(Intent { status: Status::RequiresCapture, awaited_by: None, ..intent })
}

fn under(fault: Fault, intent: Intent, declined: bool) -> Outcome {
    match fault {
        Fault::RequestLost => Outcome::Lost,
        Fault::Unavailable => Outcome::Unavailable,
        Fault::None => Outcome::Decided { intent, declined, withheld: false },
        Fault::ReplyLost => Outcome::Decided { intent, declined, withheld: true },
    }
}
