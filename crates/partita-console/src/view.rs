//! What a client looks at, and what it sees there at one moment.

use crate::answer::Refusal;
use crate::cursor::Cursor;
use crate::words::encode;
use partita_core::Result;
use partita_saga::{Class, SagaDetail, SagaRow, Sagas};
use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hasher};

/// Sagas on a page.
pub(crate) const PAGE: usize = 50;

/// What a client looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Overview(Filter),
    Saga(String),
}

/// Which part of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) class: Option<Class>,
    pub(crate) after: Option<Cursor>,
}

impl Filter {
    pub(crate) fn parse(state: Option<&str>, after: Option<&str>) -> Result<Self, Refusal> {
        let unknown = Refusal::Bad("There is no such state. Choose one of those above the list.");
        let class = state.map(|word| Class::of(word).ok_or(unknown)).transpose()?;
        let stale = Refusal::Bad("This link to older sagas cannot be read. Begin again at the newest.");
        let after = after.map(|text| Cursor::parse(text).ok_or(stale)).transpose()?;
        Ok(Self { class, after })
    }

    /// The part of the list that begins behind a cursor, as a page.
    pub(crate) fn href(&self, after: Option<&Cursor>) -> String {
        let state = self.class.map(|class| format!("state={}", class.word()));
        let after = after.map(|cursor| format!("after={cursor}"));
        let query: Vec<String> = state.into_iter().chain(after).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/console{mark}{}", query.join("&"))
    }
}

impl View {
    /// Where its changes are sent.
    pub(crate) fn events_href(&self) -> String {
        match self {
            Self::Saga(id) => format!("/console/events?view=saga&id={}", encode(id)),
            Self::Overview(filter) => {
                let page = filter.href(filter.after.as_ref());
                let query = page.split_once('?').map(|(_, query)| format!("&{query}")).unwrap_or_default();
                format!("/console/events?view=overview{query}")
            }
        }
    }

    /// Whether a change of this saga may be seen.
    pub(crate) fn shows(&self, changed: &str) -> bool {
        match self {
            Self::Overview(_) => true,
            Self::Saga(id) => id == changed,
        }
    }

    /// What is to be seen now; `None` if there is no such saga.
    pub(crate) async fn read(&self, sagas: &dyn Sagas) -> Result<Option<Snapshot>> {
        match self {
            Self::Saga(id) => Ok(sagas.detail(id).await?.map(|detail| Snapshot::Saga(Box::new(detail)))),
            Self::Overview(filter) => Ok(Some(Snapshot::Overview(Overview::read(filter, sagas).await?))),
        }
    }
}

/// What is to be seen at one moment.
#[derive(Debug)]
pub(crate) enum Snapshot {
    Overview(Overview),
    Saga(Box<SagaDetail>),
}

/// Counts and one page of the list.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) filter: Filter,
    pub(crate) counts: Vec<(Class, u64)>,
    pub(crate) rows: Vec<SagaRow>,
    /// Behind the last row, if there are older ones.
    pub(crate) older: Option<Cursor>,
}

impl Overview {
    pub(crate) async fn read(filter: &Filter, sagas: &dyn Sagas) -> Result<Self> {
        let counts = sagas.counts().await?;
        let after = filter.after.clone().map(|cursor| (cursor.at, cursor.id));
        let mut rows = sagas.page(filter.class, after, PAGE + 1).await?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let last = rows.last().map(|row| Cursor { at: row.started_at, id: row.id.clone() });
        Ok(Self { filter: filter.clone(), counts, rows, older: last.filter(|_| more) })
    }

    pub(crate) fn count(&self, class: Class) -> u64 {
        self.counts.iter().filter(|(of, _)| *of == class).map(|(_, count)| count).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }
}

impl Snapshot {
    /// Equal for equal data, within one process.
    pub(crate) fn fingerprint(&self) -> u64 {
        fingerprint(self)
    }
}

/// A hash over everything that `Debug` shows.
pub(crate) fn fingerprint(value: &impl Debug) -> u64 {
    let mut sink = Sink(DefaultHasher::new());
    let _ = write!(sink, "{value:?}");
    sink.0.finish()
}

struct Sink(DefaultHasher);

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
