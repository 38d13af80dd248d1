DELETE FROM partita_journal WHERE saga = ?1
