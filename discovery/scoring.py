"""From losses to one number: how a rule compares with tuned AdamW, given the same learning-rate search.

On every task the ratio `loss(AdamW) / loss(rule)` says how a rule does: 1 is AdamW, 1.05 is a loss 5 % lower. Each
ratio is capped, so that no rule can buy a bad task with one spectacular one (an arithmetic mean of ratios rewarded
exactly such specialists), and a fitness makes one number of them: by default their geometric mean. Seeds are paired:
both rules start from the same weights and see the same batches. `yardstick` says which AdamW it is, and
`scheduling.shrinkage` how scores from few seeds are made comparable with those from many.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Literal

from archive.records import Evaluation

REFERENCE = "adamw"
"""The rule that scores are relative to, in the best of its settings. It is measured in every run, like any other."""

REFERENCE_ID = 1
"""The reference with its default settings is the first candidate of every run."""

CAP = 2.0
"""By default no single task counts as better than twice, or worse than half, the reference."""
MOST_CAP = 4.0

SeedLosses = Mapping[str, Mapping[int, float]]
"""End-of-decay validation losses by task and seed."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """What is made of the ratios on several tasks.

    Attributes:
        kind: `geometric` mean, mean `rank`, or the `worst`.
        cap: No ratio counts as above this, or below its inverse.
        spreads: By task, how far rules scatter about the reference, in logarithms; ranks are taken among such rules.
    """

    kind: Literal["geometric", "rank", "worst"] = "geometric"
    cap: float = CAP
    spreads: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, ratios: Mapping[str, float]) -> float:
        """The logarithm of a score, from the logarithms of the ratios by task; at most that of the cap either way."""
        most = math.log(self.cap)
        match self.kind:
            case "geometric":
                return sum(max(-most, min(most, ratio)) for ratio in ratios.values()) / len(ratios)
            case "worst":
                return max(-most, min(most, *ratios.values()))
            case "rank":
                return most * fmean(self._rank(task, ratio) for task, ratio in ratios.items())

    def _rank(self, task: str, ratio: float) -> float:
        """Where a rule would stand among normally distributed ones: from -1 for the last to 1 for the first."""
        return math.erf(ratio / (self.spreads.get(task, _USUAL_SPREAD) * math.sqrt(2)))


GEOMETRIC = Fitness()
_USUAL_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its interval over paired seeds; `low` and `high` are NaN with fewer than two seeds."""

    score: float
    low: float
    high: float


def losses(evaluations: Iterable[Evaluation]) -> dict[str, dict[int, float]]:
    """The losses of one rule; failures have none."""
    found: dict[str, dict[int, float]] = {}
    for evaluation in evaluations:
        pairs = zip(evaluation.seeds, evaluation.result.losses, strict=False)
        found.setdefault(evaluation.task, {}).update(pairs)
    return found


def log_ratios(
    rule: SeedLosses, reference: SeedLosses, tasks: Collection[str], fitness: Fitness = GEOMETRIC
) -> dict[int, float]:
    """How a rule compares on each seed that both were trained with on all tasks: the logarithm of a score.

    Args:
        rule: Its losses.
        reference: Those of the rule that scores are relative to.
        tasks: What the score is over.
        fitness: What is made of the tasks.

    Returns:
        By seed, ascending; empty where a task is missing.
    """
    by_task = {task: (reference.get(task, {}), rule.get(task, {})) for task in tasks}
    seeds = set.intersection(*(known.keys() & own.keys() for known, own in by_task.values()))
    return {
        seed: fitness({task: log_loss(known[seed]) - log_loss(own[seed]) for task, (known, own) in by_task.items()})
        for seed in sorted(seeds)
    }


def interval(ratios: Collection[float], confidence: float = 0.95) -> Interval:
    """The score of some logarithms of ratios, with the Student interval of their mean.

    Raises:
        ValueError: There are none.
    """
    middle, half = mean_and_half_width(ratios, confidence)
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def mean_and_half_width(values: Collection[float], confidence: float = 0.95) -> tuple[float, float]:
    """The mean, and half the width of its Student interval: NaN with fewer than two values.

    Raises:
        ValueError: There are none.
    """
    if not values:
        raise ValueError("There is no mean of nothing.")
    middle = fmean(values)
    if len(values) < 2:
        return middle, math.nan
    from scipy.special import stdtrit  # takes a third of the start of every command that needs no interval

    return middle, float(stdtrit(len(values) - 1, 0.5 + confidence / 2)) * stdev(values) / math.sqrt(len(values))


def log_loss(loss: float) -> float:
    """The logarithm of a loss; a perfect loss of 0 is capped like any other."""
    return math.log(max(loss, sys.float_info.min))
