"""Sources of proposals, one file each.

- `base`: what a proposal is, what an emitter may look at.
- `symbolic`: edits of an elite.
- `random`: programs from nowhere.

`build` turns the configuration into emitters with their shares.
"""

from __future__ import annotations

from discovery.config import EmittersConfig
from discovery.emitters.base import Emitter, Proposal, Shelf
from discovery.emitters.random import Random
from discovery.emitters.symbolic import Symbolic

__all__ = ["Emitter", "Proposal", "Shelf", "build"]


def build(config: EmittersConfig) -> list[tuple[Emitter, float]]:
    """The emitters that are switched on, each with its share of the proposals; shares sum to 1."""
    weighted: list[tuple[Emitter, float]] = [
        (Symbolic(config.symbolic.edits, config.symbolic.tournament), config.symbolic.weight),
        (Random(config.random.size), config.random.weight),
    ]
    total = sum(weight for _, weight in weighted)
    return [(emitter, weight / total) for emitter, weight in weighted if weight > 0]
