SELECT seq, body FROM partita_journal WHERE place = ?1 AND saga = ?2 AND seq = ?3
