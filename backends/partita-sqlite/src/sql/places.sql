CREATE TABLE partita_streams (
    stream BLOB NOT NULL,
    first INTEGER NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE partita_journal (
    place INTEGER PRIMARY KEY,
    saga INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE partita_journals (
    saga INTEGER NOT NULL,
    first INTEGER NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (saga, first)
) STRICT, WITHOUT ROWID;
