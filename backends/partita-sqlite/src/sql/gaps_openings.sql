SELECT count(*) || ' openings, numbered ' || min(incarnation) || ' to ' || max(incarnation)
FROM partita_writers
HAVING min(incarnation) <> 1 OR max(incarnation) <> count(*)
