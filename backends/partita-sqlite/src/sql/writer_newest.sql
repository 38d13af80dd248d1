SELECT 1 FROM partita_writers
WHERE incarnation = ?1 AND seq = ?2 AND ?1 = (SELECT max(incarnation) FROM partita_writers)
