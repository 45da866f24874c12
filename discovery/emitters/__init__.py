"""Sources of proposals, one file each.

- `base`: what a proposal is, whom an emitter may breed from.
- `symbolic`: random edits of a parent.
- `crossover`: parts of one parent in another.
- `constants`: other numbers in the same form.
- `random`: programs from nowhere.
- `llm`: rules that language models propose; what it takes is in `discovery.llm`.
- `bandit`: how the candidates are shared out among them.
- `statistics`: what each has proposed and what came of it.

`build` turns the configuration into emitters with their weights.
"""

from __future__ import annotations

from discovery.config import EmittersConfig, StrategyConfig
from discovery.emitters.base import Correspondent, Emitter, NotReadyError, Parents, Proposal
from discovery.emitters.constants import Constants
from discovery.emitters.crossover import Crossover
from discovery.emitters.random import Random
from discovery.emitters.symbolic import Symbolic

__all__ = ["Correspondent", "Emitter", "NotReadyError", "Parents", "Proposal", "build"]


def build(
    config: EmittersConfig, strategy: StrategyConfig, correspondent: Correspondent | None = None
) -> list[tuple[Emitter | Correspondent, float]]:
    """The emitters that are switched on, each with its weight; the two controls have one emitter of their own.

    Args:
        config: Which are, and with what weights.
        strategy: What they serve.
        correspondent: The emitter of language models, where it is switched on.
    """
    symbolic, crossover = Symbolic(config.symbolic.edits, config.symbolic.operators), Crossover()
    constants, random = Constants(config.constants.edits), Random(config.random.size)
    match strategy.kind:
        case "random":
            return [(random, 1.0)]
        case "constants":
            return [(constants, 1.0)]
    weighted: list[tuple[Emitter | Correspondent, float]] = [
        (symbolic, config.symbolic.weight),
        (crossover, config.crossover.weight),
        (constants, config.constants.weight),
        (random, config.random.weight),
    ]
    if correspondent is not None:
        weighted.append((correspondent, config.llm.weight))
    return [(emitter, weight) for emitter, weight in weighted if weight > 0]
