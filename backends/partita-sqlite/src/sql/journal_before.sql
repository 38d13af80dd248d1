SELECT first, places
FROM partita_journals
WHERE saga = ?1 AND first <= ?2
ORDER BY first DESC
LIMIT 1
