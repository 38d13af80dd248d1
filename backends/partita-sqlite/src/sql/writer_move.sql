UPDATE partita_writers SET seq = ?2 WHERE incarnation = ?1
