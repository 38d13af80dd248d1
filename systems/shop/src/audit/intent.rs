//! Payment intents, as the provider keeps them.

use serde::Deserialize;
use std::fmt;

/// Where an intent stands, in the provider's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// The card was declined.
    RequiresPaymentMethod,
    /// The bank has not answered.
    Processing,
    /// The money is set aside.
    RequiresCapture,
    /// The money was taken.
    Succeeded,
    /// Given up; nothing is set aside.
    Canceled,
    /// A word that the provider's page does not have, or a record that cannot be read.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for IntentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
            Self::Unknown => "in a state that is none, or cannot be read",
        })
    }
}

/// The money of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// The only one that the shop takes.
    Eur,
    /// Any other.
    #[serde(other)]
    Other,
}

/// A payment intent at the provider. Small, because an audit holds all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// Its id.
    pub id: Box<str>,
    /// The order that it was made for.
    #[serde(default)]
    pub order_id: Option<Box<str>>,
    /// Where it stands.
    pub status: IntentStatus,
    /// What was asked for.
    pub amount: i64,
    /// In which money.
    pub currency: Currency,
    /// What came in.
    pub amount_received: i64,
    /// What went back.
    pub amount_refunded: i64,
}

impl Intent {
    /// What the customer has paid in the end.
    pub fn net(&self) -> i64 {
        self.amount_received - self.amount_refunded
    }

    /// Whether it may still take money.
    pub fn is_open(&self) -> bool {
        matches!(self.status, IntentStatus::Processing | IntentStatus::RequiresCapture)
    }

    /// Whether it took money.
    pub fn is_captured(&self) -> bool {
        self.status == IntentStatus::Succeeded
    }
}
