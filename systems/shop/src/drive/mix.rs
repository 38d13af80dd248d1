//! Kinds of orders, and how often each is drawn.

use std::fmt;
use std::str::FromStr;

/// What an order is made to live through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Everything works.
    Ok,
    /// The card is declined.
    Declined,
    /// The authorization works, the capture is declined.
    CaptureDeclined,
    /// The provider takes 5 s.
    Slow,
    /// The provider does it, and its reply is lost.
    LostReply,
    /// The request to the provider is lost.
    LostRequest,
    /// The provider refuses twice before it works.
    Flaky,
    /// What was authorized cannot be given back.
    UndoFails,
    /// There is none left.
    OutOfStock,
    /// The customer thinks again.
    Cancel,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Declined,
        Self::CaptureDeclined,
        Self::Slow,
        Self::LostReply,
        Self::LostRequest,
        Self::Flaky,
        Self::UndoFails,
        Self::OutOfStock,
        Self::Cancel,
    ];

    /// Its name in a mix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Declined => "declined",
            Self::CaptureDeclined => "capture_declined",
            Self::Slow => "slow",
            Self::LostReply => "lost_reply",
            Self::LostRequest => "lost_request",
            Self::Flaky => "flaky",
            Self::UndoFails => "undo_fails",
            Self::OutOfStock => "out_of_stock",
            Self::Cancel => "cancel",
        }
    }

    /// How it is paid.
    pub fn payment_method(self) -> &'static str {
        match self {
            Self::Ok | Self::OutOfStock | Self::Cancel => "pm_ok",
            Self::Declined => "pm_declined",
            Self::CaptureDeclined => "pm_capture_declined",
            Self::Slow => "pm_slow",
            Self::LostReply => "pm_lost_reply",
            Self::LostRequest => "pm_lost_request",
            Self::Flaky => "pm_flaky",
            Self::UndoFails => "pm_undo_fails",
        }
    }
}

/// Weights of kinds, as `ok=80,declined=10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    weights: Vec<(Kind, u32)>,
    total: u64,
}

impl Mix {
    /// The kind that a draw stands for; any number is one.
    pub fn kind(&self, draw: u64) -> Kind {
        let mut left = draw % self.total;
        for &(kind, weight) in &self.weights {
            let weight = u64::from(weight);
            if left < weight {
                return kind;
            }
            left -= weight;
        }
        Kind::Ok
    }

    /// Whether a kind can be drawn.
    pub fn has(&self, kind: Kind) -> bool {
        self.weights.iter().any(|&(one, weight)| one == kind && weight > 0)
    }
}

impl Default for Mix {
    fn default() -> Self {
        let weights = vec![(Kind::Ok, 80), (Kind::Declined, 10), (Kind::LostReply, 5), (Kind::OutOfStock, 5)];
        Self { weights, total: 100 }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, weight)) in self.weights.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}={weight}", kind.name())?;
        }
        Ok(())
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut weights: Vec<(Kind, u32)> = vec![];
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(|| format!("`{part}` is not KIND=WEIGHT"))?;
            let kind = named(name.trim())?;
            let weight = weight.trim().parse().map_err(|_| format!("the weight of `{name}` is not a whole number"))?;
            if weights.iter().any(|&(one, _)| one == kind) {
                return Err(format!("`{name}` is there twice"));
            }
            weights.push((kind, weight));
        }
        let total = weights.iter().map(|&(_, weight)| u64::from(weight)).sum();
        if total == 0 {
            return Err("all weights are 0, so there is nothing to draw".to_owned());
        }
        Ok(Self { weights, total })
    }
}

fn named(name: &str) -> Result<Kind, String> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        format!("`{name}` is no kind of order; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_help_and_surface_show() {
        let text = "ok=80,declined=10,lost_reply=5,out_of_stock=5";
        assert_eq!(Mix::default(), text.parse().unwrap());
        assert_eq!(Mix::default().to_string(), text);
    }

    #[test]
    fn draws_follow_the_weights() {
        let mix: Mix = "ok=3,slow=1,cancel=0".parse().unwrap();
        let drawn = |kind| (0..400).filter(|&draw| mix.kind(draw) == kind).count();
        assert_eq!((drawn(Kind::Ok), drawn(Kind::Slow), drawn(Kind::Cancel)), (300, 100, 0));
        assert!(mix.has(Kind::Slow) && !mix.has(Kind::Cancel) && !mix.has(Kind::Flaky));
    }

    #[test]
    fn what_is_no_mix_is_refused_with_the_reason() {
        let reason = |text: &str| text.parse::<Mix>().unwrap_err();
        assert_eq!(reason("ok"), "`ok` is not KIND=WEIGHT");
        assert_eq!(reason("ok=x"), "the weight of `ok` is not a whole number");
        assert_eq!(reason("ok=-1"), "the weight of `ok` is not a whole number");
        assert_eq!(reason("ok=1,ok=2"), "`ok` is there twice");
        assert_eq!(reason("ok=0"), "all weights are 0, so there is nothing to draw");
        assert!(reason("fine=1").starts_with("`fine` is no kind of order; there are ok, declined, "));
    }
}
