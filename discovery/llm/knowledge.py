"""What a prompt can say about a run: who was measured how, who failed, which cells are empty, what was learned."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from numpy.random import Generator

from archive.grid import Elite, Grid
from archive.records import Candidate, Evaluation, Purpose
from discovery.llm.insights import Notebook, observe_all
from discovery.scoring import REFERENCE_ID
from evaluators.job import Outcome
from programs.draw import pick
from programs.ir import Program

_REMEMBERED = 2_000
"""Candidates whose measurements are kept at hand; the reference is one of them always."""
_FAILURES = 50


@dataclass(frozen=True, slots=True)
class Target:
    """A cell to aim at.

    Attributes:
        near: The elite of a neighbouring cell, which a rule of the target can be made from.
        description: What a rule of that cell is like.
        held: Whether it has an elite, a weak one.
    """

    near: Elite
    description: str
    held: bool


class Knowledge:
    """Takes note of everything that is measured in a run.

    Args:
        grid: The run's archive, which others fill.
        notebook: Where what was learned is written down.
    """

    def __init__(self, grid: Grid, notebook: Notebook) -> None:
        self.notebook = notebook
        self._grid = grid
        self._evaluations: dict[int, list[Evaluation]] = {}
        self._parents: dict[int, tuple[int, ...]] = {}
        self._scores: dict[int, float | None] = {}
        self._unread: deque[tuple[int, float | None]] = deque()
        self._failures: deque[int] = deque(maxlen=_FAILURES)

    def entered(self, candidate: Candidate) -> None:
        """A candidate came into being."""
        self._parents[candidate.id] = candidate.parents

    def measured(self, evaluation: Evaluation) -> None:
        """A candidate was measured."""
        if evaluation.purpose is Purpose.FRESH:
            return
        known = self._evaluations.pop(evaluation.candidate, [])
        self._evaluations[evaluation.candidate] = [*known, evaluation]  # the latest last
        if len(self._evaluations) > _REMEMBERED:
            del self._evaluations[next(number for number in self._evaluations if number != REFERENCE_ID)]
        if evaluation.result.outcome is not Outcome.SCORED and evaluation.candidate != REFERENCE_ID:
            self._failures.append(evaluation.candidate)

    def judged(self, number: int, elite: Elite | None) -> None:
        """A candidate was judged for the first time; None if it failed."""
        self._unread.append((number, None if elite is None else elite.score))

    def learn(self, program: Callable[[int], Program]) -> None:
        """Write down what has been judged since last asked."""
        observe_all(self.notebook, list(self._unread), self._parents, program, self._scores)
        self._unread.clear()

    def evaluations(self, number: int) -> Sequence[Evaluation]:
        """How a candidate was measured, as far as it is remembered."""
        return self._evaluations.get(number, ())

    @property
    def reference(self) -> Sequence[Evaluation]:
        """How the rule that scores are relative to was measured."""
        return self.evaluations(REFERENCE_ID)

    def failure(self, rng: Generator) -> int | None:
        """A candidate that failed of late; None if there is none."""
        known = [number for number in self._failures if number in self._evaluations]
        return pick(rng, known) if known else None

    def others(self, rng: Generator, count: int, without: Collection[int]) -> list[Elite]:
        """So many elites of different cells, drawn at random, fewer where there are not as many."""
        elites = [elite for elite in self._grid.elites() if elite.id not in without]
        order = rng.permutation(len(elites))[:count]
        return [elites[int(index)] for index in order]

    def target(self, rng: Generator) -> Target | None:
        """A cell beside that of an elite which is empty, or holds one below the median; None if there is none."""
        elites = self._grid.elites()
        held: Mapping[tuple[int, ...], Elite] = {self._grid.cell(elite.measures): elite for elite in elites}
        weak = sorted(elite.score for elite in elites)[len(elites) // 2] if elites else 0.0
        found = []
        for cell, elite in held.items():
            for at, axis in enumerate(self._grid.axes):
                for step in (-1, 1):
                    there = (*cell[:at], cell[at] + step, *cell[at + 1 :])
                    if not 0 <= there[at] < len(axis.labels):
                        continue
                    incumbent = held.get(there)
                    if incumbent is None or incumbent.score < min(weak, elite.score):
                        found.append((elite, there, incumbent is not None))
        if not found:
            return None
        elite, there, taken = pick(rng, found)
        parts = [f"{axis.label}: {axis.labels[bin_]}" for axis, bin_ in zip(self._grid.axes, there, strict=True)]
        return Target(elite, ", ".join(parts), taken)
