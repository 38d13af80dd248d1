SELECT seq, body FROM partita_journal WHERE saga = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3
