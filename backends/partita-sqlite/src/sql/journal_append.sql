INSERT OR FAIL INTO partita_journal (saga, seq, body) VALUES (?1, ?2, ?3)
