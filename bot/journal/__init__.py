"""The append-only record: what was decided, meant, learnt, booked and asked for. See `store.SqlJournal`."""
