SELECT name, sql FROM sqlite_schema
WHERE tbl_name = ?1 AND type IN ('index', 'trigger') AND sql IS NOT NULL AND substr(name, 1, 8) <> 'partita_'
