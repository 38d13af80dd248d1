//! JSON that is handed on as it is.

use partita_core::Result;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON value as it is written: what is stored, compared and answered again need not be put together each time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Writes a value.
    ///
    /// # Errors
    /// `Corrupt` when it has no JSON form.
    pub fn of(value: &impl Serialize) -> Result<Self> {
        Ok(Self(serde_json::value::to_raw_value(value)?))
    }

    /// Reads it.
    ///
    /// # Errors
    /// `Corrupt` when it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_str(self.as_str())?)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

/// `null`.
impl Default for JsonText {
    fn default() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonText {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept {
        text: JsonText,
    }

    #[test]
    fn a_text_stays_as_it_was_written_and_stands_in_a_value_too() {
        let written = r#"{"text":{"b": 1.50, "a":null}}"#;
        let kept: Kept = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&kept).unwrap(), written);
        assert_eq!(kept.text.read::<Value>().unwrap(), json!({"a": null, "b": 1.5}));
        assert!(kept.text.read::<u32>().is_err());
        let from_a_tree = Kept::deserialize(json!({"text": [1, "x"]})).unwrap();
        assert_eq!(from_a_tree.text, JsonText::of(&json!([1, "x"])).unwrap());
        assert_eq!(JsonText::default(), JsonText::of(&()).unwrap());
        assert!(serde_json::from_str::<Kept>("{}").is_err());
    }
}
