SELECT pos, stream, version FROM partita_events WHERE pos > (SELECT events_indexed FROM partita_meta) ORDER BY pos
