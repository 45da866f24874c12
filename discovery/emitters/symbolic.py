"""Edit an elite at random: the search of the Lion paper (Chen et al. 2023, arXiv 2302.06675), on typed programs."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from discovery.emitters.base import Proposal, Shelf
from programs.edit import mutate


@dataclass(frozen=True, slots=True)
class Symbolic:
    """Copies the best of `tournament` elites of random cells and makes one to `edits` random edits.

    A second elite is at hand as a donor of parts. A tournament of 1 is plain MAP-Elites, which spends most of its
    children on cells that have little to offer; a large one is a hill climb.
    """

    edits: int
    tournament: int
    name: str = "symbolic"

    def propose(self, shelf: Shelf, rng: Generator) -> Proposal:
        """A mutated copy of one elite."""
        drawn = [shelf.grid.sample(rng) for _ in range(self.tournament)]
        parent, donor = max(drawn, key=lambda elite: elite.score), shelf.grid.sample(rng)
        count = int(rng.integers(1, self.edits + 1))
        edited = mutate(shelf.program(parent.id), rng, edits=count, donors=[shelf.program(donor.id)])
        return Proposal(edited.program, self.name, (parent.id,), edited.description)
