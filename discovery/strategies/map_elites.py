"""MAP-Elites: whoever is best of its kind may have children."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

from archive.grid import Axis, Elite, Grid
from discovery.strategies.base import Strategy


class MapElites(Strategy):
    """A parent is the best of `tournament` elites of random cells.

    A tournament of 1 is the algorithm as published (Mouret and Clune 2015, https://arxiv.org/abs/1504.04909), which
    spends most of its children on cells that have little to offer; a large one is a hill climb.
    """

    def __init__(self, axes: Sequence[Axis], tournament: int) -> None:
        self._grid = Grid(axes)
        self._tournament = tournament

    def parent(self, child: int, rng: Generator) -> Elite:  # noqa: ARG002 - everybody has the same parents
        """The best of a few elites."""
        return max((self._grid.sample(rng) for _ in range(self._tournament)), key=lambda elite: elite.rank)

    def donor(self, child: int, rng: Generator) -> Elite:  # noqa: ARG002 - everybody has the same donors
        """Any elite."""
        return self._grid.sample(rng)

    def join(self, elite: Elite) -> None:
        """Enter it into the grid; a migrant may be there already."""
        if elite.id not in self._grid:
            self._grid.add(elite)

    def revise(self, elite: Elite) -> None:
        """Let the grid rank its cell anew."""
        self._grid.revise(elite)

    def withdraw(self, number: int) -> None:
        """Let the grid go without it."""
        self._grid.withdraw(number)

    def holds(self, number: int) -> bool:
        """Whether it is in the grid, in its cell's first place or behind."""
        return number in self._grid
