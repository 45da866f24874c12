"""What every source of proposals has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from numpy.random import Generator

from archive.grid import Grid
from programs.ir import Program


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program that somebody thinks is worth training.

    Attributes:
        program: Checked.
        emitter: Who proposed it.
        parents: Candidate ids it was made from, the main one first.
        note: What was done, for a reader: "insert tanh".
    """

    program: Program
    emitter: str
    parents: tuple[int, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """What an emitter may look at: the elites, and the program of a candidate by id."""

    grid: Grid
    program: Callable[[int], Program]


class Emitter(Protocol):
    """A source of proposals. All randomness is passed in, so that a seed decides a run."""

    @property
    def name(self) -> str:
        """What it is called in tables and in the archive."""
        ...

    def propose(self, shelf: Shelf, rng: Generator) -> Proposal:
        """One new program; the shelf holds at least one elite."""
        ...
