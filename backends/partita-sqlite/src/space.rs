//! A space is a plain table, made to be looked at and edited with the `sqlite3` shell.

use crate::many::Many;
use partita_core::{Effect, Error, ErrorKind, FieldKind, Find, Result, Space};
use std::collections::BTreeSet;

const RESERVED: [&str; 5] = ["key", "revision", "value", "due", "keep_until"];

/// All spaces of a store.
#[derive(Debug)]
pub(crate) struct Spaces(Vec<Table>);

/// One space with its statements. Parameters: key, value, `keep_until`, due if the space has it, then the fields.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its place among the spaces of the store.
    pub(crate) number: usize,
    pub(crate) space: Space,
    pub(crate) get: String,
    pub(crate) page: String,
    pub(crate) page_after: String,
    pub(crate) due: String,
    pub(crate) due_after: String,
    pub(crate) insert: Many,
    pub(crate) upsert: String,
    pub(crate) update: String,
    pub(crate) delete: String,
    pub(crate) delete_exactly: String,
    pub(crate) prune: String,
}

impl Spaces {
    /// Checks the declarations and writes the statements.
    pub(crate) fn new(spaces: Vec<Space>) -> Result<Self> {
        let mut names = BTreeSet::new();
        for space in &spaces {
            validate(space)?;
            if !names.insert(space.name) {
                return Err(invalid(space, "a space is declared twice"));
            }
        }
        Ok(Self(spaces.into_iter().enumerate().map(Table::new).collect()))
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.0.iter().find(|table| table.space.name == name)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.0.iter()
    }
}

fn validate(space: &Space) -> Result<()> {
    let name = |name: &str| {
        let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        letters && name.bytes().next().is_some_and(|first| first != b'_')
    };
    let taken = |name: &str| name.starts_with("partita_") || name.starts_with("sqlite_");
    if !name(space.name) || taken(space.name) {
        return Err(invalid(space, "a space's name is [a-z][a-z_]*, without the prefixes partita_ and sqlite_"));
    }
    let mut fields = BTreeSet::new();
    for (field, _) in &space.fields {
        if !name(field) || RESERVED.contains(field) || !fields.insert(*field) {
            let message = "a field's name is [a-z][a-z_]*, not a built-in column, and declared once";
            return Err(invalid(space, message).with("field", field));
        }
    }
    let named = space.indexes.iter().flat_map(|(equals, order_by)| equals.iter().chain(Some(order_by)));
    match named.into_iter().find(|name| !fields.contains(*name)) {
        Some(name) => Err(invalid(space, "an index names a field that is not declared").with("field", name)),
        None => Ok(()),
    }
}

pub(crate) fn invalid(space: &Space, message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message).effect(Effect::None).with("space", space.name)
}

impl Table {
    fn new((number, space): (usize, Space)) -> Self {
        let name = space.name;
        let written: Vec<&str> = written(&space).collect();
        let columns = quoted(&written, |column| format!("\"{column}\""));
        let places: Vec<String> = (3..3 + written.len()).map(|n| format!("?{n}")).collect();
        let insert =
            format!("INTO \"{name}\" (key, revision, value, {columns}) VALUES (?1, 1, ?2, {})", places.join(", "));
        let excluded = quoted(&written, |column| format!("\"{column}\" = excluded.\"{column}\""));
        let set: Vec<String> =
            written.iter().zip(&places).map(|(column, place)| format!("\"{column}\" = {place}")).collect();
        let due = if space.due { "due" } else { "NULL" };
        let row = if space.clustered { "key" } else { "rowid" };
        let select = format!("SELECT key, revision, value, {due} FROM \"{name}\"");
        let due_page = |after: &str| format!("{select} WHERE {due} <= ?1 {after} ORDER BY {due}, key LIMIT ?2");
        Self {
            get: format!("{select} WHERE key = ?1"),
            page: format!("{select} ORDER BY key LIMIT ?1"),
            page_after: format!("{select} WHERE key > ?2 ORDER BY key LIMIT ?1"),
            due: due_page(""),
            due_after: due_page(&format!("AND ({due}, key) > (?3, ?4)")),
            upsert: format!(
                "INSERT {insert} ON CONFLICT (key) DO UPDATE SET revision = revision + 1, value = excluded.value, {excluded}"
            ),
            insert: Many::of(&format!("INSERT OR FAIL {insert} ON CONFLICT (key) DO NOTHING")),
            update: format!(
                "UPDATE \"{name}\" SET revision = revision + 1, value = ?2, {} WHERE {}",
                set.join(", "),
                found_exactly(&space),
            ),
            delete: format!("DELETE FROM \"{name}\" WHERE key = ?1"),
            delete_exactly: format!("DELETE FROM \"{name}\" WHERE key = ?1 AND revision = ?2"),
            prune: format!(
                "DELETE FROM \"{name}\" WHERE {row} IN \
                 (SELECT {row} FROM \"{name}\" WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)"
            ),
            number,
            space,
        }
    }

    /// The update for a record whose fields of these names stay the same: they are compared instead of written.
    pub(crate) fn update_expecting(&self, same: &[&str]) -> String {
        let name = self.space.name;
        let set = written(&self.space).zip(3..).filter(|(column, _)| !same.contains(column));
        let set: String = set.map(|(column, place)| format!(", \"{column}\" = ?{place}")).collect();
        let compared: String = same.iter().map(|field| format!(" AND {}", self.is_given(field))).collect();
        let found = found_exactly(&self.space);
        format!("UPDATE \"{name}\" SET revision = revision + 1, value = ?2{set} WHERE {found}{compared}")
    }

    /// Whether each of these fields is what a write would make it, of a record at the revision that the write expects.
    pub(crate) fn are_given(&self, fields: &[&str]) -> String {
        let same: Vec<String> = fields.iter().map(|field| self.is_given(field)).collect();
        format!("SELECT {} FROM \"{}\" WHERE {}", same.join(", "), self.space.name, found_exactly(&self.space))
    }

    fn is_given(&self, field: &str) -> String {
        let place = written(&self.space).position(|column| column == field).unwrap_or(0);
        format!("\"{field}\" IS ?{}", 3 + place)
    }

    /// The statement of a page by field; the parameters are limit, value, place, key, as far as the page has them.
    pub(crate) fn find(&self, find: &Find) -> String {
        let Find { space, equals, order_by, descending, after, .. } = find;
        let due = if self.space.due { "due" } else { "NULL" };
        let (direction, behind) = if *descending { ("DESC", "<") } else { ("ASC", ">") };
        let equal = equals.as_ref().map_or_else(String::new, |(field, _)| format!(" AND \"{field}\" = ?2"));
        let first = if equals.is_some() { 3 } else { 2 };
        let after = after
            .as_ref()
            .map_or_else(String::new, |_| format!(" AND (\"{order_by}\", key) {behind} (?{first}, ?{})", first + 1));
        format!(
            "SELECT key, revision, value, {due} FROM \"{space}\" WHERE \"{order_by}\" IS NOT NULL{equal}{after} \
             ORDER BY \"{order_by}\" {direction}, key {direction} LIMIT ?1"
        )
    }

    /// Name and type of every column.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let fields = self.space.fields.iter().map(|(name, kind)| match kind {
            FieldKind::Int => (*name, "INTEGER"),
            FieldKind::Text => (*name, "TEXT"),
        });
        let due = self.space.due.then_some(("due", "INTEGER"));
        [("key", "TEXT"), ("revision", "INTEGER"), ("value", "TEXT"), ("keep_until", "INTEGER")]
            .into_iter()
            .chain(due)
            .chain(fields)
    }

    /// What makes the table, under a name and with these columns behind its own.
    pub(crate) fn create<'c>(&self, name: &str, columns: impl IntoIterator<Item = (&'c str, &'c str)>) -> String {
        let columns: String = columns.into_iter().map(|(column, kind)| format!(", \"{column}\" {kind}")).collect();
        let layout = if self.space.clustered { ", WITHOUT ROWID" } else { "" };
        format!(
            "CREATE TABLE \"{name}\" (key TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL DEFAULT 1, \
             value TEXT NOT NULL, keep_until INTEGER{columns}) STRICT{layout}"
        )
    }

    /// What makes each index, by its columns.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = String> {
        let name = self.space.name;
        let due = self.space.due.then(|| index(name, "due", None, ", key"));
        let kept = index(name, "keep_until", None, "");
        let pages = self.space.indexes.iter().map(move |(equals, order_by)| index(name, order_by, *equals, ", key"));
        due.into_iter().chain([kept]).chain(pages)
    }
}

/// Rows that the ordering field is missing from are in no page, so they are in no index.
fn index(space: &str, order_by: &str, equals: Option<&str>, then: &str) -> String {
    let (label, first) = equals.map_or_else(Default::default, |field| (format!("{field}."), format!("\"{field}\", ")));
    format!(
        "CREATE INDEX IF NOT EXISTS \"partita_{space}.{label}{order_by}\" ON \"{space}\" ({first}\"{order_by}\"{then}) \
         WHERE \"{order_by}\" IS NOT NULL"
    )
}

/// A record at a revision; the parameter of the revision stands behind those of the columns.
fn found_exactly(space: &Space) -> String {
    format!("key = ?1 AND revision = ?{}", 3 + written(space).count())
}

/// The columns behind key, revision and value.
fn written(space: &Space) -> impl Iterator<Item = &'static str> {
    let due = space.due.then_some("due");
    ["keep_until"].into_iter().chain(due).chain(space.fields.iter().map(|(name, _)| *name))
}

fn quoted(columns: &[&str], quote: impl Fn(&str) -> String) -> String {
    columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ")
}
