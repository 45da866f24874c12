"""How well tasks tell rules apart, and whether they order them alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)

Losses = Mapping[str, Sequence[float]]
"""Validation losses on fresh seeds, by rule; empty for a rule that was not scored."""


def noise(losses: Losses) -> float:
    """Standard deviation over seeds, pooled over the rules that have two or more; NaN without any."""
    found = [np.var(own, ddof=1) for own in losses.values() if len(own) > 1]
    return math.sqrt(fmean(map(float, found))) if found else math.nan


def d_prime(losses: Losses, first: str, second: str) -> float:
    """How far the mean losses of two rules lie apart, in standard deviations over seeds, pooled over the two.

    Positive where the first has the lower loss; NaN where either was not scored.
    """
    both = {rule: losses[rule] for rule in (first, second)}
    if not all(both.values()):
        return math.nan
    apart, width = fmean(both[second]) - fmean(both[first]), noise(both)
    return apart / width if width > 0 else math.copysign(math.inf, apart) if apart else 0.0


def spread(losses: Losses) -> float:
    """Standard deviation of the rules' mean losses over the noise: one number for how well a task separates."""
    means = [fmean(own) for own in losses.values() if own]
    return float(np.std(means, ddof=1)) / noise(losses) if len(means) > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def rank_correlation(one: Losses, other: Losses, rng: np.random.Generator) -> Correlation:
    """Whether two tasks order rules alike: rank correlation of the mean losses.

    The interval is that of resampling the rules, which could have been others, and the seeds of each; resamples that
    have only one rank are left out. A rule that was not scored counts as worse than all that were.

    Args:
        one: Of the first task.
        other: Of the second, of the same rules.
        rng: Draws the resamples.
    """
    rules = list(one)
    value = _spearman(*(np.array([[_mean(losses[rule]) for rule in rules]]) for losses in (one, other)))[0]
    chosen = rng.integers(len(rules), size=(RESAMPLES, len(rules)))
    drawn = []
    for losses in (one, other):
        means = np.stack([_resampled(losses[rule], RESAMPLES, rng) for rule in rules], axis=1)
        drawn.append(np.take_along_axis(means, chosen, axis=1))
    low, high = np.nanpercentile(_spearman(*drawn), INTERVAL)
    return Correlation(float(value), float(low), float(high))


def _mean(own: Sequence[float]) -> float:
    return fmean(own) if own else math.inf


def _resampled(own: Sequence[float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Means of as many seeds, drawn with replacement, shape `(count,)`."""
    if not own:
        return np.full(count, math.inf)
    drawn = np.array(own, dtype=np.float64)[rng.integers(len(own), size=(count, len(own)))]
    means: NDArray[np.float64] = drawn.mean(axis=1)
    return means


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row by row, `(rows, rules)` twice to `(rows,)`; NaN where all of a row is one rank."""
    from scipy.stats import rankdata  # takes a second to import

    ranks = [rankdata(values, axis=1) for values in (one, other)]
    centred = [own - own.mean(axis=1, keepdims=True) for own in ranks]
    size = np.sqrt(np.square(centred[0]).sum(axis=1) * np.square(centred[1]).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((centred[0] * centred[1]).sum(axis=1) / size)
