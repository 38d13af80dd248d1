SELECT max(
    coalesce((SELECT max(saga) FROM partita_journals), -9223372036854775808),
    coalesce(
        (SELECT max(saga) FROM partita_journal WHERE place > (SELECT journal_indexed FROM partita_meta)),
        -9223372036854775808
    )
)
