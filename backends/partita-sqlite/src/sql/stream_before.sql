SELECT first, places
FROM partita_streams
WHERE stream = ?1 AND first <= ?2
ORDER BY first DESC
LIMIT 1
