INSERT INTO partita_journal (saga, seq, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
