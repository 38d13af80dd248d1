SELECT 'saga ' || saga || ' has ' || count(*) || ' records, ' || min(seq) || ' to ' || max(seq)
FROM partita_journal
GROUP BY saga
HAVING min(seq) <> 0 OR max(seq) <> count(*) - 1
