SELECT count(*), coalesce(sum(seq), 0) FROM partita_writers
