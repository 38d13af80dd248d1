SELECT log_id, restore_epoch, coalesce((SELECT max(pos) FROM partita_events), 0) FROM partita_meta
