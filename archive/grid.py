"""MAP-Elites in memory: a grid over a few measures, each cell keeping the best elite of its kind.

    measures  {state_slots: 2, instructions: 11, ...}  --Axis.bin-->  cell (2, 2, ...)  ->  its elite

The edges are fixed, so a cell means the same in every run. A score is revised when its candidate was measured again, so
each cell remembers a few runners-up, who take over when their elite turns out worse. Nothing here reads a clock, a file
or a global random state: the same adds and revisions give the same grid, and `archive.views.replay` rebuilds one from
the store.

Mouret and Clune, "Illuminating search spaces by mapping elites", 2015, https://arxiv.org/abs/1504.04909.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from archive.records import Verdict


@dataclass(frozen=True, slots=True)
class Axis:
    """One measure cut into bins; values beyond the last edge on either side fall into the outer bins.

    Attributes:
        name: The measure it reads.
        edges: Where one bin ends and the next begins, ascending; an edge belongs to the bin above it.
        label: What the measure is, for the head of a table.
        labels: What each bin is, for the rows of a table; one more than there are edges.
    """

    name: str
    edges: tuple[float, ...]
    label: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"The edges of axis {self.name!r} do not ascend: {self.edges}.")
        if len(self.labels) != len(self.edges) + 1:
            raise ValueError(f"Axis {self.name!r} has {len(self.edges) + 1} bins but {len(self.labels)} labels.")

    def bin(self, value: float) -> int:
        """The bin of `value`, from 0.

        Raises:
            ValueError: `value` is NaN, which lies in no bin.
        """
        if math.isnan(value):
            raise ValueError(f"The measure {self.name!r} is NaN.")
        return bisect_right(self.edges, value)


AXES: Mapping[str, Axis] = MappingProxyType(
    {
        axis.name: axis
        for axis in (
            Axis("state_slots", (1, 2, 3), "state slots", ("0", "1", "2", "3+")),
            Axis(
                "instructions",
                (5, 9, 13, 17, 25),
                "instructions",
                ("up to 4", "5-8", "9-12", "13-16", "17-24", "25+"),
            ),
            Axis(
                "gradient_homogeneity",
                (-0.25, 0.25, 0.75, 1.25),
                "degree in the gradient",
                ("negative", "0", "1/2", "1", "above 1"),
            ),
            Axis("matrix_products", (1, 2), "matrix products", ("0", "1", "2+")),
            Axis("memory_per_weight", (0.5, 1.5, 2.5), "numbers kept per weight", ("0", "1", "2", "3+")),
            Axis(
                "flops_per_weight",
                (4, 8, 16, 32, 64),
                "flops per weight",
                ("below 4", "4-8", "8-16", "16-32", "32-64", "64+"),
            ),
            Axis(
                "learning_rate_sensitivity",
                (0.25, 0.5, 0.6, 0.7),
                "learning-rate sensitivity",
                ("below 0.25", "0.25-0.5", "0.5-0.6", "0.6-0.7", "0.7+"),
            ),
            Axis(
                "noise_sensitivity",
                (0.005, 0.01, 0.02, 0.05),
                "spread over seeds",
                ("below 0.5 %", "0.5-1 %", "1-2 %", "2-5 %", "5 %+"),
            ),
        )
    }
)
"""Every axis that a configuration can name; `programs.measures` and `discovery.measures` say what they are."""

DEFAULT_AXES: tuple[Axis, ...] = tuple(
    AXES[name] for name in ("state_slots", "instructions", "gradient_homogeneity", "matrix_products")
)
"""The axes for update rules: cheap to measure and readable by a person."""


@dataclass(frozen=True, slots=True)
class Elite:
    """A candidate that may hold a cell.

    Attributes:
        id: The candidate's number in its run.
        score: Finite; higher is better.
        measures: At least one value for each axis of the grid.
        rung: How far it climbed on the ladder of measurements; whoever climbed higher comes first, whatever the score.
    """

    id: int
    score: float
    measures: Mapping[str, float]
    rung: int = 0

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise ValueError(f"The score of candidate {self.id} is {self.score}; failures have no score.")

    @property
    def rank(self) -> tuple[int, float]:
        """What elites are compared by."""
        return self.rung, self.score


class AddStatus(IntEnum):
    """What became of an elite that was added or revised. False when it did not take over a cell."""

    NOT_ADDED = 0
    """Its cell holds one that is at least as good, or it holds the cell already."""
    IMPROVED = 1
    """It replaced a worse elite."""
    NEW = 2
    """It filled an empty cell."""


RUNNERS_UP = 3
"""How many a cell remembers beside its elite."""


class Grid:
    """The best elite of every cell.

    Args:
        axes: The measures that span the grid, with distinct names.
    """

    def __init__(self, axes: Sequence[Axis] = DEFAULT_AXES) -> None:
        if len({axis.name for axis in axes}) != len(axes):
            raise ValueError(f"Two axes share a name: {', '.join(axis.name for axis in axes)}.")
        self.axes = tuple(axes)
        self._cells: list[list[Elite]] = []  # dense, so that one random index is one uniform sample; the best first
        self._positions: dict[tuple[int, ...], int] = {}
        self._members: dict[int, tuple[int, ...]] = {}  # the cell of every elite and runner-up
        self._best: Elite | None = None
        self._qd_score: float | None = 0.0

    def __len__(self) -> int:
        return len(self._cells)

    def __contains__(self, candidate: int) -> bool:
        """Whether the candidate is an elite or a runner-up."""
        return candidate in self._members

    def cell(self, measures: Mapping[str, float]) -> tuple[int, ...]:
        """The bin on each axis, in the order of `axes`.

        Raises:
            ValueError: A measure is missing or NaN.
        """
        for axis in self.axes:
            if axis.name not in measures:
                raise ValueError(f"The measure {axis.name!r} is missing.")
        return tuple(axis.bin(measures[axis.name]) for axis in self.axes)

    def add(self, elite: Elite) -> AddStatus:
        """Put `elite` into its cell if that is empty or holds a lower rank; a tie keeps the incumbent. O(1).

        Raises:
            ValueError: A measure is missing or NaN, or the candidate is there already.
        """
        if elite.id in self._members:
            raise ValueError(f"Candidate {elite.id} is in the grid already; a new score is a revision.")
        cell = self.cell(elite.measures)
        position = self._positions.get(cell)
        if position is None:
            self._positions[cell] = len(self._cells)
            self._cells.append([elite])
            self._members[elite.id] = cell
            status = AddStatus.NEW
        else:
            members = self._cells[position]
            place = sum(member.rank >= elite.rank for member in members)
            members.insert(place, elite)
            self._members[elite.id] = cell
            if len(members) > 1 + RUNNERS_UP:
                del self._members[members.pop().id]
            if place > 0:
                return AddStatus.NOT_ADDED
            status = AddStatus.IMPROVED
        if self._best is None or elite.rank > self._best.rank:
            self._best = elite
        self._qd_score = None
        return status

    def revise(self, elite: Elite) -> AddStatus:
        """Judge a candidate anew after further measurements; its score may fall and its cell may be another one.

        If it no longer is the best of its cell, the best runner-up takes over. O(cells) when that was the best of all.

        Raises:
            ValueError: A measure is missing or NaN.
        """
        cell = self.cell(elite.measures)
        held = self._holds(elite.id) and self._members[elite.id] == cell
        position = self._positions.get(cell)
        if position is not None and held and len(self._cells[position]) == 1:
            self._replace_only(position, elite)  # the cell keeps its place in the order
            return AddStatus.NOT_ADDED
        self.withdraw(elite.id)
        status = self.add(elite)
        return AddStatus.NOT_ADDED if held else status

    def withdraw(self, candidate: int) -> None:
        """Take a candidate out that turned out to fail; the best runner-up takes over. Unknown ones are no mistake."""
        cell = self._members.pop(candidate, None)
        if cell is None:
            return
        position = self._positions[cell]
        members = self._cells[position]
        members[:] = [member for member in members if member.id != candidate]
        if not members:
            self._drop(cell, position)
        self._changed(candidate)

    def sample(self, rng: np.random.Generator) -> Elite:
        """A uniformly drawn elite. O(1), and determined by the history of the grid and the state of `rng`.

        Raises:
            ValueError: The grid is empty.
        """
        if not self._cells:
            raise ValueError("An empty grid has nothing to sample.")
        return self._cells[int(rng.integers(len(self._cells)))][0]

    def best(self) -> Elite | None:
        """The highest rank, the first found among equals; None while the grid is empty."""
        return self._best

    def elites(self) -> tuple[Elite, ...]:
        """All elites, in the order in which their cells were first filled, until one empties."""
        return tuple(members[0] for members in self._cells)

    @property
    def coverage(self) -> float:
        """The share of cells that are filled, between 0 and 1."""
        return len(self) / math.prod(len(axis.labels) for axis in self.axes)

    @property
    def qd_score(self) -> float:
        """The sum of scores over filled cells; with scores >= 0 it never falls, except by revisions.

        Pugh, Soros and Stanley, "Quality diversity", 2016, https://doi.org/10.3389/frobt.2016.00040.
        """
        if self._qd_score is None:
            self._qd_score = math.fsum(members[0].score for members in self._cells)
        return self._qd_score

    def _holds(self, candidate: int) -> bool:
        cell = self._members.get(candidate)
        return cell is not None and self._cells[self._positions[cell]][0].id == candidate

    def _replace_only(self, position: int, elite: Elite) -> None:
        self._cells[position] = [elite]
        self._changed(elite.id)
        if self._best is not None and elite.rank > self._best.rank:
            self._best = elite

    def _drop(self, cell: tuple[int, ...], position: int) -> None:
        """Close the gap of an emptied cell with the last one."""
        last = self._cells.pop()
        if position < len(self._cells):
            self._cells[position] = last
            self._positions[self._members[last[0].id]] = position
        del self._positions[cell]

    def _changed(self, candidate: int) -> None:
        self._qd_score = None
        if self._best is not None and self._best.id == candidate:
            self._best = max(self.elites(), key=lambda elite: elite.rank, default=None)


def elite_of(verdict: Verdict) -> Elite | None:
    """What a verdict says of a candidate's place in a grid; None for a failure, which ranks nowhere."""
    if verdict.score is None:
        return None
    return Elite(verdict.candidate, verdict.score, verdict.measures, int(verdict.measures.get("rung", 0)))


def shelve(grid: Grid, verdict: Verdict) -> AddStatus | None:
    """Take a verdict into the grid: the one way in which verdicts, replayed in the order told, rebuild it.

    Returns:
        What became of the candidate; None for a failure, which loses the place that it had.
    """
    elite = elite_of(verdict)
    if elite is None:
        grid.withdraw(verdict.candidate)
        return None
    return grid.revise(elite) if verdict.revision else grid.add(elite)
