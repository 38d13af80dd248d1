//! A file says whose it is, and another one's is refused before anything is written.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use partita_core::{ErrorKind, Store};
use partita_sqlite::{Frozen, Label, SetId, SqliteConfig, inspect};
use std::path::PathBuf;

fn labelled(path: PathBuf, name: &str, set: SetId) -> SqliteConfig {
    SqliteConfig { label: Some(Label { name: name.to_owned(), set }), ..SqliteConfig::at(path) }
}

async fn opened_and_closed(bench: &Bench, config: SqliteConfig) {
    let store = bench.try_open(config).unwrap();
    store.commit(new_record(format!("{}", store.incarnation()))).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_file_of_another_name_or_set_is_refused_and_stays_as_it_is() {
    let bench = Bench::new();
    let (set, other) = (SetId::new(&bench.host.entropy), SetId::new(&bench.host.entropy));
    for _ in 0..2 {
        opened_and_closed(&bench, labelled(bench.path(), "stock", set)).await;
    }
    let before = std::fs::read(bench.path()).unwrap();
    for (name, set, said) in [("points", set, "another one's"), ("stock", other, "belongs to other files")] {
        let error = bench.try_open(labelled(bench.path(), name, set)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = error.to_string();
        assert!(text.contains(said) && text.contains("store.db"), "{text}");
    }
    assert!(std::fs::read(bench.path()).unwrap() == before, "it was changed");
    opened_and_closed(&bench, SqliteConfig::at(bench.path())).await;
    let contents = inspect(&bench.path()).unwrap().unwrap();
    assert_eq!((contents.name.as_deref(), contents.set), (Some("stock"), Some(set)), "who does not ask leaves it");
    assert_eq!(contents.spaces, ["ledger", "order"]);
}

#[tokio::test]
async fn a_file_without_a_label_is_given_one_at_its_next_opening() {
    let bench = Bench::new();
    opened_and_closed(&bench, SqliteConfig::at(bench.path())).await;
    let forget = "ALTER TABLE partita_meta DROP COLUMN name; ALTER TABLE partita_meta DROP COLUMN set_id";
    shell(&bench.path()).execute_batch(forget).unwrap();
    let contents = inspect(&bench.path()).unwrap().unwrap();
    assert_eq!((contents.name, contents.set), (None, None));
    let set = SetId::new(&bench.host.entropy);
    opened_and_closed(&bench, labelled(bench.path(), "stock", set)).await;
    let contents = inspect(&bench.path()).unwrap().unwrap();
    assert_eq!((contents.name.as_deref(), contents.set), (Some("stock"), Some(set)));
}

#[tokio::test]
async fn copies_are_a_set_of_their_own() {
    let bench = Bench::new();
    let paths = ["stock", "points"].map(|name| bench.path().with_file_name(name));
    let set = SetId::new(&bench.host.entropy);
    opened_and_closed(&bench, labelled(paths[0].clone(), "stock", set)).await;
    opened_and_closed(&bench, SqliteConfig::at(&paths[1])).await;
    let forget = "ALTER TABLE partita_meta DROP COLUMN name; ALTER TABLE partita_meta DROP COLUMN set_id";
    shell(&paths[1]).execute_batch(forget).unwrap();
    let to = tempfile::tempdir().unwrap();
    let frozen = Frozen::take(&paths, &*bench.host.clock).await.unwrap();
    assert_eq!(frozen.contents()[0].set, Some(set));
    let copied = SetId::new(&bench.host.entropy);
    frozen.copy(to.path(), copied, &mut |_| ()).unwrap();
    for (name, says) in [("stock", Some("stock")), ("points", None)] {
        let contents = inspect(&to.path().join(name)).unwrap().unwrap();
        assert_eq!((contents.name.as_deref(), contents.set), (says, Some(copied)));
        opened_and_closed(&bench, labelled(to.path().join(name), name, copied)).await;
    }
}
