UPDATE partita_meta SET restore_epoch = restore_epoch + 1
