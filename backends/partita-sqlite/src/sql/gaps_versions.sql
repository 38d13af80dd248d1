SELECT 'stream ' || lower(hex(stream)) || ' has ' || count(*) || ' events, versions ' || min(version) || ' to ' || max(version)
FROM partita_events
GROUP BY stream
HAVING min(version) <> 0 OR max(version) <> count(*) - 1
