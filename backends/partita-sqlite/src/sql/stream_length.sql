SELECT version + 1 FROM partita_events WHERE stream = ?1 ORDER BY version DESC LIMIT 1
