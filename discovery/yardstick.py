"""What the scores of a run are relative to, by its own first measurements: the best AdamW, and how rules scatter."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from archive.records import Candidate, Evaluation
from discovery.baselines import INITIAL, best_setting, of_the_start
from discovery.config import FitnessConfig
from discovery.scoring import REFERENCE_ID, Fitness, log_ratios, losses

_LEAST_SPREAD = 0.01
"""However little the baselines differ on a task, one percent of a loss is not everything."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What scores are relative to.

    Attributes:
        reference: The candidate that scores 1.
        fitness: What is made of the ratios on several tasks.
        best: By baseline, the candidate that is its best setting.
    """

    reference: int
    fitness: Fitness
    best: Mapping[int, int]


def families(candidates: Iterable[Candidate]) -> dict[int, tuple[int, ...]]:
    """Each start rule and baseline of a run, with the candidates that are other settings of it."""
    found: dict[int, tuple[int, ...]] = {}
    for each in candidates:
        if each.emitter in INITIAL:
            base = each.parents[0] if each.parents else each.id
            found[base] = (*found.get(base, ()), each.id)
    return found


def yardstick(
    config: FitnessConfig, related: Mapping[int, Sequence[int]], evaluations: Iterable[Evaluation]
) -> Yardstick:
    """The yardstick of a run.

    Args:
        config: The kind of fitness.
        related: The candidates that are settings of one rule, by the rule's own number.
        evaluations: Of the run; only those of its start matter.
    """
    start = of_the_start(evaluations)
    best = {base: best_setting(family, start) for base, family in related.items()}
    reference = best.get(REFERENCE_ID, REFERENCE_ID)
    return Yardstick(reference, Fitness(config.kind, config.cap, _spreads(start, reference)), best)


def _spreads(start: Iterable[Evaluation], reference: int) -> dict[str, float]:
    """By task, the root mean square of the logarithms of the ratios of everybody but the reference."""
    by_rule: defaultdict[tuple[int, str], list[Evaluation]] = defaultdict(list)
    for each in start:
        by_rule[each.candidate, each.task].append(each)
    squares: defaultdict[str, list[float]] = defaultdict(list)
    for (number, task), own in by_rule.items():
        ratios = log_ratios(losses(own), losses(by_rule[reference, task]), [task])
        squares[task] += [ratio**2 for ratio in ratios.values() if number != reference]
    return {task: max(_LEAST_SPREAD, math.sqrt(fmean(found or [0.0]))) for task, found in squares.items()}
