CREATE TABLE partita_meta (
    log_id BLOB NOT NULL,
    restore_epoch INTEGER NOT NULL,
    events_indexed INTEGER NOT NULL DEFAULT 0,
    journal_indexed INTEGER NOT NULL DEFAULT 0,
    name TEXT,
    set_id BLOB
) STRICT;

CREATE TABLE partita_writers (
    incarnation INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE partita_events (
    pos INTEGER PRIMARY KEY,
    stream BLOB NOT NULL,
    version INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    time INTEGER NOT NULL,
    meta TEXT,
    data TEXT NOT NULL
) STRICT;

CREATE TABLE partita_counters (
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE partita_probe (ballast BLOB NOT NULL) STRICT;
