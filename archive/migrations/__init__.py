"""How an archive of an older version becomes one of today: Alembic's scripts, one per version.

- `env`: runs the scripts on the connection that `archive.upgrade` gives it.
- `versions/`: the scripts; version 1 is where they start from.
"""
