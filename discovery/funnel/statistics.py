"""What may be said of a handful of seeds: corrected intervals, non-inferiority, rank correlation."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev

from discovery.scoring import Interval, SeedLosses, interval, log_ratios

LEVEL = 0.05
"""How often one of all statements of a family may be wrong by chance."""


class Word(StrEnum):
    """All that is ever said of two rules."""

    BETTER = "better"
    WORSE = "worse"
    NOT_DISTINGUISHABLE = "not distinguishable"
    FAILED = "failed"
    """One of the two did not train on every setting."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A rule against another, over paired seeds.

    Attributes:
        word: What the interval supports.
        interval: Geometric mean of `loss(other) / loss(rule)`: above 1 the rule is better. NaN where one failed.
        confidence: Of the interval; above 95 % where it is one of several.
        seeds: How many pairs there were.
    """

    word: Word
    interval: Interval
    confidence: float
    seeds: int


def compare(rule: SeedLosses, other: SeedLosses, settings: Collection[str], comparisons: int) -> Comparison:
    """Compare two rules that were trained with the same seeds.

    Each seed gives one number, the mean over the settings of the logarithm of the ratio (see `scoring.log_ratios`), and
    the interval is Student's over seeds, with Bonferroni's correction: all intervals of a family hold together with
    95 % confidence.

    Args:
        rule: Its losses by setting and seed.
        other: Those of the rule to compare with.
        settings: What the mean is over.
        comparisons: How many the family has.
    """
    confidence = 1 - LEVEL / max(1, comparisons)
    ratios = list(log_ratios(rule, other, settings).values()) if settings else []
    if not ratios:
        return Comparison(Word.FAILED, Interval(math.nan, math.nan, math.nan), confidence, 0)
    found = interval(ratios, confidence)
    return Comparison(word(found), found, confidence, len(ratios))


def word(found: Interval) -> Word:
    """What an interval of a score supports; nothing, if it is NaN."""
    if found.low > 1:
        return Word.BETTER
    return Word.WORSE if found.high < 1 else Word.NOT_DISTINGUISHABLE


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """How sure it is that a rule is worse than another by less than a margin.

    Attributes:
        excess: Mean logarithm of `loss(rule) / loss(other)`: above 0 the rule is worse.
        p: Probability of as good a result if the rule were worse by the margin exactly; 1 where nothing can be said.
    """

    excess: float
    p: float


def non_inferiority(rule: SeedLosses, other: SeedLosses, settings: Collection[str], margin: float) -> NonInferiority:
    """Student's one-sided test on paired seeds that a rule is not worse by a margin, as a logarithm of a ratio."""
    excess = [-ratio for ratio in log_ratios(rule, other, settings).values()] if settings else []
    if len(excess) < 2:
        return NonInferiority(fmean(excess) if excess else math.inf, 1.0)
    middle, error = fmean(excess), stdev(excess) / math.sqrt(len(excess))
    if error == 0:  # the very same losses
        return NonInferiority(middle, 0.0 if middle < margin else 1.0)
    from scipy.special import stdtr

    return NonInferiority(middle, float(stdtr(len(excess) - 1, (middle - margin) / error)))


def holm(p_values: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which of many hypotheses may be rejected so that a false one is among them with at most this probability.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2).
    """
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's rank correlation of two scores, with its 95 % interval; NaN with fewer than four pairs."""

    pairs: int
    rho: float
    low: float
    high: float


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> RankCorrelation:
    """How well one score ranks what another ranks.

    The interval is Fisher's, with the standard error of Bonett and Wright 2000, "Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations", Psychometrika 65(1).
    """
    pairs = len(first)
    if pairs < 4 or min(len(set(first)), len(set(second))) < 2:
        return RankCorrelation(pairs, math.nan, math.nan, math.nan)
    from scipy.special import ndtri
    from scipy.stats import spearmanr

    rho = float(spearmanr(first, second).statistic)
    if abs(rho) > 1 - 1e-12:
        return RankCorrelation(pairs, rho, rho, rho)
    half = float(ndtri(0.975)) * math.sqrt((1 + rho**2 / 2) / (pairs - 3))
    return RankCorrelation(pairs, rho, math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half))
