DELETE FROM partita_journals WHERE saga = ?1
