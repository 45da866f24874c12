"""Records to rows and rows to records: the one place that knows both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, insert, select

from archive.records import Candidate, Counts, Evaluation, OpenJob, Purpose, RunInfo, Verdict
from archive.schema import candidates, evaluations, job_candidates, jobs, parents, verdicts
from evaluators.job import Job, Outcome, Result

# Made once, because every turn needs them.
_INSERT = {table.name: insert(table) for table in (candidates, parents, jobs, job_candidates, evaluations, verdicts)}


def write_candidates(connection: Connection, run: int, records: Iterable[Candidate]) -> None:
    """Insert candidates; their parents are stored already or among them."""
    rows, links = [], []
    for record in records:
        rows.append(
            {
                "run": run,
                "id": record.id,
                "name": record.name,
                "source": record.source,
                "emitter": record.emitter,
                "note": record.note,
                "structure": record.structure,
                "behaviour": record.behaviour,
            }
        )
        links += [
            {"run": run, "candidate": record.id, "position": position, "parent": parent}
            for position, parent in enumerate(record.parents)
        ]
    if rows:
        connection.execute(_INSERT["candidates"], rows)
    if links:
        connection.execute(_INSERT["parents"], links)


def read_candidates(connection: Connection, run: int, among: Select[tuple[int]] | None = None) -> list[Candidate]:
    """Candidates by number, all of them or those whose numbers are `among` the selected."""
    of_run = select(candidates).where(candidates.c.run == run).order_by(candidates.c.id)
    links = select(parents).where(parents.c.run == run).order_by(parents.c.candidate, parents.c.position)
    if among is not None:
        of_run = of_run.where(candidates.c.id.in_(among))
        links = links.where(parents.c.candidate.in_(among))
    parents_of: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for link in connection.execute(links):
        parents_of[link.candidate] += (link.parent,)
    return [
        Candidate(row.id, row.name, row.source, row.emitter, row.note, parents_of[row.id], row.structure, row.behaviour)
        for row in connection.execute(of_run)
    ]


def write_jobs(connection: Connection, run: int, driver: str, records: Iterable[OpenJob]) -> None:
    """Insert open jobs of a driver, whose candidates are stored already."""
    rows, links = [], []
    for record in records:
        job = record.job.model_dump(mode="json")
        rows.append(
            {
                "run": run,
                "id": record.id,
                "purpose": record.purpose,
                "job": job,
                "closed": False,
                "driver": driver,
                "attempt": record.attempt,
            }
        )
        links += [
            {"run": run, "job": record.id, "position": position, "candidate": candidate}
            for position, candidate in enumerate(record.candidates)
        ]
    if rows:
        connection.execute(_INSERT["jobs"], rows)
    if links:
        connection.execute(_INSERT["job_candidates"], links)


def read_open_jobs(connection: Connection, run: int, driver: str | None = None) -> list[OpenJob]:
    """Open jobs by number, all of them or those of one driver."""
    still_open = select(jobs).where(jobs.c.run == run, jobs.c.closed.is_(False)).order_by(jobs.c.id)
    if driver is not None:
        still_open = still_open.where(jobs.c.driver == driver)
    asked = (
        select(job_candidates.c.job, job_candidates.c.candidate)
        .where(job_candidates.c.run == run, job_candidates.c.job.in_(still_open.with_only_columns(jobs.c.id)))
        .order_by(job_candidates.c.job, job_candidates.c.position)
    )
    candidates_of: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for link in connection.execute(asked):
        candidates_of[link.job] += (link.candidate,)
    return [
        OpenJob(row.id, Purpose(row.purpose), candidates_of[row.id], Job.model_validate(row.job), row.attempt)
        for row in connection.execute(still_open)
    ]


def write_evaluations(connection: Connection, run: int, records: Iterable[Evaluation]) -> None:
    """Insert evaluations in this order."""
    rows = [
        {
            "run": run,
            "job": record.job,
            "candidate": record.candidate,
            "purpose": record.purpose,
            "task": record.task,
            "task_version": record.task_version,
            "seeds": record.seeds,
            "device": record.device,
            "sandbox": record.sandbox,
            "initial_loss": record.initial_loss,
            "result": record.result.model_dump(mode="json"),
            "budget": record.budget,
        }
        for record in records
    ]
    if rows:
        connection.execute(_INSERT["evaluations"], rows)


def evaluation_of(row: Row[Any]) -> Evaluation:
    """The evaluation in a row of its table."""
    return Evaluation(
        row.job,
        row.candidate,
        Purpose(row.purpose),
        row.task,
        row.task_version,
        tuple(row.seeds),
        row.device,
        row.sandbox,
        row.initial_loss,
        Result.model_validate(row.result),
        row.budget,
    )


def write_verdicts(connection: Connection, run: int, records: Iterable[Verdict]) -> None:
    """Insert verdicts in this order."""
    rows = [
        {
            "run": run,
            "candidate": record.candidate,
            "outcome": record.outcome,
            "score": record.score,
            "measures": dict(record.measures),
            "revision": record.revision,
        }
        for record in records
    ]
    if rows:
        connection.execute(_INSERT["verdicts"], rows)


def verdict_of(row: Row[Any]) -> Verdict:
    """The verdict in a row of its table."""
    return Verdict(row.candidate, Outcome(row.outcome), row.score, row.measures, row.revision)


def run_info_of(row: Row[Any]) -> RunInfo:
    """The run in a row of its table."""
    return RunInfo(row.name, row.config, datetime.fromisoformat(row.created_at), row.versions)


def read_counts(connection: Connection, run: int) -> Counts:
    """How many records of each kind there are."""

    def count(table: Table, *conditions: ColumnElement[bool]) -> int:
        return connection.scalar(select(func.count()).select_from(table).where(table.c.run == run, *conditions)) or 0

    return Counts(
        candidates=count(candidates),
        jobs=count(jobs),
        open_jobs=count(jobs, jobs.c.closed.is_(False)),
        evaluations=count(evaluations),
        verdicts=count(verdicts),
    )
