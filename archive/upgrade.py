"""An archive of an older version becomes one of today, in one transaction; an SQLite file is copied first."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import select

from archive.address import Address
from archive.database import translated
from archive.errors import StoreError
from archive.schema import VERSION, meta

_SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(address: Address) -> None:
    """Run the scripts between the archive's version and ours.

    A copy of an SQLite file stays beside it, as `run.db.version1` beside `run.db`. A kill at any instant leaves the
    archive as it was or upgraded.

    Raises:
        StoreError: There is no room for the copy, or the database does not take the changes.
    """
    # Imported here: only an old archive needs it.
    from alembic import command
    from alembic.config import Config

    engine = address.engine()
    try:
        with translated(address), engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
            locked = select(meta.c.value).where(meta.c.key == "version").with_for_update()
            version = int(connection.scalars(locked).one())
            if version == VERSION:  # another process was quicker
                return
            if address.file is not None:
                _copy(address.file, address.file.with_name(f"{address.file.name}.version{version}"))
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _copy(file: Path, copy: Path) -> None:
    """Make a copy that is whole or absent, of what is committed; an older copy is kept."""
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(draft)) as new,
        ):
            old.backup(new)
        if not copy.exists():
            draft.rename(copy)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{file} is of an older version, and no copy could be made before its upgrade: {error}."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
