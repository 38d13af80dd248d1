ALTER TABLE partita_meta ADD COLUMN events_indexed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partita_meta ADD COLUMN journal_indexed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partita_journal RENAME TO partita_journal_old;
