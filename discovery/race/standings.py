"""Medians over seeds, with intervals that assume nothing about how scores are distributed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median

from discovery.race.curves import Course, Gain

_WANTED = 0.95


@dataclass(frozen=True, slots=True)
class Middle:
    """A median over seeds with its interval; see `middle`."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EmitterStanding:
    """What an emitter brought in, as medians over seeds; the fields are those of `curves.Gain`."""

    evaluated: float
    scored: float
    cells: float
    improved: float
    qd: float
    best: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How one configuration did at the end of its budget.

    Attributes:
        name: The configuration's.
        strategy: Its kind.
        final: Score of the best on seeds that its search never saw: the one that counts.
        best: The score that the search itself saw, biased upwards by the selection.
        coverage: Share of cells filled.
        qd: QD score.
        emitters: By name.
    """

    name: str
    strategy: str
    final: Middle
    best: Middle
    coverage: Middle
    qd: Middle
    emitters: Mapping[str, EmitterStanding]


def standing(name: str, strategy: str, courses: Sequence[Course]) -> Standing:
    """The standing of one configuration, from its finished runs with one seed each."""
    return Standing(
        name=name,
        strategy=strategy,
        final=middle([course.final for course in courses if course.final is not None]),
        best=middle([course.best[-1] for course in courses]),
        coverage=middle([course.coverage[-1] for course in courses]),
        qd=middle([course.qd[-1] for course in courses]),
        emitters={emitter: _emitter(emitter, courses) for emitter in sorted({e for c in courses for e in c.emitters})},
    )


def middle(values: Sequence[float]) -> Middle:
    """The median, and the narrowest pair of order statistics that holds the true one with at least 95 % confidence.

    Distribution-free: the number of values below the true median is binomial with 1/2. Fewer than six values cannot
    reach 95 %, and their interval is their range; `confidence` says what it has. NaN without values.
    """
    if not values:
        return Middle(math.nan, math.nan, math.nan)
    ordered, cut = sorted(values), _cut(len(values))
    return Middle(median(ordered), ordered[cut], ordered[-1 - cut])


def confidence(count: int) -> float:
    """The confidence of the interval that `middle` gives for so many values."""
    return _confidence(count, _cut(count))


def _cut(count: int) -> int:
    """How many values may be left out at either end."""
    cut = 0
    while cut + 1 < count - 1 - cut and _confidence(count, cut + 1) >= _WANTED:
        cut += 1
    return cut


def _confidence(count: int, cut: int) -> float:
    outside: int = sum(math.comb(count, below) for below in range(cut + 1))
    return 1.0 - outside / 2.0 ** (count - 1)


def _emitter(name: str, courses: Sequence[Course]) -> EmitterStanding:
    gains = [course.emitters.get(name, Gain()) for course in courses]
    return EmitterStanding(*(median(getattr(gain, field.name) for gain in gains) for field in fields(Gain)))
