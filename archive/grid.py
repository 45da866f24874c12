"""MAP-Elites in memory: a grid over a few measures, each cell keeping the best elite of its kind.

    measures  {state_slots: 2, instructions: 11, ...}  --Axis.bin-->  cell (2, 2, ...)  ->  its elite

The edges are fixed, so a cell means the same in every run. Nothing here reads a clock, a file or a global random state:
the same adds give the same grid, and `archive.views.replay` rebuilds one from the store.

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
        )
    }
)
"""Every axis that a configuration can name."""

DEFAULT_AXES: tuple[Axis, ...] = tuple(AXES.values())
"""The axes for update rules: cheap to measure and readable by a person."""


@dataclass(frozen=True, slots=True)
class Elite:
    """A candidate that may hold a cell.

    Attributes:
        id: The candidate's number in its run.
        score: Finite; higher is better.
        measures: At least one value for each axis of the grid.
    """

    id: int
    score: float
    measures: Mapping[str, float]

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise ValueError(f"The score of candidate {self.id} is {self.score}; failures have no score.")


class AddStatus(IntEnum):
    """What became of an elite that was added. Ordered, and false when the grid stayed as it was."""

    NOT_ADDED = 0
    """Its cell holds one that is at least as good."""
    IMPROVED = 1
    """It replaced a worse elite."""
    NEW = 2
    """It filled an empty cell."""


class Grid:
    """The best elite of every cell.

    Args:
        axes: The measures that span the grid, with distinct names.
    """

    def __init__(self, axes: Sequence[Axis] = DEFAULT_AXES) -> None:
        if len({axis.name for axis in axes}) != len(axes):
            raise ValueError(f"Two axes share a name: {', '.join(axis.name for axis in axes)}.")
        self.axes = tuple(axes)
        self._elites: list[Elite] = []  # dense, so that one random index is one uniform sample
        self._positions: dict[tuple[int, ...], int] = {}
        self._best: Elite | None = None

    def __len__(self) -> int:
        return len(self._elites)

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
        """Put `elite` into its cell if that is empty or holds a lower score; a tie keeps the incumbent. O(1).

        Raises:
            ValueError: A measure is missing or NaN.
        """
        cell = self.cell(elite.measures)
        position = self._positions.get(cell)
        if position is None:
            self._positions[cell] = len(self._elites)
            self._elites.append(elite)
            status = AddStatus.NEW
        elif elite.score > self._elites[position].score:
            self._elites[position] = elite
            status = AddStatus.IMPROVED
        else:
            return AddStatus.NOT_ADDED
        if self._best is None or elite.score > self._best.score:
            self._best = elite
        return status

    def sample(self, rng: np.random.Generator) -> Elite:
        """A uniformly drawn elite. O(1), and determined by the adds so far and the state of `rng`.

        Raises:
            ValueError: The grid is empty.
        """
        if not self._elites:
            raise ValueError("An empty grid has nothing to sample.")
        return self._elites[int(rng.integers(len(self._elites)))]

    def best(self) -> Elite | None:
        """The highest score, the earliest added among equals; None while the grid is empty."""
        return self._best

    def elites(self) -> tuple[Elite, ...]:
        """All elites, in the order in which their cells were first filled."""
        return tuple(self._elites)

    @property
    def coverage(self) -> float:
        """The share of cells that are filled, between 0 and 1."""
        return len(self) / math.prod(len(axis.labels) for axis in self.axes)

    @property
    def qd_score(self) -> float:
        """The sum of scores over filled cells; with scores >= 0 it never falls.

        Pugh, Soros and Stanley, "Quality diversity", 2016, https://doi.org/10.3389/frobt.2016.00040.
        """
        return math.fsum(elite.score for elite in self._elites)
