UPDATE partita_writers SET seq = seq + ?3
WHERE incarnation = ?1 AND seq = ?2 AND ?1 = (SELECT max(incarnation) FROM partita_writers)
