"""Islands: searches side by side, so that one early success does not fill the whole run with its children.

Whitley, Rana and Heckendorn, "The island model genetic algorithm", 1999.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from archive.grid import Elite
from discovery.strategies.base import Strategy


class Islands(Strategy):
    """Strategies that take turns, candidate by candidate, on a ring along which parents migrate.

    Args:
        islands: At least one, all new.
        migrate_every: Candidates of an island from one migration to the next. Then the island's neighbour takes in a
            copy of one of its parents, chosen as parents are.
    """

    def __init__(self, islands: Sequence[Strategy], migrate_every: int) -> None:
        self.revisits = any(island.revisits for island in islands)
        self._islands = tuple(islands)
        self._migrate_every = migrate_every

    def parent(self, child: int, rng: Generator) -> Elite:
        """A parent on the island whose turn it is."""
        island, number = self._home(child)
        return island.parent(number, rng)

    def donor(self, child: int, rng: Generator) -> Elite:
        """A donor on the same island."""
        island, number = self._home(child)
        return island.donor(number, rng)

    def join(self, elite: Elite) -> None:
        """Let everybody have it."""
        for island in self._islands:
            island.join(elite)

    def start(self, elite: Elite) -> None:
        """All islands start from the same rules."""
        for island in self._islands:
            island.start(elite)

    def told(self, child: int, elite: Elite | None) -> None:
        """Tell the island that it belongs to; with every so many candidates, a parent migrates."""
        island, number = self._home(child)
        island.told(number, elite)
        if number % self._migrate_every == 0:
            # Drawn from the number, not from the run's randomness: a replay of the verdicts migrates the same parents.
            migrant = island.parent(number, np.random.default_rng(child))
            self._home(child + 1)[0].join(migrant)

    def met(self, child: int, elite: Elite) -> None:
        """Tell the island that proposed it."""
        island, number = self._home(child)
        island.met(number, elite)

    def revise(self, elite: Elite) -> None:
        """Its own island knows it; others may have met it."""
        home, _ = self._home(elite.id)
        for island in self._islands:
            if island is home or island.holds(elite.id):
                island.revise(elite)

    def withdraw(self, number: int) -> None:
        """Withdraw it everywhere."""
        for island in self._islands:
            island.withdraw(number)

    def holds(self, number: int) -> bool:
        """Whether any island does."""
        return any(island.holds(number) for island in self._islands)

    def state(self) -> dict[str, Any]:
        """The states of all islands."""
        return {"islands": [island.state() for island in self._islands]}

    def restore(self, state: Mapping[str, Any], elites: Mapping[int, Elite]) -> None:
        """Bring all islands back."""
        for island, kept in zip(self._islands, state["islands"], strict=True):
            island.restore(kept, elites)

    def _home(self, child: int) -> tuple[Strategy, int]:
        """The island of a candidate, and its number there."""
        number, island = divmod(child, len(self._islands))
        return self._islands[island], number
