INSERT INTO partita_probe (ballast) VALUES (zeroblob(32768))
