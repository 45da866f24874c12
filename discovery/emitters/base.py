"""What every source of proposals has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from numpy.random import Generator

from discovery.strategies import Strategy
from programs.ir import Program

_DONOR_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program that somebody thinks is worth training.

    Attributes:
        program: Checked.
        emitter: Who proposed it.
        parents: Candidate ids it was made from, the main one first.
        note: What was done, for a reader: "insert tanh".
        rejected: Attempts that failed on the way, by operator and reason.
    """

    program: Program
    emitter: str
    parents: tuple[int, ...]
    note: str
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parents:
    """Whom one child may be made from.

    Attributes:
        strategy: Draws them.
        child: The number that the child will have.
        program: The program of a candidate by number.
    """

    strategy: Strategy
    child: int
    program: Callable[[int], Program]

    def parent(self, rng: Generator) -> int:
        """The number of a candidate worth breeding from."""
        return self.strategy.parent(self.child, rng).id

    def donor(self, rng: Generator, parent: int) -> int:
        """The number of another one to take parts from; `parent` itself where no other is found."""
        drawn = (self.strategy.donor(self.child, rng).id for _ in range(_DONOR_DRAWS))
        return next((donor for donor in drawn if donor != parent), parent)


class Emitter(Protocol):
    """A source of proposals. All randomness is passed in, so that a seed decides a run."""

    @property
    def name(self) -> str:
        """What it is called in tables and in the archive."""
        ...

    def propose(self, parents: Parents, rng: Generator) -> Proposal:
        """One program.

        Raises:
            EditError: Nothing can be made of the parent drawn; the next may do.
        """
        ...
