INSERT INTO partita_streams (stream, first, places) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET places = excluded.places
