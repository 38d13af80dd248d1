SELECT first, places
FROM partita_journals
WHERE saga = ?1
  AND first >= coalesce((SELECT max(first) FROM partita_journals WHERE saga = ?1 AND first <= ?2), 0)
ORDER BY first
