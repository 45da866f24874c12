"""Scores from few seeds, pulled towards what is usual: the best of many noisy measurements is better than its rule.

A rule is measured on `n` paired seeds: `x = mean of log(loss(AdamW) / loss(rule))`. With the rule's true value drawn
from a normal distribution with mean `c` and variance `B`, and seeds that scatter about it with variance `W`, the value
to expect after the measurement is

    c + w (x - c),    w = B / (B + W / n)

so that more seeds are believed more, and picking the largest of many such values brings no optimism (Efron and Morris,
"Data analysis using Stein's estimator and its generalizations", 1975, https://doi.org/10.1080/01621459.1975.10479864;
Efron, "Tweedie's formula and selection bias", 2011, https://doi.org/10.1198/jasa.2011.tm11181). `c`, `B` and `W` are
those of the run itself. Broken rules make a long lower tail that says nothing of how far above the usual a rule can be,
so the fit is to the upper half: `c` is the median of the `x`, `B + W / n` their mean square distance above it, and `W`
the mean variance over seeds of the rules up there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from discovery.scoring import MOST_CAP

_WIDTH = 1 / 1024
_HALF = math.ceil(math.log(MOST_CAP) / _WIDTH)
_CENTRES = (np.arange(2 * _HALF + 1) - _HALF) * _WIDTH
_ONE = 1 << 40
_ENOUGH = 16
"""Rules from which on a run knows what is usual."""
_LEAST_WEIGHT = 0.1
"""However little rules seem to differ, they keep their order."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is usual among the rules of a run, in logarithms of scores.

    Attributes:
        centre: A usual rule.
        between: Variance of the rules above it.
        within: Variance over the seeds of one rule.
    """

    centre: float
    between: float
    within: float

    def shrink(self, mean: float, seeds: int) -> float:
        """What to expect of a rule with this mean over so many seeds."""
        noise = self.within / seeds
        weight = self.between / (self.between + noise) if self.between + noise > 0 else 1.0
        return self.centre + max(weight, _LEAST_WEIGHT) * (mean - self.centre)

    def standard_error(self, seeds: int) -> float:
        """Of a mean over so many seeds."""
        return math.sqrt(self.within / seeds)


class Population:
    """What was measured on one rung: how many rules at each height, in bins of a thousandth.

    Sums are whole numbers, so that they do not depend on the order in which facts are read.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(len(_CENTRES), dtype=np.int64)
        self._variances = np.zeros(len(_CENTRES), dtype=np.int64)
        self._seeds = 0
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def add(self, ratios: Sequence[float]) -> None:
        """Count one rule, by the logarithms of its ratios on each seed; all rules of a rung have the same seeds."""
        mean = fmean(ratios)
        place = self._bin(mean)
        self._counts[place] += 1
        self._total += 1
        self._seeds = len(ratios)
        if self._seeds > 1:
            squares = sum((ratio - mean) ** 2 for ratio in ratios)
            self._variances[place] += round(squares / (self._seeds - 1) * _ONE)

    def better(self, mean: float) -> int:
        """How many rules are above this mean."""
        return int(self._counts[self._bin(mean) + 1 :].sum())

    def prior(self) -> Prior | None:
        """What is usual; None while that cannot be said, with few rules or a single seed each."""
        if self._total < _ENOUGH or self._seeds < 2:
            return None
        median = int(np.searchsorted(np.cumsum(self._counts), (self._total + 1) // 2))
        upper = self._counts[median:]
        count = int(upper.sum())
        spread = float(upper @ (_CENTRES[median:] - _CENTRES[median]) ** 2) / count
        within = int(self._variances[median:].sum()) / _ONE / count
        return Prior(float(_CENTRES[median]), max(spread - within / self._seeds, 0.0), within)

    def _bin(self, mean: float) -> int:
        return round(mean / _WIDTH) + _HALF
