INSERT INTO partita_journal (place, saga, seq, body) VALUES (?1, ?2, ?3, ?4)
