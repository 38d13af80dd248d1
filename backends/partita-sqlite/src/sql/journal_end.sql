SELECT first, places FROM partita_journals WHERE saga = ?1 ORDER BY first DESC LIMIT 1
