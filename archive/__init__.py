"""The shelf: the best of every kind in memory, and the record of a run in a database.

In reading order:

- `grid`: MAP-Elites. Axes, cells, the best elite of each.
- `records`: the facts of a run, as frozen dataclasses; `calls`: one more, what language models were asked.
- `store`: what is guaranteed about them; the runs of a database, and their readers.
- `driver` and `turn`: who may write to a run, and how: facts and the driver's state, one transaction at a time.
- `views`: read-only questions that the command line and the pages share; the grid rebuilt from the store.
- `promotions`: what the funnel measured and found out, and the seal on the test tasks.
- `errors`: what can go wrong, for callers to catch.

Beneath the store: `schema` (the tables), `rows` (records to rows and back), `database` (transactions), `identity` (is
this database ours, and the making of one that is), `upgrade` and `migrations/` (older versions become ours), `address`
(where it lives and how to reach it).
"""
