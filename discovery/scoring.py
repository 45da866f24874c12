"""From losses to one number: how a rule compares with AdamW that was given the same learning-rate search.

The score of a rule is the geometric mean over tasks of `loss(AdamW) / loss(rule)`: 1 is AdamW, 1.05 is a loss 5 %
lower. Each task's ratio is capped, so that no rule can buy a bad task with one spectacular one (an arithmetic mean of
ratios rewarded exactly such specialists).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archive.records import Evaluation

REFERENCE = "adamw"
"""The rule that scores are relative to. It is measured in every run, like any other."""

CAP = 2.0
"""No single task counts as better than twice, or worse than half, the reference."""

Losses = Mapping[str, Sequence[float]]
"""End-of-decay validation losses by task, one per seed; seeds in the same order everywhere."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its 95 % interval over paired seeds; `low` and `high` are NaN with fewer than two seeds."""

    score: float
    low: float
    high: float


def losses(evaluations: Sequence[Evaluation]) -> dict[str, tuple[float, ...]]:
    """The losses of one rule by task."""
    return {evaluation.task: evaluation.result.losses for evaluation in evaluations}


def score(rule: Losses, reference: Losses) -> float:
    """The score of a rule, from the mean loss over seeds on each task of the reference."""
    ratios = [_capped(math.log(np.mean(reference[task]) / np.mean(rule[task]))) for task in reference]
    return math.exp(sum(ratios) / len(ratios))


def paired_interval(rule: Losses, reference: Losses) -> Interval:
    """The score with a 95 % Student interval of its logarithm, one observation for each seed.

    Seeds are paired: both rules started from the same weights and saw the same batches.
    """
    per_task = [[math.log(r / own) for r, own in zip(reference[t], rule[t], strict=True)] for t in reference]
    by_seed = np.mean(per_task, axis=0)
    if len(by_seed) < 2:
        return Interval(score(rule, reference), math.nan, math.nan)
    from scipy.special import stdtrit  # takes a third of the start of every command that needs no interval

    half = float(stdtrit(len(by_seed) - 1, 0.975)) * float(np.std(by_seed, ddof=1)) / math.sqrt(len(by_seed))
    middle = float(np.mean(by_seed))
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _capped(log_ratio: float) -> float:
    return max(-math.log(CAP), min(math.log(CAP), log_ratio))
