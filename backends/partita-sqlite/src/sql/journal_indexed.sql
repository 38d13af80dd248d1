UPDATE partita_meta SET journal_indexed = ?1
