UPDATE partita_meta SET events_indexed = ?1
