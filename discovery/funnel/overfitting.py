"""Meta-overfitting: from where on did the search get better on its own tasks and no longer anywhere else?

After Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", section 2.4, who compare runs by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from archive.grid import AXES, Grid, shelve
from discovery.baselines import INITIAL
from discovery.funnel.statistics import Comparison, Word, compare
from discovery.runs import Run
from discovery.scoring import SeedLosses

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leader:
    """Who was the best of a run, from some evaluation on.

    Attributes:
        evaluations: How many candidates had been judged.
        candidate: Its number.
        score: What the search knew of it then.
    """

    evaluations: int
    candidate: int
    score: float


@dataclass(frozen=True, slots=True)
class Point:
    """A leader on validation tasks, against AdamW."""

    leader: Leader
    validation: Comparison


@dataclass(frozen=True, slots=True)
class Curve:
    """Best search score and its validation score against evaluations.

    Attributes:
        points: One per leader that was measured.
        evaluations: Of the whole run.
        onset: The evaluation at which the first leader after the best one on validation tasks took over, if a later one
            is worse there than the best, as a corrected interval shows; None if that cannot be said of any.
    """

    points: tuple[Point, ...]
    evaluations: int
    onset: int | None

    @property
    def share(self) -> float | None:
        """The onset as a share of the run."""
        return None if self.onset is None else self.onset / max(1, self.evaluations)


def leaders(run: Run) -> tuple[list[Leader], int]:
    """Everybody who was the best of a run for a time, and the evaluations of the whole run, from its verdicts."""
    grid = Grid([AXES[name] for name in run.config.archive.axes])
    initial = {candidate.id for candidate in run.store.candidates() if candidate.emitter in INITIAL}
    found: list[Leader] = []
    evaluations = 0
    for verdict in run.store.verdicts():
        shelve(grid, verdict)
        evaluations += verdict.revision == 0 and verdict.candidate not in initial
        best = grid.best()
        if best is not None and (not found or best.id != found[-1].candidate):
            found.append(Leader(evaluations, best.id, best.score))
    return found, evaluations


def spread(of: Sequence[T], most: int) -> list[T]:
    """At most so many of a sequence: the first, the last, and others as far apart as can be."""
    if len(of) <= most:
        return list(of)
    places = {round(step * (len(of) - 1) / (most - 1)) for step in range(most)}
    return [of[place] for place in sorted(places)]


def curve(
    among: Sequence[Leader],
    evaluations: int,
    losses: Mapping[int, SeedLosses],
    reference: SeedLosses,
    tasks: Sequence[str],
) -> Curve:
    """The curve of a run, from losses of its leaders on validation tasks by candidate, and those of AdamW."""
    points = tuple(Point(each, compare(losses[each.candidate], reference, tasks, 1)) for each in among)
    measured = [place for place, point in enumerate(points) if point.validation.seeds]
    if not measured:
        return Curve(points, evaluations, None)
    peak = max(measured, key=lambda place: points[place].validation.interval.score)
    best = losses[points[peak].leader.candidate]
    later = [point.leader for point in points[peak + 1 :]]
    worse = [compare(losses[each.candidate], best, tasks, len(later)).word for each in later]
    bad = Word.WORSE in worse or Word.FAILED in worse
    return Curve(points, evaluations, later[0].evaluations if bad else None)
