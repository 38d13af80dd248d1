SELECT name, value FROM partita_counters WHERE space = ?1 ORDER BY name
