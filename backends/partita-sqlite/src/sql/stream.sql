SELECT pos, stream, version, id, type, time, meta, data
FROM partita_events
WHERE stream = ?1 AND version >= ?2
ORDER BY version
LIMIT ?3
