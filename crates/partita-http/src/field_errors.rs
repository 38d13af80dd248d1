//! What is wrong with the fields of a request.

use serde::Serialize;

/// Fields that are named; a small body can have thousands of wrong ones.
const NAMED: usize = 1_000;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer as a URI fragment: `#/items/0/quantity` (RFC 6901, section 6).
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// All wrong fields of a request: the first 1,000 are named, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    named: Vec<FieldError>,
    more: usize,
}

impl FieldErrors {
    /// One more.
    pub fn push(&mut self, pointer: &str, detail: &str) {
        if self.named.len() == NAMED {
            self.more += 1;
        } else {
            self.named.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Those that are named.
    pub fn named(&self) -> &[FieldError] {
        &self.named
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        match (self.named.as_slice(), self.more) {
            ([only], _) => format!("{}: {}", only.pointer, only.detail),
            (several, 0) => format!("{} fields are wrong", several.len()),
            (several, more) => {
                format!("{} fields are wrong, the first {} of them are named", several.len() + more, several.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_are_named_and_the_others_counted() {
        let mut errors = FieldErrors::default();
        assert!(errors.is_empty());
        errors.push("#/a", "is wrong");
        assert_eq!(errors.summary(), "#/a: is wrong");
        (1..NAMED).for_each(|_| errors.push("#/b", "is wrong"));
        assert_eq!((errors.named().len(), errors.summary().as_str()), (1_000, "1000 fields are wrong"));
        (0..7).for_each(|_| errors.push("#/c", "is wrong"));
        let summary = "1007 fields are wrong, the first 1000 of them are named";
        assert_eq!((errors.named().len(), errors.summary().as_str()), (1_000, summary));
    }
}
