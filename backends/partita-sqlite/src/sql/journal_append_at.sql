INSERT INTO partita_journal (saga, seq, body, place) VALUES (?1, ?2, ?3, ?4)
