INSERT INTO partita_events (pos, stream, version, id, type, time, meta, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
