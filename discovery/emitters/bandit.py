"""How candidates are shared out among emitters: to each by what it has brought in for what it cost."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from numpy.random import Generator

_PRIOR = 4.0
"""Everybody starts with as many children as this, of average gain, spread and cost."""
_FORGET = 1 / 500
"""An emitter that was good for the first thousand candidates need not be good for the next."""


@dataclass(slots=True)
class _Arm:
    """Discounted sums over the children of one emitter."""

    children: float = 0.0
    gain: float = 0.0
    gain_squared: float = 0.0
    cost: float = 0.0


class Bandit:
    """Thompson sampling on gain per cost, over discounted sums.

    For every emitter a mean gain is drawn from a normal distribution about the mean of its children, as wide as the
    standard error of that mean, and divided by the mean cost of its children; the highest quotient has the next child.
    Each child that is told discounts all that was told before, of every emitter, so that an emitter left alone becomes
    uncertain and is tried again. Gains may arrive late and in any order, and their scale is of no importance.

    Agrawal and Goyal, "Further optimal regret bounds for Thompson sampling", 2013, https://arxiv.org/abs/1209.3353, for
    the normal form; Raj and Kalyani, "Taming non-stationary bandits", 2017, https://arxiv.org/abs/1707.09727, for the
    discount; Xia et al., "Thompson sampling for budgeted multi-armed bandits", 2015, https://arxiv.org/abs/1505.00146,
    for the quotient.

    Args:
        weights: By emitter; positive.
        exploration: Share of the candidates that is given out by the weights alone; 1 switches the bandit off.
    """

    def __init__(self, weights: Mapping[str, float], exploration: float) -> None:
        total = sum(weights.values())
        self._names = tuple(weights)
        self._shares = [weight / total for weight in weights.values()]
        self._exploration = exploration
        self._arms = {name: _Arm() for name in weights}

    def choose(self, rng: Generator, without: Collection[str] = ()) -> str:
        """The emitter that has the next candidate, one that is not among `without`.

        Raises:
            ValueError: There is none.
        """
        names, shares = self._names, self._shares
        if without:
            names = tuple(name for name in self._names if name not in without)
            left = [share for name, share in zip(self._names, self._shares, strict=True) if name in names]
            shares = [share / sum(left) for share in left]
        everybody = self._everybody()
        if everybody.gain == 0 or rng.random() < self._exploration:
            return names[int(rng.choice(len(names), p=shares))]
        return max(names, key=lambda name: _draw(self._arms[name], everybody, rng))

    def told(self, name: str, gain: float, cost: float) -> None:
        """Credit an emitter with a child."""
        for arm in self._arms.values():
            arm.children *= 1 - _FORGET
            arm.gain *= 1 - _FORGET
            arm.gain_squared *= 1 - _FORGET
            arm.cost *= 1 - _FORGET
        arm = self._arms[name]
        arm.children += 1
        arm.gain += gain
        arm.gain_squared += gain * gain
        arm.cost += cost

    def amend(self, name: str, gain: float) -> None:
        """Credit an emitter with more, or less, for a child told before: it was measured again, or climbed a rung."""
        arm = self._arms[name]
        arm.gain += gain
        arm.gain_squared += gain * gain

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {name: asdict(arm) for name, arm in self._arms.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`."""
        self._arms = {name: _Arm(**state[name]) for name in self._names}

    def _everybody(self) -> _Arm:
        arms = self._arms.values()
        return _Arm(
            sum(arm.children for arm in arms),
            sum(arm.gain for arm in arms),
            sum(arm.gain_squared for arm in arms),
            sum(arm.cost for arm in arms),
        )


def _draw(arm: _Arm, everybody: _Arm, rng: Generator) -> float:
    """One draw of gain per cost; the sums of an emitter are filled up with a few average children."""
    filled = arm.children + _PRIOR
    scale = _PRIOR / everybody.children
    mean = (arm.gain + scale * everybody.gain) / filled
    square = (arm.gain_squared + scale * everybody.gain_squared) / filled
    cost = (arm.cost + scale * everybody.cost) / filled
    drawn = mean + math.sqrt(max(square - mean * mean, 0.0) / filled) * float(rng.standard_normal())
    return drawn / cost if cost > 0 else drawn
