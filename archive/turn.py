"""One turn of a driver: what others stored since its last, what it adds, and its new state, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from archive import schema
from archive.calls import Call, write_calls
from archive.database import epoch
from archive.errors import LostLeaseError, NotFoundError
from archive.records import MAIN_DRIVER, Candidate, Evaluation, OpenJob, Verdict
from archive.rows import (
    evaluation_of,
    read_candidates,
    read_open_jobs,
    verdict_of,
    write_candidates,
    write_evaluations,
    write_jobs,
    write_verdicts,
)
from evaluators.job import Report

# Made once: to put them together takes longer than to execute them.
_runs, _jobs, _drivers = schema.runs, schema.jobs, schema.drivers
_NEXT_TURN = update(_runs).where(_runs.c.id == bindparam("_run")).values(turn=_runs.c.turn + 1).returning(_runs.c.turn)
_CLOSE = (
    update(_jobs)
    .where(_jobs.c.run == bindparam("_run"), _jobs.c.id == bindparam("_id"), ~_jobs.c.closed)
    .where(_jobs.c.driver == bindparam("_driver"), _jobs.c.attempt == bindparam("_attempt"))
    .values(closed=True)
)
_BEAT = (
    update(_drivers)
    .where(_drivers.c.run == bindparam("_run"), _drivers.c.name == bindparam("_name"))
    .where(_drivers.c.session == bindparam("_session"))
    .values(heartbeat_at=epoch())
)
_SAVE = _BEAT.values(state=bindparam("state"))
_LAST = select(
    select(func.max(schema.evaluations.c.id)).scalar_subquery(),
    select(func.max(schema.verdicts.c.id)).scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class News:
    """What other drivers stored since a driver's last turn, in the order told.

    Attributes:
        next_job: A number that no job of the run has yet, and neither has any above it.
    """

    candidates: Sequence[Candidate] = ()
    evaluations: Sequence[Evaluation] = ()
    verdicts: Sequence[Verdict] = ()
    next_job: int = 1

    def __bool__(self) -> bool:
        return bool(self.candidates or self.evaluations or self.verdicts)


@dataclass(frozen=True, slots=True)
class Estate:
    """What a driver whose lease ran out left behind: its last state, and its open jobs with a new attempt each."""

    driver: str
    state: Mapping[str, Any]
    jobs: Sequence[OpenJob]


@dataclass(slots=True)
class Seen:
    """How far a driver has read; replaced when a turn is committed."""

    turn: int = 0
    candidate: int = 0
    evaluation: int = 0
    verdict: int = 0


class Turn:
    """An open write transaction that holds the run: no other driver of the run has a turn meanwhile.

    Attributes:
        news: What others stored since the driver's last turn; false if nothing.
        state: The driver's state, a JSON object; stored at the end of the turn unless None.
    """

    def __init__(self, connection: Connection, run: int, driver: str, seen: Seen) -> None:
        self._connection = connection
        self._run = run
        self._driver = driver
        self._seen = seen
        self.state: Mapping[str, Any] | None = None
        number = connection.execute(_NEXT_TURN, {"_run": run}).scalar_one()
        self.seen = Seen(number, seen.candidate, seen.evaluation, seen.verdict)
        self.news = News() if number == seen.turn + 1 else self._read_news()

    def ask(self, candidates: Iterable[Candidate], jobs: Iterable[OpenJob]) -> None:
        """Store new candidates, and jobs that this driver now holds.

        Raises:
            ConflictError: A number is taken, or a parent or a job's candidate is not stored.
        """
        candidates = list(candidates)
        write_candidates(self._connection, self._run, candidates)
        write_jobs(self._connection, self._run, self._driver, jobs)
        self.seen.candidate = max([self.seen.candidate, *(candidate.id for candidate in candidates)])

    def tell(self, job_id: int, attempt: int, evaluations: Sequence[Evaluation], verdicts: Iterable[Verdict]) -> bool:
        """Close a job with what it found, and the verdicts that are possible now.

        Returns:
            False, with nothing stored, if the job was closed before or has passed to a later attempt.

        Raises:
            NotFoundError: There is no such job.
            ValueError: An evaluation comes from another job.
            ConflictError: The job did not ask about a candidate, or a candidate has a verdict of this revision already.
        """
        for evaluation in evaluations:
            if evaluation.job != job_id:
                raise ValueError(f"An evaluation of job {evaluation.job} cannot close job {job_id}.")
        held = {"_run": self._run, "_id": job_id, "_driver": self._driver, "_attempt": attempt}
        if self._connection.execute(_CLOSE, held).rowcount == 0:
            self._row(job_id)
            return False
        write_evaluations(self._connection, self._run, evaluations)
        write_verdicts(self._connection, self._run, verdicts)
        return True

    def tell_late(self, job_id: int, attempt: int, report: Report) -> bool:
        """Record a report on a job that this driver does not hold any more; it changes nothing else.

        Returns:
            False, with nothing stored, if this very attempt closed the job: the report is stored already.

        Raises:
            NotFoundError: There is no such job.
        """
        row = self._row(job_id)
        if row.closed and (row.driver, row.attempt) == (self._driver, attempt):
            return False
        self._connection.execute(
            insert(schema.late_tells).values(
                run=self._run,
                job=job_id,
                driver=self._driver,
                attempt=attempt,
                told_at=epoch(),
                report=report.model_dump(mode="json"),
            )
        )
        return True

    def note(self, calls: Iterable[Call]) -> None:
        """Store what language models were asked and answered; the candidates that came of it are stored already.

        Raises:
            ConflictError: Such a candidate is not.
        """
        write_calls(self._connection, self._run, self._driver, calls)

    def busy(self) -> list[str]:
        """The other drivers that hold open jobs."""
        jobs = schema.jobs
        holders = select(jobs.c.driver).where(jobs.c.run == self._run, ~jobs.c.closed, jobs.c.driver != self._driver)
        return sorted(self._connection.scalars(holders.distinct()))

    def take_over(self, lease: float) -> list[Estate]:
        """Inherit the work of every helper without a heartbeat for `lease` seconds of the database's clock.

        A heartbeat further than that in the future counts as none: the clock was set back. Such a driver may write no
        more before it enters the run again. The main driver is spared: what it holds waits until it is resumed.
        """
        table = schema.drivers
        silent = select(table).where(
            table.c.run == self._run,
            table.c.name.not_in([self._driver, MAIN_DRIVER]),
            ~table.c.heartbeat_at.between(epoch() - lease, epoch() + lease),
        )
        return [self._inherit(row.name, row.state) for row in self._connection.execute(silent.order_by(table.c.name))]

    def _inherit(self, name: str, state: Mapping[str, Any]) -> Estate:
        jobs, drivers = schema.jobs, schema.drivers
        its_own = (jobs.c.run == self._run) & (jobs.c.driver == name) & ~jobs.c.closed
        numbers = self._connection.scalars(
            update(jobs).where(its_own).values(driver=self._driver, attempt=jobs.c.attempt + 1).returning(jobs.c.id)
        ).all()
        self._connection.execute(delete(drivers).where(drivers.c.run == self._run, drivers.c.name == name))
        mine = read_open_jobs(self._connection, self._run, self._driver)
        return Estate(name, state, [job for job in mine if job.id in numbers])

    def finish(self, session: str) -> None:
        """The last write of a turn: the state, with a heartbeat.

        Raises:
            LostLeaseError: The driver may not write any more.
        """
        mine = {"_run": self._run, "_name": self._driver, "_session": session}
        if self.state is None:
            written = self._connection.execute(_BEAT, mine)
        else:
            written = self._connection.execute(_SAVE, mine | {"state": dict(self.state)})
        if written.rowcount == 0:
            table = schema.drivers
            of_name = select(table.c.session).where(table.c.run == self._run, table.c.name == self._driver)
            raise LostLeaseError(self._driver, taken=self._connection.scalar(of_name) is not None)
        self.seen.evaluation, self.seen.verdict = self._last()

    def _read_news(self) -> News:
        evaluations, verdicts, candidates, jobs = (
            schema.evaluations,
            schema.verdicts,
            schema.candidates,
            schema.jobs,
        )
        of_run = {table: select(table).where(table.c.run == self._run) for table in (evaluations, verdicts)}
        told = of_run[evaluations].where(evaluations.c.id > self._seen.evaluation).order_by(evaluations.c.id)
        judged = of_run[verdicts].where(verdicts.c.id > self._seen.verdict).order_by(verdicts.c.id)
        numbers = select(candidates.c.id).where(candidates.c.run == self._run, candidates.c.id > self._seen.candidate)
        last_job = self._connection.scalar(select(func.max(jobs.c.id)).where(jobs.c.run == self._run))
        found = read_candidates(self._connection, self._run, numbers)
        self.seen.candidate = found[-1].id if found else self._seen.candidate
        return News(
            found,
            [evaluation_of(row) for row in self._connection.execute(told)],
            [verdict_of(row) for row in self._connection.execute(judged)],
            (last_job or 0) + 1,
        )

    def _last(self) -> tuple[int, int]:
        """The highest numbers of evaluations and verdicts; whatever this run gets later has higher ones."""
        evaluation, verdict = self._connection.execute(_LAST).one()
        return evaluation or 0, verdict or 0

    def _row(self, job_id: int) -> Any:
        jobs = schema.jobs
        row = self._connection.execute(
            select(jobs.c.closed, jobs.c.driver, jobs.c.attempt).where(jobs.c.run == self._run, jobs.c.id == job_id)
        ).one_or_none()
        if row is None:
            raise NotFoundError(f"The run has no job {job_id}.")
        return row
