SELECT seq + 1 FROM partita_journal WHERE saga = ?1 ORDER BY seq DESC LIMIT 1
