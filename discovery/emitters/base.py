"""What every source of proposals has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.random import Generator

from archive.calls import Call
from archive.grid import Elite
from archive.records import Candidate, Evaluation
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


class NotReadyError(Exception):
    """There is nothing to propose at the moment.

    Attributes:
        final: Whether there will be nothing more in this run.
    """

    def __init__(self, *, final: bool) -> None:
        super().__init__()
        self.final = final


class Correspondent(ABC):
    """An emitter whose proposals come from elsewhere, when they come, and that takes note of all that goes on.

    It never lets anybody wait: where nothing has arrived, another emitter has its turn.
    """

    name: str

    @abstractmethod
    def propose(self, parents: Parents, rng: Generator) -> Proposal:
        """One program that has arrived.

        Raises:
            NotReadyError: None has.
        """

    @abstractmethod
    def heard(self, fate: str, child: int | None) -> None:
        """What became of the last proposal: its fate as statistics count it, and the candidate that it is now."""

    @abstractmethod
    def entered(self, candidate: Candidate) -> None:
        """A candidate came into being, whoever proposed it."""

    @abstractmethod
    def measured(self, evaluation: Evaluation) -> None:
        """A candidate was measured, whoever proposed it."""

    @abstractmethod
    def judged(self, number: int, elite: Elite | None, gain: float, cost: float, *, revised: bool) -> float:
        """A candidate was judged, whoever proposed it.

        Returns:
            What its making cost besides its measurement, in the unit of `cost`.
        """

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Return when something has arrived, or after so many seconds."""

    @abstractmethod
    def retire(self) -> None:
        """No more proposals are wanted: stop asking for them."""

    @abstractmethod
    def calls(self) -> list[Call]:
        """What was asked and answered since this was last called, for the archive."""

    @abstractmethod
    def news(self) -> list[str]:
        """What people should know, since this was last called."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What the facts of the run do not tell; plain data, of a size that does not grow with the run."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`, after all that is in the archive was entered, measured and judged again."""

    @abstractmethod
    def close(self) -> None:
        """Let go of threads and connections."""
