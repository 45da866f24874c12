"""An open archive's database: transactions that happen wholly or not at all, and errors that say what to do.

PostgreSQL needs nothing special: readers see one snapshot, and a turn locks the row of its run.

SQLite runs in WAL mode: readers never wait for the writer. Writers begin at once (`BEGIN IMMEDIATE`), because a
transaction that reads first and writes later is refused as busy, without waiting, when another wrote in between.
Commits are not synced one by one: a killed process loses nothing; a power cut may lose the last commits, never part of
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Double
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from archive.address import Address
from archive.errors import ConflictError, DamagedError, StoreError


class epoch(FunctionElement[float]):  # noqa: N801 - reads like the SQL function that it is
    """Seconds since 1970 by the database's clock, which all drivers of a run share."""

    type = Double()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite_epoch(_element: epoch, _compiler: SQLCompiler, **_: object) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(epoch, "postgresql")
def _postgresql_epoch(_element: epoch, _compiler: SQLCompiler, **_: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


class Database:
    """Hands out transactions on an archive that `archive.identity` has recognised.

    Attributes:
        shared: Whether it lives behind a server, where several machines reach it.
    """

    def __init__(self, address: Address) -> None:
        self.shared = address.file is None
        self._address = address
        self._inode = address.inode()
        engine = address.engine()
        if address.file is None:
            self._readers = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writers = engine  # who writes to a run first locks its row
        else:
            self._readers = engine.execution_options(begin="BEGIN")
            self._writers = engine.execution_options(begin="BEGIN IMMEDIATE")
        self.close = engine.dispose

    def __str__(self) -> str:
        return str(self._address)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database throughout.

        Raises:
            StoreError: The database does not answer.
        """
        self._check_present()
        with translated(self._address), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, or rolled back by any exception.

        Raises:
            ConflictError: The rows contradict stored ones.
            StoreError: The database does not take them.
        """
        self._check_present()
        with translated(self._address), self._writers.begin() as connection:
            yield connection

    def _check_present(self) -> None:
        # SQLite itself goes on writing into a deleted file without a word.
        if self._address.inode() != self._inode:
            raise StoreError(
                f"{self._address} was removed or replaced while in use. Nothing was written; put it back and resume."
            )


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn the database's errors into the archive's; a mistake in our own SQL stays what it is."""
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            f"{address} holds facts that contradict new ones ({error.orig}); none of these were stored. "
            "Is another process driving the same run?"
        ) from error
    except (OperationalError, InterfaceError) as error:
        raise StoreError(
            f"{address}: {str(error.orig).rstrip('.?!')}.\n"
            "The transaction was rolled back. Nothing finished is lost: clear the cause and try again."
        ) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise DamagedError(f"{address} is damaged: {error.orig}. Put back a copy of it to resume the run.") from error
    except StatementError as error:
        raise error.orig or error from None  # a value that is no JSON, found before the database was asked
