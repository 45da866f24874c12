"""Edit an elite at random: the search of the Lion paper (Chen et al. 2023, arXiv 2302.06675), on typed programs."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Proposal, Shelf
from programs.edit import mutate


@dataclass(frozen=True, slots=True)
class Symbolic:
    """Copies an elite of a random cell and makes one to `edits` random edits, with a second elite as donor."""

    edits: int
    name: str = "symbolic"

    def propose(self, shelf: Shelf, rng: Generator) -> Proposal:
        """A mutated copy of one elite."""
        parent, donor = shelf.grid.sample(rng), shelf.grid.sample(rng)
        count = int(rng.integers(1, self.edits + 1))
        edited = mutate(shelf.program(parent.id), rng, edits=count, donors=[shelf.program(donor.id)])
        return Proposal(edited.program, self.name, (parent.id,), edited.description)
