"""Regularized evolution: every child joins a population, and its oldest member goes, however good it is.

Real et al., "Regularized evolution for image classifier architecture search", 2019, https://arxiv.org/abs/1802.01548;
as the search of Lion: Chen et al. 2023, https://arxiv.org/abs/2302.06675. As there, a child that is known already joins
with the score that is known. A failure has no score, and does not join.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any, Literal

from numpy.random import Generator

from archive.grid import Elite
from discovery.strategies.base import Strategy
from programs.draw import pick


class Aging(Strategy):
    """A parent is the best of `tournament` random members.

    Args:
        size: Members; at first they are copies of the start rules.
        tournament: Members drawn to find one parent.
        restart_after: Candidates from one restart to the next; None for none. Whoever was made before a restart and
            judged after it does not join the new population.
        restart_from: Whether the new population is copies of the start rules or of the best so far.
    """

    revisits = True

    def __init__(
        self,
        size: int,
        tournament: int,
        restart_after: int | None = None,
        restart_from: Literal["start", "best"] = "start",
    ) -> None:
        self._tournament = tournament
        self._restart_after = restart_after
        self._restart_from = restart_from
        self._members: deque[Elite] = deque(maxlen=size)
        self._starts: list[Elite] = []
        self._best: Elite | None = None
        self._epoch: int | None = None

    def parent(self, child: int, rng: Generator) -> Elite:
        """The best of a few members."""
        self._advance(child)
        return max((pick(rng, self._members) for _ in range(self._tournament)), key=lambda one: one.rank)

    def donor(self, child: int, rng: Generator) -> Elite:
        """Any member."""
        self._advance(child)
        return pick(rng, self._members)

    def join(self, elite: Elite) -> None:
        """Append it; the oldest goes."""
        self._members.append(elite)
        self._best = max((self._best or elite, elite), key=lambda one: one.rank)

    def start(self, elite: Elite) -> None:
        """Fill the population with the start rules so far, in turns."""
        self._starts.append(elite)
        self._best = max(self._starts, key=lambda one: one.rank)
        self._fill(self._starts)

    def told(self, child: int, elite: Elite | None) -> None:
        """Let a child of this population join it."""
        self._advance(child)
        if elite is None:
            return
        if self._epoch_of(child) == self._epoch:
            self.join(elite)
        else:
            self._best = max((self._best or elite, elite), key=lambda one: one.rank)

    def met(self, child: int, elite: Elite) -> None:
        """Let it join as a child."""
        self._advance(child)
        self.join(elite)

    def revise(self, elite: Elite) -> None:
        """Members compete with their scores of today."""
        for place, member in enumerate(self._members):
            if member.id == elite.id:
                self._members[place] = elite
        self._starts = [elite if start.id == elite.id else start for start in self._starts]
        if self._best and (elite.id == self._best.id or elite.rank > self._best.rank):
            self._best = max((elite, *self._members, *self._starts), key=lambda one: one.rank)

    def withdraw(self, number: int) -> None:
        """Let it go before its time."""
        self._starts = [start for start in self._starts if start.id != number]
        kept = [member for member in self._members if member.id != number] or self._starts
        self._members.clear()
        self._members.extend(kept)
        if self._best and self._best.id == number:
            self._best = max((*self._members, *self._starts), key=lambda one: one.rank, default=None)

    def holds(self, number: int) -> bool:
        """Whether it is a member, or a restart may make it one."""
        return any(elite.id == number for elite in (*self._members, *self._starts, *filter(None, [self._best])))

    def state(self) -> dict[str, Any]:
        """The population, oldest first."""
        return {
            "epoch": self._epoch,
            "members": [elite.id for elite in self._members],
            "best": self._best.id if self._best else None,
        }

    def restore(self, state: Mapping[str, Any], elites: Mapping[int, Elite]) -> None:
        """Bring the population back, but for those that another driver found to fail meanwhile."""
        self._epoch = state["epoch"]
        self._members.clear()
        self._members.extend([elites[number] for number in state["members"] if number in elites] or self._starts)
        self._best = elites.get(state["best"]) or max(self._members, key=lambda one: one.rank, default=None)

    def _epoch_of(self, child: int) -> int:
        return child // self._restart_after if self._restart_after else 0

    def _advance(self, child: int) -> None:
        """Start over if `child` is the first after a restart."""
        epoch = self._epoch_of(child)
        if self._epoch is not None and epoch > self._epoch:
            self._fill([self._best] if self._restart_from == "best" and self._best else self._starts)
        self._epoch = max(epoch, self._epoch or 0)

    def _fill(self, elites: list[Elite]) -> None:
        self._members.extend(islice(cycle(elites), self._members.maxlen))
