UPDATE partita_meta SET name = ?1, set_id = ?2 WHERE name IS NOT ?1 OR set_id IS NOT ?2
