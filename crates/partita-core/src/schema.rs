//! The spaces of a store, declared when it is opened.

/// Type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A 64-bit integer.
    Int,
    /// A text.
    Text,
}

/// A set of keyed records of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its name: `[a-z][a-z_]*`, without the prefix `partita_`.
    pub name: &'static str,
    /// Whether records can fall due.
    pub due: bool,
    /// Whether its records are short and their keys come in about ascending order.
    pub clustered: bool,
    /// Fields to find records by.
    pub fields: Vec<(&'static str, FieldKind)>,
    /// Which pages [`crate::Records::find`] will be asked for: the field that is equal, if any, and the one that orders.
    pub indexes: Vec<(Option<&'static str>, &'static str)>,
}

impl Space {
    /// A space without due times or fields.
    pub const fn named(name: &'static str) -> Self {
        Self { name, due: false, clustered: false, fields: vec![], indexes: vec![] }
    }

    /// Its records can fall due.
    #[must_use]
    pub fn with_due(mut self) -> Self {
        self.due = true;
        self
    }

    /// Its records are short, some hundred bytes, and their keys come in about ascending order, as UUIDv7 do: a store may
    /// keep them in the order of their keys, and needs no index for these.
    #[must_use]
    pub const fn clustered(mut self) -> Self {
        self.clustered = true;
        self
    }

    /// Declares a field.
    #[must_use]
    pub fn field(mut self, name: &'static str, kind: FieldKind) -> Self {
        self.fields.push((name, kind));
        self
    }

    /// Declares a page: records equal in one field, ordered by another.
    #[must_use]
    pub fn index(mut self, equals: Option<&'static str>, order_by: &'static str) -> Self {
        self.indexes.push((equals, order_by));
        self
    }
}
