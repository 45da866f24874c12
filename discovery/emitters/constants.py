"""Tune the numbers of a rule and leave its form alone."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Parents, Proposal
from programs.edit import mutate


@dataclass(frozen=True, slots=True)
class Constants:
    """Copies a parent and changes one to `edits` constants or defaults of hyperparameters by random factors."""

    edits: int
    name: str = "constants"

    def propose(self, parents: Parents, rng: Generator) -> Proposal:
        """A copy with other numbers."""
        parent = parents.parent(rng)
        edits = int(rng.integers(1, self.edits + 1))
        edited = mutate(parents.program(parent), rng, edits=edits, weights={"constant": 1.0})
        return Proposal(edited.program, self.name, (parent,), edited.description, edited.rejected)
