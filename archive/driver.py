"""Who drives a run: sessions, heartbeats and leases, all by the database's clock.

A driver has a name and, while it runs, a session. Entering under a name that is in use ends the older session, and
takes its open jobs back at once. A helper without heartbeat for the length of a lease may be declared gone by any other
driver, which inherits its work. Either way the older process can write nothing more: every turn ends by checking its
session.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, literal, select, update

from archive import schema
from archive.database import Database, epoch
from archive.records import OpenJob
from archive.rows import read_open_jobs
from archive.turn import News, Seen, Turn


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a driver stands: its last state (empty if it never had a turn), its open jobs, and all facts of the run."""

    state: Mapping[str, Any]
    jobs: Sequence[OpenJob]
    facts: News


class Driver:
    """The right to write to a run under a name, until somebody else claims it.

    Attributes:
        name: Unique among the processes that drive the run.
    """

    def __init__(self, database: Database, run: int, name: str) -> None:
        self.name = name
        self._database = database
        self._run = run
        self._session = uuid.uuid4().hex
        self._seen = Seen()
        self._enter()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A transaction that holds the run; committed at the end of the block, or rolled back by any exception.

        Raises:
            LostLeaseError: Another process has taken over; nothing was stored.
            ConflictError: The rows contradict stored ones.
            StoreError: The database does not take them.
        """
        with self._database.write() as connection:
            turn = Turn(connection, self._run, self.name, self._seen)
            yield turn
            turn.finish(self._session)
        self._seen = turn.seen

    def standing(self) -> Standing:
        """Everything to go on from, read again from the store; the next turn's news start from here.

        Raises:
            LostLeaseError: Another process has taken over.
        """
        with self._database.write() as connection:
            everything = Turn(connection, self._run, self.name, Seen())
            state = connection.scalar(select(schema.drivers.c.state).where(self._mine()))
            everything.finish(self._session)
            jobs = read_open_jobs(connection, self._run, self.name)
        self._seen = everything.seen
        return Standing(state or {}, jobs, everything.news)

    def beat(self) -> None:
        """Say that the driver lives, between turns that are far apart; without effect once another has taken over."""
        self._renew(epoch())

    def leave(self) -> None:
        """Give up the lease: others may inherit what is open without waiting for it to run out."""
        self._renew(literal(0.0))

    def _mine(self) -> ColumnElement[bool]:
        table = schema.drivers
        return and_(table.c.run == self._run, table.c.name == self.name, table.c.session == self._session)

    def _renew(self, moment: ColumnElement[float]) -> None:
        with self._database.write() as connection:
            connection.execute(update(schema.drivers).where(self._mine()).values(heartbeat_at=moment))

    def _enter(self) -> None:
        """Claim the name and take back its open jobs, with the first heartbeat, in one transaction."""
        drivers, jobs = schema.drivers, schema.jobs
        mine = (drivers.c.run == self._run) & (drivers.c.name == self.name)
        its_jobs = (jobs.c.run == self._run) & (jobs.c.driver == self.name) & ~jobs.c.closed
        session = {"session": self._session, "heartbeat_at": epoch()}
        with self._database.write() as connection:
            connection.execute(
                update(schema.runs).where(schema.runs.c.id == self._run).values(turn=schema.runs.c.turn + 1)
            )
            if connection.execute(update(drivers).where(mine).values(session)).rowcount == 0:
                connection.execute(insert(drivers).values(run=self._run, name=self.name, state={}, **session))
            connection.execute(update(jobs).where(its_jobs).values(attempt=jobs.c.attempt + 1))
