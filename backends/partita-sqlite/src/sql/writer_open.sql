INSERT INTO partita_writers (incarnation, seq)
SELECT coalesce(max(incarnation), 0) + 1, 0 FROM partita_writers
RETURNING incarnation
