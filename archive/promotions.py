"""What the funnel stores about a run: measurements by the question asked, results of stages, looks at the test tasks.

Everything is written once. A measurement that is there is never made again, so that a promotion that was killed goes on
where it was. The first look of a candidate at the test tasks is the only one; further ones are refused, and recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from archive.database import epoch
from archive.schema import looks, measurements, stages
from archive.store import RunStore
from evaluators.job import Job, Report


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage of the funnel found out.

    Attributes:
        stage: Its name.
        candidate: Whom it is about; None for the whole run.
        key: A digest of all that was asked.
        passed: Whether the candidate goes on.
        document: What was found, as JSON values.
    """

    stage: str
    candidate: int | None
    key: str
    passed: bool
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """An attempt to see a candidate on the test tasks.

    Attributes:
        candidate: Whom it was about.
        number: 1 for the look that was granted; any further one was refused.
        key: A digest of what was to be looked at.
        looked_at: Seconds since 1970 by the database's clock.
    """

    candidate: int
    number: int
    key: str
    looked_at: float

    @property
    def granted(self) -> bool:
        """Whether it was allowed."""
        return self.number == 1


class Promotions:
    """The funnel's part of one run.

    All methods raise `StoreError` when the database fails.
    """

    def __init__(self, run: RunStore) -> None:
        self._database = run.database
        self._run = run.key

    def find(self, digest: str) -> Report | None:
        """The answer to a question that was asked before."""
        chosen = select(measurements.c.report).where(measurements.c.run == self._run, measurements.c.digest == digest)
        with self._database.read() as connection:
            report = connection.scalar(chosen)
        return None if report is None else Report.model_validate(report)

    def keep(self, stage: str, digest: str, job: Job, report: Report) -> None:
        """Store the answer to a question; the first answer stays."""
        row = {
            "run": self._run,
            "digest": digest,
            "stage": stage,
            "job": job.model_dump(mode="json"),
            "report": report.model_dump(mode="json"),
            "told_at": epoch(),
        }
        there = select(func.count()).where(measurements.c.run == self._run, measurements.c.digest == digest)
        with self._database.write() as connection:
            if connection.scalar(there) == 0:
                connection.execute(insert(measurements).values(row))

    def stage(self, stage: str, key: str) -> StageResult | None:
        """What a stage found out when it was asked the same before."""
        chosen = select(stages).where(stages.c.run == self._run, stages.c.stage == stage, stages.c.key == key)
        with self._database.read() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else StageResult(row.stage, row.candidate, row.key, row.passed, row.document)

    def stages(self) -> list[StageResult]:
        """Everything found out, in the order told."""
        chosen = select(stages).where(stages.c.run == self._run).order_by(stages.c.id)
        with self._database.read() as connection:
            rows = connection.execute(chosen).all()
        return [StageResult(row.stage, row.candidate, row.key, row.passed, row.document) for row in rows]

    def finish(self, result: StageResult) -> None:
        """Store what a stage found out.

        Raises:
            ConflictError: It is stored already, or the run has no such candidate.
        """
        row = {
            "run": self._run,
            "stage": result.stage,
            "candidate": result.candidate,
            "key": result.key,
            "passed": result.passed,
            "document": dict(result.document),
        }
        with self._database.write() as connection:
            connection.execute(insert(stages).values(row))

    def look(self, candidate: int, key: str) -> Look:
        """Ask to see a candidate on the test tasks; the answer says whether it is granted, and is recorded.

        A look that was granted and interrupted goes on under the same key.

        Raises:
            ConflictError: The run has no such candidate.
        """
        with self._database.write() as connection:
            before = self._looks(connection, candidate)
            if before and before[0].key == key:
                return before[0]
            row = {"run": self._run, "candidate": candidate, "number": len(before) + 1, "key": key}
            connection.execute(insert(looks).values(**row, looked_at=epoch()))
            return self._looks(connection, candidate)[-1]

    def looks(self, candidate: int | None = None) -> list[Look]:
        """Every look that was asked for: of all candidates by number, or of one."""
        with self._database.read() as connection:
            return self._looks(connection, candidate)

    def _looks(self, connection: Connection, candidate: int | None) -> list[Look]:
        chosen = select(looks).where(looks.c.run == self._run).order_by(looks.c.candidate, looks.c.number)
        if candidate is not None:
            chosen = chosen.where(looks.c.candidate == candidate)
        return [Look(row.candidate, row.number, row.key, row.looked_at) for row in connection.execute(chosen)]
