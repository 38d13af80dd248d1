SELECT pos, stream, version, id, type, time, meta, data
FROM partita_events
WHERE pos > ?1
ORDER BY pos
LIMIT ?2
