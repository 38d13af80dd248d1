DELETE FROM partita_journal WHERE place = ?1 AND saga = ?2
