"""Edit a parent at random: the search of the Lion paper (Chen et al. 2023, arXiv 2302.06675), on typed programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Parents, Proposal
from programs.edit import mutate


@dataclass(frozen=True, slots=True)
class Symbolic:
    """Copies a parent and makes one to `edits` random edits, by operators drawn with `weights`."""

    edits: int
    weights: Mapping[str, float]
    name: str = "symbolic"

    def propose(self, parents: Parents, rng: Generator) -> Proposal:
        """A mutated copy."""
        parent = parents.parent(rng)
        edits = int(rng.integers(1, self.edits + 1))
        edited = mutate(parents.program(parent), rng, edits=edits, weights=self.weights)
        return Proposal(edited.program, self.name, (parent,), edited.description, edited.rejected)
