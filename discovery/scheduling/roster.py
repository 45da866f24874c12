"""The candidates of a run as a driver knows them: numbers, texts and programs, with little kept of what was judged."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from archive.records import Candidate
from programs.canon import simplify
from programs.ir import Program
from programs.parse import parse
from programs.show import show

_KEPT = 4_096
"""Programs kept parsed: those that breed, and those in flight."""


class Roster:
    """Gives candidates their numbers and finds them again.

    Args:
        lookup: A candidate that is in the store, by number.

    Attributes:
        last: The highest number given.
        program: The program of a candidate by number.
        text: What is trained of it: the simplified program.
    """

    def __init__(self, lookup: Callable[[int], Candidate]) -> None:
        self.last = 0
        self.program: Callable[[int], Program] = lru_cache(_KEPT)(self._read)
        self.text: Callable[[int], str] = lru_cache(_KEPT)(self._simplify)
        self._lookup = lookup
        self._unsaved: list[Candidate] = []
        self._unjudged: dict[int, Candidate] = {}

    def __getitem__(self, number: int) -> Candidate:
        return self._unjudged[number] if number in self._unjudged else self._lookup(number)

    def add(
        self, program: Program, emitter: str, note: str, parents: tuple[int, ...], structure: str, behaviour: str
    ) -> Candidate:
        """A new candidate, with the next number."""
        candidate = Candidate(
            id=self.last + 1,
            name=program.name,
            source=show(program),
            emitter=emitter,
            note=note,
            parents=parents,
            structure=structure,
            behaviour=behaviour,
        )
        self.meet(candidate)
        self._unsaved.append(candidate)
        return candidate

    def meet(self, candidate: Candidate) -> None:
        """Take note of a candidate that is in the store."""
        self.last = max(self.last, candidate.id)
        self._unjudged[candidate.id] = candidate

    def judged(self, number: int) -> None:
        """From now on a candidate is found in the store."""
        self._unjudged.pop(number, None)

    def unsaved(self) -> tuple[Candidate, ...]:
        """Those that came into being since this was last asked."""
        found, self._unsaved = tuple(self._unsaved), []
        return found

    def _read(self, number: int) -> Program:
        """From its source, so that it is the same before and after a resumption, names included."""
        return parse(self[number].source)

    def _simplify(self, number: int) -> str:
        return show(simplify(self.program(number)))
