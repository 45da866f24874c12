"""What random programs and random edits draw from: weighted names, operations and constants."""

from __future__ import annotations

import itertools
from bisect import bisect
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from programs.ir import Const
from programs.ops import OPS, Shape

T = TypeVar("T")

_FREQUENT: dict[float, str] = {
    6: "add sub mul div interp",
    3: "square sqrt abs sign maximum minimum",
    1: "power neg reciprocal clip greater where exp log log1p tanh rms norm mean dot",
}
_USUAL = (Shape.ELEMENTWISE, Shape.REDUCTION, Shape.MATRIX)
OP_WEIGHTS: dict[str, float] = {op.name: 0.25 if op.shape in _USUAL else 0.1 for op in OPS.values()} | {
    name: weight for weight, names in _FREQUENT.items() for name in names.split()
}
"""How often each operation is drawn."""

CONSTANTS = (1.0, 2.0, 3.0, 0.5, 0.1, 0.01, 0.001, 1e-8, 10.0, -1.0)
"""Constants that people write."""
RATES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Shares that people keep of a running average."""

DAMPING = (1e-8, 1e-6, 1e-4, 1e-2)
"""What people add to the eigenvalues of a matrix before they take a root of it."""
_CUSTOMARY = {("interp", 2): RATES, ("inverse_root", 1): (2.0, 4.0), ("inverse_root", 2): DAMPING}


class Wheel:
    """Draws names in proportion to their weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._names = tuple(weights)
        self._ends = tuple(itertools.accumulate(weights.values()))

    def spin(self, rng: np.random.Generator) -> str:
        """One name."""
        return self._names[bisect(self._ends, rng.random() * self._ends[-1])]


OP_WHEEL = Wheel(OP_WEIGHTS)


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of `choices`, all equally likely."""
    return choices[int(rng.random() * len(choices))]


def random_constant(rng: np.random.Generator, op: str, position: int) -> Const:
    """A constant for one argument of `op`: a customary one, or one from 1e-8 to 100, now and then negative."""
    if (op, position) in _CUSTOMARY:
        return Const(pick(rng, _CUSTOMARY[op, position]))
    if rng.random() < 0.5:
        return Const(pick(rng, CONSTANTS))
    size = 10 ** rng.uniform(-8, 2)
    return Const(float(f"{-size if rng.random() < 0.1 else size:.2g}"))


def perturbed(rng: np.random.Generator, value: float) -> float:
    """`value` times a log-normal factor, to two digits; once in a while only the sign changes.

    Between 0.5 and 1 the factor applies to the odds `value / (1 - value)`, so that a rate stays a rate.
    """
    if value == 0:
        return float(f"{10 ** rng.uniform(-8, 0):.2g}")
    if rng.random() < 0.05:
        return -value
    factor = 2 ** rng.standard_normal()
    if 0.5 < value < 1:
        distance = 1 / (1 + value / (1 - value) * factor)
        return float(f"{1 - float(f'{distance:.2g}'):.12g}")
    return float(f"{value * factor:.2g}")
