SELECT 'position ' || pos || ' follows ' || before
FROM (SELECT pos, lag(pos, 1, 0) OVER (ORDER BY pos) AS before FROM partita_events)
WHERE pos <> before + 1
