"""Is this database ours? Answered without touching it; and the making of one that is.

An SQLite archive gets its name only when it is whole, so that a kill leaves either none or a good one, and so that its
identity lies in the file itself, never in a -wal beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Connection, insert, inspect, select
from sqlalchemy.exc import DatabaseError, OperationalError

from archive.address import Address
from archive.database import translated
from archive.errors import AlreadyExistsError, NotFoundError, NotOursError, StoreError, WrongVersionError
from archive.schema import IDENTITY, meta, metadata


def identify(address: Address) -> None:
    """Pass if an archive of our version lives at `address`; touch nothing either way.

    Raises:
        NotFoundError: If nothing lives there.
        NotOursError: If something else does.
        WrongVersionError: If it was written by another version of Savanna.
        StoreError: If it cannot be read.
    """
    if address.file is not None and not address.file.exists():
        raise NotFoundError(f"There is no archive at {address}.")
    try:
        with address.untouching_engine().connect() as connection:
            _check_identity(address, connection)
    except OperationalError as error:
        raise StoreError(f"{address} cannot be read: {error.orig}. It was not touched.") from error
    except DatabaseError as error:
        raise NotOursError(f"{address} is not an archive: {error.orig}. It was not touched.") from error


def make(address: Address) -> None:
    """Make an archive where there is nothing.

    Raises:
        AlreadyExistsError: If there is one already.
        NotOursError, WrongVersionError: If something else lives there; it is not touched.
        StoreError: If the database cannot be made.
    """
    try:
        identify(address)
    except NotFoundError:
        if address.file is None:
            _make_tables(address)
        else:
            _make_file(address.file)
    else:
        raise AlreadyExistsError(f"There is an archive at {address} already: open it, or choose another place.")


def _check_identity(address: Address, connection: Connection) -> None:
    inspector = inspect(connection)
    tables = sorted(inspector.get_table_names())
    if not tables:
        raise NotFoundError(f"There is no archive at {address}: the database is empty.")
    found = {}
    if meta.name in tables and {column["name"] for column in inspector.get_columns(meta.name)} == set(meta.c.keys()):
        found = {row.key: row.value for row in connection.execute(select(meta.c.key, meta.c.value))}
    if found.get("application") != IDENTITY["application"]:
        some = ", ".join(tables[:5]) + (", ..." if len(tables) > 5 else "")
        raise NotOursError(
            f"{address} is not an archive: it is a database with the tables {some}. It was not touched; "
            "choose another place."
        )
    if found.get("schema_version") != IDENTITY["schema_version"]:
        raise WrongVersionError(
            f"{address} is an archive of schema version {found.get('schema_version')}, but this Savanna knows version "
            f"{IDENTITY['schema_version']}. It was not touched; use the Savanna that wrote it, or choose another place."
        )


def _make_file(file: Path) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        _make_tables(Address(URL.create("sqlite", database=str(draft))))
        os.link(draft, file)  # unlike a rename, never replaces what has come to be there
    except FileExistsError as error:
        raise AlreadyExistsError(f"{file} is in the way: delete it, or choose another place.") from error
    except OSError as error:
        raise StoreError(f"{file} could not be made: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _make_tables(address: Address) -> None:
    engine = address.engine(make_file=True)
    try:
        with translated(address), engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
            metadata.create_all(connection, checkfirst=False)
            connection.execute(insert(meta), [{"key": key, "value": value} for key, value in IDENTITY.items()])
        if address.file is not None:
            with translated(address), engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # kept in the file
    finally:
        engine.dispose()
