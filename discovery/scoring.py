"""From losses to one number: how a rule compares with AdamW that was given the same learning-rate search.

The score of a rule is the geometric mean over seeds and tasks of `loss(AdamW) / loss(rule)`: 1 is AdamW, 1.05 is a loss
5 % lower. Each ratio is capped, so that no rule can buy a bad task with one spectacular one (an arithmetic mean of
ratios rewarded exactly such specialists). Seeds are paired: both rules start from the same weights and see the same
batches. `shrinkage` says how scores from few seeds are made comparable with those from many.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from archive.records import Evaluation

REFERENCE = "adamw"
"""The rule that scores are relative to. It is measured in every run, like any other."""

REFERENCE_ID = 1
"""The reference is the first candidate of every run."""

CAP = 2.0
"""No single task counts as better than twice, or worse than half, the reference."""

SeedLosses = Mapping[str, Mapping[int, float]]
"""End-of-decay validation losses by task and seed."""


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


def log_ratios(rule: SeedLosses, reference: SeedLosses, tasks: Collection[str]) -> dict[int, float]:
    """How a rule compares on each seed that both were trained with on all tasks: the logarithm of a score.

    Args:
        rule: Its losses.
        reference: Those of the rule that scores are relative to.
        tasks: What the score is the mean over.

    Returns:
        By seed, ascending; empty where a task is missing.
    """
    by_task = [(reference.get(task, {}), rule.get(task, {})) for task in tasks]
    seeds = set.intersection(*(known.keys() & own.keys() for known, own in by_task))
    return {
        seed: sum(_capped(_log(known[seed]) - _log(own[seed])) for known, own in by_task) / len(by_task)
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


def _log(loss: float) -> float:
    return math.log(max(loss, sys.float_info.min))  # a perfect loss of 0 is capped like any other


def _capped(log_ratio: float) -> float:
    return max(-math.log(CAP), min(math.log(CAP), log_ratio))
