UPDATE partita_meta SET restore_epoch = restore_epoch + 1, set_id = ?1
