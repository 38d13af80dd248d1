INSERT INTO partita_counters (space, name, value) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET value = value + excluded.value
