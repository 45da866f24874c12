"""What a run had found after so many evaluations, and who found it, by replaying its verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from archive.grid import AXES, AddStatus, Grid, shelve
from discovery.baselines import INITIAL
from discovery.results import rule_results
from discovery.runs import Run
from evaluators.job import Outcome


@dataclass(slots=True)
class Gain:
    """What one emitter brought into the archive of one run.

    Attributes:
        evaluated: Candidates of its that were measured.
        scored: How many of them learned on every task.
        cells: Empty cells that they filled.
        improved: Cells in which they replaced a worse elite.
        qd: What they added to the QD score; a later, lower score of one of them counts against it.
        best: What they added to the best score.
    """

    evaluated: int = 0
    scored: int = 0
    cells: int = 0
    improved: int = 0
    qd: float = 0.0
    best: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """One run, evaluation by evaluation; index 0 is where the start rules had been measured and nothing else.

    Attributes:
        best: The best score so far, as the search knew it then.
        coverage: Share of the cells that are filled.
        qd: QD score.
        emitters: What each emitter brought in.
        final: Score of the best at the end on seeds that the search never saw; None if it has not been measured so.
    """

    best: tuple[float, ...]
    coverage: tuple[float, ...]
    qd: tuple[float, ...]
    emitters: dict[str, Gain]
    final: float | None


def course(run: Run) -> Course:
    """Replay a run."""
    grid = Grid([AXES[name] for name in run.config.archive.axes])
    emitter_of = {candidate.id: candidate.emitter for candidate in run.store.candidates()}
    gains = {name: Gain() for name in dict.fromkeys(emitter_of.values()) if name not in INITIAL}
    points: list[tuple[float, float, float]] = []
    before = now = (0.0, 0.0, 0.0)
    for verdict in run.store.verdicts():
        gain = gains.get(emitter_of[verdict.candidate])
        status = shelve(grid, verdict)
        leader = grid.best()
        now = leader.score if leader else 0.0, grid.coverage, grid.qd_score
        if gain is None:
            points[-1:] = [now]
        else:
            if verdict.revision == 0:
                points.append(now)
                gain.evaluated += 1
                gain.scored += verdict.outcome is Outcome.SCORED
                gain.cells += status is AddStatus.NEW
                gain.improved += status is AddStatus.IMPROVED
            else:
                points[-1] = now
            gain.best += now[0] - before[0]
            gain.qd += now[2] - before[2]
        before = now
    best, coverage, qd = zip(*points, strict=True)
    final = _final(run, grid)
    run.store.database.close()
    return Course(best, coverage, qd, gains, final)


def _final(run: Run, grid: Grid) -> float | None:
    leader = grid.best()
    if leader is None:
        return None
    fresh = rule_results(run.store, [leader.id])[0].fresh
    return None if fresh is None else fresh.score
