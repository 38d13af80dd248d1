SELECT max(journal_indexed, coalesce((SELECT max(place) FROM partita_journal), 0)) FROM partita_meta
