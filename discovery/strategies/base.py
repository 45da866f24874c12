"""What every way of choosing parents has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.random import Generator

from archive.grid import Elite


class Strategy(ABC):
    """Chooses whom to breed from, and takes in what became of the children.

    Candidates are known by their numbers, which grow by one; a strategy may tell from the number alone where a child
    belongs (its island, its restart), so that children in flight need no bookkeeping. All randomness is passed in.

    Attributes:
        revisits: Whether `met` makes a difference; only then does anybody keep the scores of everything for it.
    """

    revisits: bool = False

    @abstractmethod
    def parent(self, child: int, rng: Generator) -> Elite:
        """Whom candidate `child`, which is about to be proposed, is made from; there has been a `start`."""

    def donor(self, child: int, rng: Generator) -> Elite:
        """Whom else it may take parts from; drawn with less pressure than a parent, where there is a difference."""
        return self.parent(child, rng)

    @abstractmethod
    def join(self, elite: Elite) -> None:
        """Take in a member: a child that was scored, a migrant, a known rule found again."""

    def start(self, elite: Elite) -> None:
        """Take in a start rule; all of them come before the first child."""
        self.join(elite)

    def told(self, child: int, elite: Elite | None) -> None:  # noqa: ARG002 - some tell by the number where it belongs
        """Candidate `child` was judged; None if it failed."""
        if elite is not None:
            self.join(elite)

    def met(self, child: int, elite: Elite) -> None:  # noqa: B027 - makes no difference to most
        """What was to be candidate `child` turned out to be a known rule that has a score already."""

    @abstractmethod
    def revise(self, elite: Elite) -> None:
        """The score of a candidate changed after further measurements."""

    @abstractmethod
    def withdraw(self, number: int) -> None:
        """A candidate that had a score failed when it was measured again: no child comes from it any more."""

    @abstractmethod
    def holds(self, number: int) -> bool:
        """Whether a candidate may become a parent."""

    def state(self) -> dict[str, Any]:
        """What replaying `start`, `told` and `revise` in the same order does not bring back; plain data."""
        return {}

    def restore(self, state: Mapping[str, Any], elites: Mapping[int, Elite]) -> None:  # noqa: B027 - as for `state`
        """Go on from a `state` after such a replay; `elites` has everything scored, by number, if this `revisits`."""
