SELECT first, places FROM partita_streams WHERE stream = ?1 ORDER BY first DESC LIMIT 1
