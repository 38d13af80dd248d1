SELECT seq FROM partita_writers WHERE incarnation = ?1
