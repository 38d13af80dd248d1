INSERT OR FAIL INTO partita_events (stream, version, id, type, time, meta, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
