SELECT place, saga, seq FROM partita_journal WHERE place > (SELECT journal_indexed FROM partita_meta) ORDER BY place
