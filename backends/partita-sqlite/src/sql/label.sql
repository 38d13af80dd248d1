SELECT name, set_id FROM partita_meta
