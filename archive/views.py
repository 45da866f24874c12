"""Read-only questions about a run, each answered from one moment of the database or by replaying its verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, exists, func, literal, select

from archive.errors import NotFoundError
from archive.grid import DEFAULT_AXES, Axis, Grid, shelve
from archive.records import Candidate, Counts, Purpose, RunInfo, Verdict
from archive.rows import read_candidates, read_counts, verdict_of
from archive.schema import candidates, evaluations, parents, verdicts
from archive.store import RunStore
from evaluators.job import Outcome


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How far a run has come.

    Attributes:
        info: What it was started with.
        counts: How many records of each kind it holds.
        outcomes: First verdicts by outcome; only those that occurred.
        emitters: Candidates by who proposed them, the busiest first.
        purposes: Evaluations by purpose; only those that occurred.
        best: The last verdict on the candidate that ranks first, the earliest among equals; None while nothing scored.
        seconds: Time that evaluators spent, summed over evaluations.
    """

    info: RunInfo
    counts: Counts
    outcomes: Mapping[Outcome, int]
    emitters: Mapping[str, int]
    purposes: Mapping[Purpose, int]
    best: Verdict | None
    seconds: float


def replay(run: RunStore, axes: Sequence[Axis] = DEFAULT_AXES) -> Grid:
    """The grid that the run's verdicts make, in the order told."""
    grid = Grid(axes)
    for verdict in run.verdicts():
        shelve(grid, verdict)
    return grid


def lineage(run: RunStore, candidate_id: int) -> list[Candidate]:
    """The candidate, its main parent, and so on back to a seed.

    Raises:
        NotFoundError: There is no such candidate.
    """
    line = select(literal(candidate_id).label("id")).cte("line", recursive=True)
    line = line.union_all(
        select(parents.c.parent).where(
            parents.c.run == run.key, parents.c.candidate == line.c.id, parents.c.position == 0
        )
    )
    with run.database.read() as connection:
        found = read_candidates(connection, run.key, select(line.c.id))
    if not found:
        raise NotFoundError(f"The run {run.info.name!r} has no candidate {candidate_id}.")
    return found[::-1]  # parents have smaller numbers


def summary(run: RunStore) -> RunSummary:
    """Counts by outcome, emitter and purpose, the best so far, and the time spent."""
    later = verdicts.alias()
    revised = exists().where(
        later.c.run == run.key, later.c.candidate == verdicts.c.candidate, later.c.revision > verdicts.c.revision
    )
    rung = func.coalesce(verdicts.c.measures["rung"].as_float(), 0.0)
    ranked = (
        select(verdicts)
        .where(verdicts.c.run == run.key, verdicts.c.score.is_not(None), ~revised)
        .order_by(rung.desc(), verdicts.c.score.desc(), verdicts.c.id)
        .limit(1)
    )
    spent = select(func.sum(evaluations.c.result["seconds"].as_float())).where(evaluations.c.run == run.key)
    with run.database.read() as connection:

        def tally(column: Column[str], *conditions: ColumnElement[bool]) -> dict[str, int]:
            number = func.count().label("number")
            grouped = select(column, number).where(column.table.c.run == run.key, *conditions).group_by(column)
            return {row[0]: row[1] for row in connection.execute(grouped.order_by(number.desc(), column))}

        first = verdicts.c.revision == 0
        best = connection.execute(ranked).one_or_none()
        return RunSummary(
            info=run.info,
            counts=read_counts(connection, run.key),
            outcomes={Outcome(name): number for name, number in tally(verdicts.c.outcome, first).items()},
            emitters=tally(candidates.c.emitter),
            purposes={Purpose(name): number for name, number in tally(evaluations.c.purpose).items()},
            best=None if best is None else verdict_of(best),
            seconds=connection.scalar(spent) or 0.0,
        )
