//! The lines: what is read, what is answered.

use partita_resilience::{BuildError, Outcome};
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};
use std::fmt;
use std::time::Duration;

/// One policy in virtual time.
pub(crate) trait Tool {
    /// Moves to `at`, gathers what fell due on the way, and does what the line says.
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault>;

    /// A span after whose whole multiples its buckets and windows begin anew.
    #[allow(dead_code, reason = "a test of one policy has no session")]
    fn grid(&self) -> Duration {
        Duration::from_secs(60)
    }
}

/// What a line asks for.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A call begins.
    #[allow(dead_code, reason = "policies without keys do not read it")]
    Start { id: String, key: Option<String> },
    /// A call ends.
    End { id: String, outcome: Outcome },
    /// An operator forces a state.
    Set(Mode),
    /// A limiter is asked.
    Check { key: String, cost: u32 },
    /// Nothing happens.
    Look,
}

/// What an operator may set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    ForcedOpen,
    Disabled,
    MetricsOnly,
    Closed,
    Reset,
}

/// The answer to a line.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Answer {
    pub(crate) at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admitted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queued: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) events: Vec<Due>,
    pub(crate) snapshot: Map<String, Value>,
}

/// The members of snapshots that are moments.
const MOMENTS: [&str; 3] = ["since", "last_failure_at", "reset_at"];

impl Answer {
    /// Moves every moment on by `origin`.
    #[allow(dead_code, reason = "a test of one policy has no session")]
    pub(crate) fn shift(&mut self, origin: Duration) {
        let origin = millis(origin);
        let later = |at_ms: &mut u64| *at_ms = at_ms.saturating_add(origin);
        later(&mut self.at_ms);
        self.events.iter_mut().for_each(|due| later(&mut due.at_ms));
        for moment in MOMENTS {
            let Some(value) = self.snapshot.get_mut(moment) else { continue };
            if let Some(at_ms) = value.as_u64() {
                *value = at_ms.saturating_add(origin).into();
            }
        }
    }
}

/// What fell due since the last line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Due {
    pub(crate) at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Due {
    pub(crate) const fn of(event: &'static str) -> Self {
        Self { at_ms: 0, id: None, key: None, event, attempt: None, delay_ms: None, from: None, to: None, reason: None }
    }
}

/// What is wrong with the input.
#[derive(Clone, Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    #[serde(default, deserialize_with = "once_each")]
    pub(crate) config: Map<String, Value>,
    #[serde(default)]
    pub(crate) seed: Whole<u64>,
}

/// A whole number, however it is written: not every language tells 1000 from 1000.0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whole<T>(pub(crate) T);

impl<'de, T: TryFrom<u64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let number = whole(Number::deserialize(reader)?);
        let fits = number.as_u64().and_then(|fits| T::try_from(fits).ok());
        fits.map(Self).ok_or_else(|| D::Error::custom(format_args!("{number} is no whole number from 0 on that fits")))
    }
}

/// Without its fraction, if that is zero and no digit before it is in doubt.
fn whole(number: Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = |float: &f64| float.fract() == 0.0 && (0.0..=EXACT).contains(float);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range has just been looked at")]
    let written = |float| Number::from(float as u64);
    if number.is_f64() { number.as_f64().filter(is_whole).map_or(number, written) } else { number }
}

/// Reads an object in which no name stands twice: of two values one would be ignored.
fn once_each<'de, D: Deserializer<'de>>(reader: D) -> Result<Map<String, Value>, D::Error> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of options")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut members = Map::new();
            while let Some((name, value)) = access.next_entry::<String, Value>()? {
                if members.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("config: duplicate option `{name}`")));
                }
                members.insert(name, value);
            }
            Ok(members)
        }
    }

    reader.deserialize_map(Members)
}

/// Reads the options of a policy; an unknown one is an error that lists those there are.
pub(crate) fn options<T: DeserializeOwned>(mut config: Map<String, Value>) -> Result<T, Fault> {
    for value in config.values_mut() {
        if let Value::Number(number) = value {
            *value = Value::Number(whole(number.clone()));
        }
    }
    serde_json::from_value(Value::Object(config.clone())).map_err(|e| {
        let alone = |(name, value)| {
            let only = Map::from_iter([(name, value)]);
            serde_json::from_value::<T>(Value::Object(only.clone())).err().zip(only.keys().next().cloned())
        };
        config.into_iter().find_map(alone).map_or_else(
            || Fault::new(format!("config: {e}")),
            |(e, name)| Fault::new(format!("config: `{name}`: {e}")),
        )
    })
}

/// Reads a JSON object; an array would be read by position.
pub(crate) fn object<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::new("a line is a JSON object"));
    }
    serde_json::from_str(text).map_err(|e| Fault::new(e.to_string()))
}

/// Options that a policy refuses, by the names that they have here.
pub(crate) fn mistake(error: &BuildError) -> Fault {
    let unit = if matches!(error.option, "per" | "initial" | "deadline" | "delay") { "_ms" } else { "" };
    Fault::new(format!("config: {}: `{}{unit}`: {}", error.policy, error.option, error.why))
}

/// What fits into 64 bits of nanoseconds.
const LATEST_MS: u64 = u64::MAX / 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    at_ms: Whole<u64>,
    start: Option<String>,
    key: Option<String>,
    end: Option<String>,
    outcome: Option<Word>,
    retry_after_ms: Option<Whole<u64>>,
    set: Option<Mode>,
    check: Option<String>,
    cost: Option<Whole<u32>>,
    look: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Success,
    Failure,
    Ignored,
    Overloaded,
    Cancelled,
}

impl Raw {
    /// The line asks for one thing, and every member belongs to that.
    fn check_members(&self) -> Result<(), Fault> {
        let kinds = [self.start.is_some(), self.end.is_some(), self.set.is_some(), self.check.is_some()];
        let asked = kinds.into_iter().filter(|there| *there).count() + usize::from(self.look.is_some());
        if asked != 1 || self.look == Some(false) {
            return Err(Fault::new("a line has exactly one of `start`, `end`, `set`, `check` and `look`: true"));
        }
        let (kind, own): (_, &[&str]) = match self {
            Self { start: Some(_), .. } => ("start", &["key"]),
            Self { end: Some(_), .. } => ("end", &["outcome", "retry_after_ms"]),
            Self { set: Some(_), .. } => ("set", &[]),
            Self { check: Some(_), .. } => ("check", &["cost"]),
            _ => ("look", &[]),
        };
        let others = [
            ("key", self.key.is_some()),
            ("outcome", self.outcome.is_some()),
            ("retry_after_ms", self.retry_after_ms.is_some()),
            ("cost", self.cost.is_some()),
        ];
        match others.into_iter().find(|(name, there)| *there && !own.contains(name)) {
            None => Ok(()),
            Some((name, _)) if own.is_empty() => {
                Err(Fault::new(format!("`{name}` does not belong to `{kind}`, which stands alone with `at_ms`")))
            }
            Some((name, _)) => {
                Err(Fault::new(format!("`{name}` does not belong to `{kind}`, which takes `{}`", own.join("` and `"))))
            }
        }
    }
}

/// Reads a line after the first.
pub(crate) fn read(text: &str) -> Result<(Duration, Input), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new("an empty line: leave it out"));
    }
    let raw: Raw = object(text)?;
    let Whole(at_ms) = raw.at_ms;
    if at_ms > LATEST_MS {
        return Err(Fault::new(format!("at_ms {at_ms} is more than 584 years: write milliseconds")));
    }
    raw.check_members()?;
    let at = Duration::from_millis(at_ms);
    let retry_after = raw.retry_after_ms.map(|Whole(wait)| Duration::from_millis(wait));
    let input = match (raw.start, raw.end, raw.set, raw.check) {
        (Some(id), ..) => Input::Start { id, key: raw.key },
        (_, Some(id), ..) => {
            let word = raw.outcome.ok_or_else(|| Fault::new("`end` needs an `outcome`"))?;
            Input::End { id, outcome: outcome(word, retry_after) }
        }
        (_, _, Some(mode), _) => Input::Set(mode),
        (.., Some(key)) => Input::Check { key, cost: raw.cost.map_or(1, |Whole(cost)| cost) },
        _ => Input::Look,
    };
    Ok((at, input))
}

/// A failure that says when to come again is one of too much to do.
const fn outcome(word: Word, retry_after: Option<Duration>) -> Outcome {
    match word {
        Word::Success => Outcome::Success,
        Word::Failure if retry_after.is_none() => Outcome::Failure,
        Word::Ignored => Outcome::Ignored,
        Word::Overloaded | Word::Failure => Outcome::Overloaded { retry_after },
        Word::Cancelled => Outcome::Cancelled,
    }
}

/// Whole milliseconds, rounded up, so that a wait told is never too short.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
