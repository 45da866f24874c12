"""Where an archive lives, and how to reach it: an SQLite file, or a database behind a server."""

from __future__ import annotations

from contextlib import closing
from json import JSONEncoder
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

_LOCK_TIMEOUT = "30"  # seconds that a writer waits for another; for SQLite, `?timeout=` in the URL overrules it
_LONGEST_PAUSE = 300  # seconds between two statements of a turn: a driver that is frozen in one may not hold the run
_POSTGRESQL = {  # of libpq, in seconds but for the last: a server that is gone is noticed, not waited for
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "60000",
}
_json = JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # NaN is no JSON, and not every database takes it


class Address:
    """A database URL, or the path of an SQLite file. Printed as its file, or as the URL without its password.

    Attributes:
        file: The absolute path of an SQLite file; None for a database behind a server.

    Raises:
        ValueError: The URL names an SQLite database in memory, or a database of another kind.
    """

    def __init__(self, url: str | URL | Path) -> None:
        self._url = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        self.file: Path | None = None
        if self._url.get_backend_name() == "sqlite":
            if not self._url.database or self._url.database == ":memory:":
                raise ValueError("An archive outlives its process: name a file, as in sqlite:///runs/first/run.db.")
            self.file = Path(self._url.database).resolve()
        elif self._url.get_backend_name() not in ("postgresql", "postgres"):
            raise ValueError(f"An archive is an SQLite file or a PostgreSQL database, not {self}.")

    def __str__(self) -> str:
        shown = self._url.difference_update_query(["password", "sslpassword"])
        return str(self.file or shown.render_as_string(hide_password=True))

    def engine(self, *, make_file: bool = False) -> Engine:
        """An engine whose execution option `begin` is the statement that begins an SQLite transaction.

        SQLite would make a missing file on its own; here it does so only when told to.

        Raises:
            ValueError: The database is of another kind, or its driver is not installed.
        """
        try:
            engine = create_engine(self._target(make_file=make_file), json_serializer=_json)
        except (ArgumentError, ImportError) as error:
            raise ValueError(
                f"no driver for {self}: {error}. For PostgreSQL: pip install 'psycopg[binary]'."
            ) from error
        if self.file is not None:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin)
        else:
            event.listen(engine, "connect", _prepare_postgresql)
        return engine

    def inode(self) -> tuple[int, int] | None:
        """What tells an SQLite file from another of the same name; None if there is no file."""
        if self.file is None or not self.file.exists():
            return None
        status = self.file.stat()
        return status.st_dev, status.st_ino

    def _target(self, *, make_file: bool) -> URL:
        """The URL with its driver and everything that was not said."""
        if self.file is None:
            return self._url.set(drivername="postgresql+psycopg", query=_POSTGRESQL | dict(self._url.query))
        mode = "rwc" if make_file else "rw"
        query = {"timeout": _LOCK_TIMEOUT, **self._url.query, "mode": mode, "uri": "true"}
        return self._url.set(database=f"file:{quote(str(self.file))}", query=query)


def _prepare_postgresql(connection: DBAPIConnection, _: object) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}s'")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST_PAUSE}s'")
    connection.commit()


def _prepare_sqlite(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # left to itself, the driver begins late and not immediately
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("begin")
    if statement:
        connection.exec_driver_sql(statement)
