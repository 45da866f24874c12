"""The record of runs: what was proposed, asked, measured and judged, in a database that outlives the process.

What the store guarantees:

- A turn is one transaction. A process killed at any instant leaves it wholly done or not at all, with the driver's
  state of the same moment beside it; a resumed run goes on from there.
- Facts are only ever added. Telling a job again changes nothing; telling it too late is recorded and changes nothing.
- Every evaluation belongs to a candidate that its job asked about, and that job is closed.
- The order of verdicts is the order of telling, so that replaying them rebuilds the grid.
- Drivers of one run take turns, and each learns what the others stored before it adds anything. Any number of
  processes may read.
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import insert, literal, select

from archive import schema
from archive.address import Address
from archive.calls import Call, read_calls
from archive.database import Database
from archive.driver import Driver
from archive.errors import AlreadyExistsError, NotFoundError
from archive.identity import identify, make
from archive.records import MAIN_DRIVER, Candidate, Counts, Evaluation, OpenJob, Purpose, RunInfo, Verdict
from archive.rows import evaluation_of, read_candidates, read_counts, read_open_jobs, run_info_of, verdict_of
from archive.schema import VERSION, runs
from archive.upgrade import upgrade


class Store:
    """An open archive: its runs by name. Use it in a `with` block, or `close` it.

    Besides what each method names, all of them here and in `RunStore` raise `StoreError` when the database fails.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def create(cls, url: str | Path) -> Self:
        """Make an archive where there is nothing yet, and open it.

        Raises:
            AlreadyExistsError: There is one already.
            NotOursError, WrongVersionError: Something else lives there; it is not touched.
        """
        address = Address(url)
        make(address)
        return cls(Database(address))

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """Open an archive. One of an older version is upgraded; what is not one is not touched, and nothing is made.

        Raises:
            NotFoundError: Nothing lives there.
            NotOursError, WrongVersionError: Something else does.
        """
        address = Address(url)
        if identify(address) < VERSION:
            upgrade(address)
        return cls(Database(address))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def runs(self) -> list[RunInfo]:
        """All runs, in the order in which they were added."""
        with self._database.read() as connection:
            return [run_info_of(row) for row in connection.execute(select(runs).order_by(runs.c.id))]

    def add_run(self, info: RunInfo) -> RunStore:
        """Add a run without candidates.

        Raises:
            AlreadyExistsError: There is a run of this name.
        """
        row = {
            "name": info.name,
            "config": dict(info.config),
            "created_at": info.created_at.astimezone(UTC).isoformat(),
            "versions": dict(info.versions),
        }
        with self._database.write() as connection:
            if connection.scalar(select(runs.c.id).where(runs.c.name == info.name)) is not None:
                raise AlreadyExistsError(f"{self._database} has a run {info.name!r} already: resume it, or rename.")
            run = connection.scalars(insert(runs).values(row).returning(runs.c.id)).one()
        return RunStore(self._database, run, info)

    def run(self, name: str) -> RunStore:
        """The run of this name.

        Raises:
            NotFoundError: There is none; the message lists those that there are.
        """
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.name == name)).one_or_none()
        if row is None:
            names = ", ".join(info.name for info in self.runs()) or "none yet"
            raise NotFoundError(f"{self._database} has no run {name!r}. Its runs: {names}.")
        return RunStore(self._database, row.id, run_info_of(row))


class RunStore:
    """One run of an archive.

    Attributes:
        database: Where it is stored.
        key: What its rows have in their column `run`.
        info: What it was started with.
    """

    def __init__(self, database: Database, key: int, info: RunInfo) -> None:
        self.database = database
        self.key = key
        self.info = info

    def enter(self, driver: str = MAIN_DRIVER) -> Driver:
        """Drive the run under a name. Whoever did so under the same name before can write no more.

        Raises:
            StoreError: The database does not answer.
        """
        return Driver(self.database, self.key, driver)

    def state(self, driver: str = MAIN_DRIVER) -> dict[str, Any]:
        """A driver's state as its last turn left it; empty before the first."""
        table = schema.drivers
        with self.database.read() as connection:
            state: dict[str, Any] | None = connection.scalar(
                select(table.c.state).where(table.c.run == self.key, table.c.name == driver)
            )
        return state or {}

    def open_jobs(self) -> list[OpenJob]:
        """What was asked and not told, by number."""
        with self.database.read() as connection:
            return read_open_jobs(connection, self.key)

    def candidates(self) -> list[Candidate]:
        """All candidates, by number."""
        with self.database.read() as connection:
            return read_candidates(connection, self.key)

    def candidate(self, candidate_id: int) -> Candidate:
        """The candidate of this number.

        Raises:
            NotFoundError: There is none.
        """
        with self.database.read() as connection:
            found = read_candidates(connection, self.key, select(literal(candidate_id)))
        if not found:
            raise NotFoundError(f"The run {self.info.name!r} has no candidate {candidate_id}.")
        return found[0]

    def verdicts(self) -> list[Verdict]:
        """All verdicts, in the order told."""
        table = schema.verdicts
        with self.database.read() as connection:
            rows = connection.execute(select(table).where(table.c.run == self.key).order_by(table.c.id))
            return [verdict_of(row) for row in rows]

    def evaluations(self, candidate: int | None = None, purpose: Purpose | None = None) -> list[Evaluation]:
        """Evaluations in the order told: all, or those of one candidate, or those with one purpose."""
        table = schema.evaluations
        chosen = select(table).where(table.c.run == self.key).order_by(table.c.id)
        if candidate is not None:
            chosen = chosen.where(table.c.candidate == candidate)
        if purpose is not None:
            chosen = chosen.where(table.c.purpose == purpose)
        with self.database.read() as connection:
            return [evaluation_of(row) for row in connection.execute(chosen)]

    def calls(self, driver: str | None = None, candidate: int | None = None) -> list[Call]:
        """What language models were asked, in the order settled: all, or by one driver, or for one candidate."""
        with self.database.read() as connection:
            return read_calls(connection, self.key, driver, candidate)

    def counts(self) -> Counts:
        """How many records of each kind there are."""
        with self.database.read() as connection:
            return read_counts(connection, self.key)
