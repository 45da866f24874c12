"""Fixed inputs to try a rule on without training anything, the same on every machine.

The weights a probe shows do not follow the rule's updates: a rule is a function of what it is shown, so prescribed
weights tell as much, cannot blow up, and leave an update linear in the learning rate if the rule is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from programs.ir import Program
from programs.layout import Layout
from programs.run import NUMPY, Runner

Array = NDArray[np.floating[Any]]

np.empty(2**21)  # Once that is freed, glibc keeps what is freed; it would have the arrays of each rule faulted in anew.

LAYOUT = Layout(((), (12,), (12, 9), (2, 2, 3), (2, 1, 2, 2)))
"""Every number of axes, matrices that are tall and wide; one is large, because of a rule that ends in a sign it takes
hundreds of weights to see that a constant changed, and no axis is long, because of matrices of its square."""
BY_LAYER = np.repeat([1.0, 0.3, 1.0, 0.1, 0.03], LAYOUT.sizes)
"""How large the gradients of each layer are, number by number."""
UNITS = np.arange(LAYOUT.size)[LAYOUT.slices[2]].reshape(LAYOUT.shapes[2])
"""Where the numbers of the large matrix are: a row for each unit that it feeds, a column for each that feeds it."""
TIMES = (1.0, 2.0, 3.0, 11.0, 41.0, 901.0)
"""The usual `t` of each step: early, then far apart, so that whatever depends on time shows, and what is done at every
tenth step as well."""
HORIZON = 1021.0
"""The `T` of each step: no number that a rule would hold by itself."""

NUDGE = 2.0**-40
"""Relative change of a number that is nudged: far above what rounding does, far below what a fingerprint sees."""
ROUNDING = NUDGE / 64
"""The same of what is rounded, a sum: still far above what rounding does."""
_NUDGES = {"w": 21, "w0": 21, "g": 22, "h": 23, "loss": 24, "lr": 25}  # streams of their signs; `w0` is the first `w`
_STATES = 26
_VALUES = 27  # that of the first state or result; those of others follow


@dataclass(frozen=True)
class Probe:
    """What a rule is shown.

    Attributes:
        weights: shape `(steps, lanes, size)`.
        gradients: the same.
        rates: learning rates, shape `(steps, lanes, 1)`.
        times: The `t` of each step, by lane; `TIMES` in all where there is none.
        horizons: `T` by lane; `HORIZON` in all where there is none.
        losses: How many times as large as in others the loss is, by lane; 1 where there is none.
        nudged: How many of the last lanes are shown slightly other numbers than these: each by `NUDGE` of itself.
    """

    weights: Array
    gradients: Array
    rates: Array
    times: tuple[tuple[float, ...], ...] = ()
    horizons: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    nudged: int = 0

    @property
    def lanes(self) -> int:
        """How many lanes it has."""
        return len(self.rates[0])

    def take(self, lanes: Sequence[int]) -> Probe:
        """Some lanes of it, in this order; one may be taken twice."""
        return Probe(
            self.weights[:, lanes],
            self.gradients[:, lanes],
            self.rates[:, lanes],
            tuple([self.times[lane] for lane in lanes]) if self.times else (),
            tuple([self.horizons[lane] for lane in lanes]) if self.horizons else (),
            tuple([self.losses[lane] for lane in lanes]) if self.losses else (),
        )

    def and_other(self, gradients: Array) -> Probe:
        """It, and its first lane once more with other gradients `(steps, size)`."""
        twice = self.take([*range(self.lanes), 0])
        twice.gradients[:, -1] = gradients
        return twice

    def and_nudged(self, lanes: int) -> Probe:
        """It, and its first so many lanes once more, nudged."""
        return replace(self.take([*range(self.lanes), *range(lanes)]), nudged=lanes)

    @cached_property
    def inputs(self) -> dict[str, Array]:
        """Every input of an update rule, all steps one after the other: shape `(steps * lanes, width)`."""
        steps, lanes, _ = self.rates.shape
        shown = {
            "w": self.weights,
            "g": self.gradients,
            "w0": np.repeat(self.weights[:1], steps, axis=0),
            "h": _CURVATURE * np.sqrt(np.abs(self.gradients)),  # a unit that is dead has neither
            "loss": _LOSSES * np.reshape(self.losses or [1.0] * lanes, (-1, 1)),
            "lr": self.rates,
            "t": np.transpose(self.times or [TIMES] * lanes)[..., None],
            "T": np.tile(np.array(self.horizons or [HORIZON] * lanes), steps),
        }
        if self.nudged:
            for name, stream in _NUDGES.items():
                signs = np.sign(noise(stream)[:, None, : shown[name].shape[2]])
                shown[name] = shown[name].copy()
                shown[name][:, -self.nudged :] *= 1 + NUDGE * (signs[:1] if name == "w0" else signs)
        return {name: value.reshape(steps * lanes, -1) for name, value in shown.items()}


def noise(stream: int) -> Array:
    """Numbers spread over (-1, 1), shape `(steps, size)`; other streams, other numbers."""
    count = np.arange(1.0, 1.0 + len(TIMES) * LAYOUT.size) + 1000.0 * stream
    # Multiplication and remainder are exact to the last bit everywhere, unlike a random generator over the years.
    fraction = np.fmod(count * count * 0.6180339887498949, 1.0)
    return (2.0 * fraction - 1.0).reshape(len(TIMES), LAYOUT.size)


class Observed(NamedTuple):
    """What a rule does when it is shown a probe.

    Attributes:
        updates: In double precision, `(steps, lanes, size)`.
        states: Each as it was read, `(steps, lanes, width)`.
        told: The arguments `(steps, lanes, width)` of each watched instruction, floats where they are constants.
    """

    updates: Array
    states: list[Array]
    told: list[tuple[float | Array, ...]]


def respond(program: Program, probe: Probe) -> Array:
    """The updates of a rule that is shown a probe, in double precision, shape `(steps, lanes, size)`."""
    return observe(Runner(program, LAYOUT, NUMPY), probe).updates


def observe(runner: Runner[Array], probe: Probe, watched: Sequence[int] = ()) -> Observed:
    """Show a probe to a rule made ready for `LAYOUT`.

    In nudged lanes states and sums are nudged too, each number whenever it is stored or summed: what that magnifies,
    rounding does.
    """
    steps, lanes, _ = probe.rates.shape

    def by_lane(value: Array) -> Array:
        return value.reshape(-1, lanes, value.shape[1])  # a view, for one axis becomes two

    def disturb(value: Array, which: int, is_sum: bool) -> None:
        by_lane(value)[:, -probe.nudged :] *= _nudges(value.shape[1], which, is_sum)

    found = runner.unroll(probe.inputs, steps, watched, disturb if probe.nudged else None)
    told = [tuple([value if isinstance(value, float) else by_lane(value) for value in values]) for values in found.told]
    return Observed(by_lane(found.outputs[0]), [by_lane(state) for state in found.states], told)


@cache
def _nudges(width: int, which: int, is_sum: bool) -> Array:
    """Factors of a sum or state; those of no two values are the same, or what rounding does to a difference is not."""
    own, common = (np.resize(noise(stream)[0], width) for stream in (_VALUES + which, _STATES))
    factors: Array = 1 + ROUNDING * (own + np.sign(own)) / 2
    return factors if is_sum else factors + NUDGE * np.sign(common)


_CURVATURE = noise(8)[:, None, :] * 2.0
_LOSSES = np.array([2.5, 1.5, 0.5, 0.25, 0.05, 0.002])[:, None, None]
