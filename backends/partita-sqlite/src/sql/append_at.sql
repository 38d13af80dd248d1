INSERT INTO partita_events (stream, version, id, type, time, meta, data, pos)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
