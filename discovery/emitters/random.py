"""Programs from nowhere: the control that every search has to beat, and a source of fresh material."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Parents, Proposal
from programs.generate import random_program


@dataclass(frozen=True, slots=True)
class Random:
    """Draws a well-typed program of up to `size` instructions."""

    size: int
    name: str = "random"

    def propose(self, parents: Parents, rng: Generator) -> Proposal:  # noqa: ARG002 - has no parents, by intent
        """A random program."""
        return Proposal(random_program(rng, size=int(rng.integers(2, self.size + 1))), self.name, (), "random program")
