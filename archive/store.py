"""The record of runs: what was proposed, asked, measured and judged, in a database that outlives the process.

What the store guarantees:

- `ask` and `tell` are one transaction each. A process killed at any instant leaves each wholly done or not at all, with
  the driver's state of the same moment beside it; a resumed run goes on from there.
- Facts are only ever added. Telling a job again changes nothing.
- Every evaluation belongs to a candidate that its job asked about, and that job is closed.
- The order of verdicts is the order of telling, so that replaying them rebuilds the grid.
- One process at a time drives a run; any number may read it, or drive other runs in the same database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, exists, insert, literal, select, update

from archive import schema
from archive.address import Address
from archive.database import Database
from archive.errors import AlreadyExistsError, NotFoundError
from archive.identity import identify, make
from archive.records import Candidate, Counts, Evaluation, OpenJob, Purpose, RunInfo, Verdict
from archive.rows import (
    evaluation_of,
    read_candidates,
    read_counts,
    read_open_jobs,
    run_info_of,
    verdict_of,
    write_candidates,
    write_evaluations,
    write_jobs,
    write_verdicts,
)
from archive.schema import runs


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
        """Open an archive. What is not one of this version is not touched, and nothing is ever made.

        Raises:
            NotFoundError: Nothing lives there.
            NotOursError, WrongVersionError: Something else does.
        """
        address = Address(url)
        identify(address)
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
        """Add a run without candidates, whose state is empty.

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
            connection.execute(insert(schema.states).values(run=run, state={}))
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

    def ask(self, candidates: Iterable[Candidate], jobs: Iterable[OpenJob], state: Mapping[str, Any]) -> None:
        """Store new candidates, the jobs opened for them, and the driver's state, a JSON object.

        Raises:
            ConflictError: A number is taken, or a parent or a job's candidate is not stored.
        """
        with self.database.write() as connection:
            write_candidates(connection, self.key, candidates)
            write_jobs(connection, self.key, jobs)
            self._save(connection, state)

    def tell(
        self,
        job_id: int,
        evaluations: Sequence[Evaluation],
        verdicts: Iterable[Verdict],
        jobs: Iterable[OpenJob],
        state: Mapping[str, Any],
    ) -> bool:
        """Close a job with what it found, the verdicts now possible, the jobs that follow, and the driver's state.

        Returns:
            False, with nothing stored, if the job was closed before.

        Raises:
            NotFoundError: There is no such job.
            ValueError: An evaluation comes from another job.
            ConflictError: The job did not ask about a candidate, or a candidate has its verdict already.
        """
        for evaluation in evaluations:
            if evaluation.job != job_id:
                raise ValueError(f"An evaluation of job {evaluation.job} cannot close job {job_id}.")
        this_job = (schema.jobs.c.run == self.key) & (schema.jobs.c.id == job_id)
        with self.database.write() as connection:
            closed = connection.execute(update(schema.jobs).where(this_job, ~schema.jobs.c.closed).values(closed=True))
            if closed.rowcount == 0:
                if not connection.scalar(select(exists().where(this_job))):
                    raise NotFoundError(f"The run {self.info.name!r} has no job {job_id}.")
                return False
            write_evaluations(connection, self.key, evaluations)
            write_verdicts(connection, self.key, verdicts)
            write_jobs(connection, self.key, jobs)
            self._save(connection, state)
        return True

    def state(self) -> dict[str, Any]:
        """The driver's state as the last `ask` or `tell` left it; empty before the first."""
        with self.database.read() as connection:
            state: dict[str, Any] = connection.scalars(
                select(schema.states.c.state).where(schema.states.c.run == self.key)
            ).one()
            return state

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

    def counts(self) -> Counts:
        """How many records of each kind there are."""
        with self.database.read() as connection:
            return read_counts(connection, self.key)

    def _save(self, connection: Connection, state: Mapping[str, Any]) -> None:
        table = schema.states
        connection.execute(update(table).where(table.c.run == self.key).values(state=dict(state)))
