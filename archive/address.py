"""Where an archive lives, and how to reach it: an SQLite file, or a database behind a server."""

from __future__ import annotations

from json import JSONEncoder
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

_LOCK_TIMEOUT = "30"  # seconds that SQLite waits for another writer; `?timeout=` in the URL overrules it
_json = JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # NaN is no JSON, and not every database takes it


class Address:
    """A database URL, or the path of an SQLite file. Printed as its file, or as the URL without its password.

    Attributes:
        file: The absolute path of an SQLite file; None for a database behind a server.

    Raises:
        ValueError: The URL names an SQLite database in memory.
    """

    def __init__(self, url: str | URL | Path) -> None:
        self._url = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        self.file: Path | None = None
        if self._url.get_backend_name() == "sqlite":
            if not self._url.database or self._url.database == ":memory:":
                raise ValueError("An archive outlives its process: name a file, as in sqlite:///runs/first/run.db.")
            self.file = Path(self._url.database).resolve()

    def __str__(self) -> str:
        return str(self.file or self._url.render_as_string(hide_password=True))

    def engine(self, *, make_file: bool = False) -> Engine:
        """An engine whose execution option `begin` is the statement that begins an SQLite transaction.

        SQLite would make a missing file on its own; here it does so only when told to.

        Raises:
            ValueError: There is no driver for such a database.
        """
        url = self._url if self.file is None else self._sqlite(self.file, mode="rwc" if make_file else "rw")
        try:
            engine = create_engine(url, json_serializer=_json)
        except (ArgumentError, ImportError) as error:
            raise ValueError(f"no driver for {self}: {error}.") from error
        if self.file is not None:
            event.listen(engine, "connect", _prepare)
            event.listen(engine, "begin", _begin)
        return engine

    def inode(self) -> tuple[int, int] | None:
        """What tells an SQLite file from another of the same name; None if there is no file."""
        if self.file is None or not self.file.exists():
            return None
        status = self.file.stat()
        return status.st_dev, status.st_ino

    def _sqlite(self, file: Path, **options: str) -> URL:
        query = {"timeout": _LOCK_TIMEOUT, **self._url.query, **options, "uri": "true"}
        return self._url.set(database=f"file:{quote(str(file))}", query=query)


def _prepare(connection: DBAPIConnection, _: object) -> None:
    connection.isolation_level = None  # left to itself, the driver begins late and not immediately
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get("begin")
    if statement:
        connection.exec_driver_sql(statement)
