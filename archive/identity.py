"""Is this database ours? Answered without touching what is not; and the making of one that is.

The table `meta` says whose a database is. But to open an SQLite file is to touch it: even a reader makes a -wal and a
-shm beside it, and may move an old -wal into it. So an SQLite archive says it in the header of its file too.

The file gets its name only when it is whole, so that a kill leaves either none or a good one.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, func, insert, inspect, select

from archive.address import Address
from archive.database import translated
from archive.errors import AlreadyExistsError, NotFoundError, NotOursError, StoreError, WrongVersionError
from archive.schema import APPLICATION, VERSION, alembic_version, meta, metadata

_APPLICATION_ID = int.from_bytes(b"Svna")


def identify(address: Address) -> int:
    """The version of the archive at `address`, ours or one that can be upgraded; what is not one is not touched.

    Raises:
        NotFoundError: Nothing lives there.
        NotOursError: Something else does.
        WrongVersionError: It was written by a newer version of Savanna.
        StoreError: It cannot be read.
    """
    if address.file is not None:
        _check_header(address.file)
    engine = address.engine()
    try:
        with translated(address), engine.execution_options(begin="BEGIN").begin() as connection:
            return _check_meta(address, connection)
    finally:
        engine.dispose()


def make(address: Address) -> None:
    """Make an archive where there is nothing.

    Raises:
        AlreadyExistsError: There is one already.
        NotOursError, WrongVersionError: Something else lives there; it is not touched.
        StoreError: The database cannot be made.
    """
    try:
        identify(address)
    except NotFoundError:
        if address.file is None:
            _make_tables(address, address)
        else:
            _make_file(address, address.file)
    else:
        raise AlreadyExistsError(f"There is an archive at {address} already: open it, or choose another place.")


def _check_header(file: Path) -> None:
    """Read from the header of an SQLite file whose it is, and of which version.

    Not with `open`: to close a file drops all locks that this process has on it, those of an open archive among them.
    """
    if not file.exists():
        raise NotFoundError(f"There is no archive at {file}.")
    if file.stat().st_size == 0:
        raise NotFoundError(f"There is no archive at {file}: the file is empty.")
    try:
        # `immutable` reads the file as it lies, makes none beside it and takes no lock.
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)) as connection:
            # In the middle of a checkpoint a good file may be shorter than it says; this lets its header be read.
            connection.execute("PRAGMA writable_schema = ON")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        raise StoreError(f"{file} cannot be read: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise NotOursError(f"{file} is not an archive: {error}. It was not touched.") from error
    if application != _APPLICATION_ID:
        raise NotOursError(f"{file} is not an archive, but an SQLite database of another program. It was not touched.")
    _check_version(str(file), version)


def _check_meta(address: Address, connection: Connection) -> int:
    """Read from the table `meta` whose the database is, and of which version."""
    inspector = inspect(connection)
    tables = inspector.get_table_names()
    if not tables:
        raise NotFoundError(f"There is no archive at {address}: the database is empty.")
    found = {}
    if meta.name in tables and {column["name"] for column in inspector.get_columns(meta.name)} == set(meta.c.keys()):
        found = {row.key: row.value for row in connection.execute(select(meta))}
    if found.get("application") != APPLICATION:
        raise NotOursError(
            f"{address} is not an archive, but a database with the tables {', '.join(sorted(tables))}. "
            "It was not touched."
        )
    version = int(found["version"])
    _check_version(str(address), version)
    return version


def _check_version(place: str, version: int) -> None:
    if not 1 <= version <= VERSION:
        raise WrongVersionError(
            f"{place} is an archive of version {version}, but this Savanna reads and writes version {VERSION} and "
            "upgrades older ones. It was not touched; use the Savanna that wrote it, or choose another place."
        )


def _make_file(address: Address, file: Path) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        _make_tables(Address(draft), address)
        os.link(draft, file)  # unlike a rename, never replaces what has come to be there
    except FileExistsError as error:
        raise AlreadyExistsError(f"{file} is in the way: delete it, or choose another place.") from error
    except OSError as error:
        raise StoreError(f"{file} could not be made: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _claim_database(address: Address, connection: Connection) -> None:
    """Let one process at a time make tables in a database behind a server."""
    connection.execute(select(func.pg_advisory_xact_lock(_APPLICATION_ID)))
    if inspect(connection).has_table(meta.name):
        raise AlreadyExistsError(f"There is an archive at {address} already: open it, or choose another place.")


def _make_tables(draft: Address, address: Address) -> None:
    """Make the tables in `draft`, which is to become `address`."""
    identity = {"application": APPLICATION, "version": str(VERSION)}
    engine = draft.engine(make_file=True)
    try:
        with translated(address), engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
            if draft.file is None:
                _claim_database(address, connection)
            metadata.create_all(connection, checkfirst=False)
            connection.execute(insert(meta), [{"key": key, "value": value} for key, value in identity.items()])
            connection.execute(insert(alembic_version).values(version_num=str(VERSION)))
            if draft.file is not None:
                connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        if draft.file is not None:
            # Only now, so that the header is in the file and not in a -wal. The mode is kept in the file.
            with translated(address), engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    finally:
        engine.dispose()
