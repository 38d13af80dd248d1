DROP TABLE partita_journal_old;
DROP INDEX partita_events_stream;
UPDATE partita_meta
SET events_indexed = (SELECT coalesce(max(pos), 0) FROM partita_events),
    journal_indexed = (SELECT coalesce(max(place), 0) FROM partita_journal);
