SELECT pos, stream, version, id, type, time, meta, data
FROM partita_events
WHERE pos = ?1 AND stream = ?2 AND version = ?3
