"""Hill climbing: every child is made from the best so far.

With children that differ in constants alone it is the tuning-only control of the Lion paper (Chen et al. 2023,
https://arxiv.org/abs/2302.06675): what a search is worth beyond it, its programs are worth beyond their constants.
"""

from __future__ import annotations

from numpy.random import Generator

from archive.grid import Elite
from discovery.strategies.base import Strategy

_KEPT = 32
"""Runners-up at hand for when the best turns out to be less good than it looked."""


class HillClimb(Strategy):
    """The parent is the best; the earlier among equals."""

    def __init__(self) -> None:
        self._best: list[Elite] = []

    def parent(self, child: int, rng: Generator) -> Elite:  # noqa: ARG002 - there is nothing to choose
        """The best so far."""
        return self._best[0]

    def join(self, elite: Elite) -> None:
        """Rank it among the best."""
        self.withdraw(elite.id)
        self._best = sorted([*self._best, elite], key=lambda one: one.rank, reverse=True)[:_KEPT]

    def revise(self, elite: Elite) -> None:
        """Rank it anew if it is among the best."""
        if self.holds(elite.id):
            self.join(elite)

    def withdraw(self, number: int) -> None:
        """Go on from the next best."""
        self._best = [other for other in self._best if other.id != number]

    def holds(self, number: int) -> bool:
        """Whether it is among the best."""
        return any(other.id == number for other in self._best)
