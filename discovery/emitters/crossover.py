"""Put a part of one rule into another."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Parents, Proposal
from programs.edit import mutate


@dataclass(frozen=True, slots=True)
class Crossover:
    """A value of the parent gives way to one computed as in a donor, whose states and hyperparameters come along."""

    name: str = "crossover"

    def propose(self, parents: Parents, rng: Generator) -> Proposal:
        """A copy of the first parent with a part of the second."""
        parent = parents.parent(rng)
        donor = parents.donor(rng, parent)
        edited = mutate(parents.program(parent), rng, weights={"splice": 1.0}, donors=[parents.program(donor)])
        return Proposal(edited.program, self.name, (parent, donor), edited.description, edited.rejected)
