"""Are two rules the same, and how do we know: by exact rewrites, by what they do, or up to a factor of the step."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from programs import trajectory
from programs.canon import rewrites, structure
from programs.fingerprint import LANES, PROBE, behaviour, digits, same
from programs.ir import Program
from programs.probe import LAYOUT, Array, respond
from programs.rewrite import prune

_ONE = 1e-6  # a factor this close to 1 is one
_ABOUT = 0.1


class Verdict(StrEnum):
    """What two rules are to each other, from the closest to the furthest."""

    STRUCTURE = "structure"
    """Exact algebra makes one of the other: every bit agrees, but for what the table leaves open."""
    BEHAVIOUR = "behaviour"
    """They return the same on all that they are shown, to six significant digits."""
    FACTOR = "factor"
    """The same, but for a constant factor of the step that another learning rate makes up for."""
    DECISIONS = "decisions"
    """They return the same on all that they are shown, but jump or bend at other thresholds, which nothing happens to
    cross, choose from other numbers, or magnify a nudge so much that the probes do not tell enough."""
    DIFFERENT = "different"
    """They return something else."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two rules first differ about as much as they do at most.

    Where both are proportional to the learning rate, their steps were brought to one size before.

    Attributes:
        step: The value of `t`.
        shown: On what, in words.
        learning_rate: At that step.
        parameter: Shape of the parameter tensor.
        weight: Index in it, flattened.
        left: The update of the first rule.
        right: The update of the second rule.
    """

    step: float
    shown: str
    learning_rate: float
    parameter: tuple[int, ...]
    weight: int
    left: float
    right: float

    @property
    def relative(self) -> float:
        """The difference as a share of the larger update; infinite where either is not finite."""
        if not (math.isfinite(self.left) and math.isfinite(self.right)):
            return math.inf
        return abs(self.left - self.right) / max(abs(self.left), abs(self.right))


@dataclass(frozen=True, slots=True)
class Sameness:
    """The answer.

    Attributes:
        verdict: What the two are to each other.
        left: Rewrites of the first rule alone on the way to the common form, with how often each; empty unless the
            verdict is `STRUCTURE`.
        right: Those of the second alone.
        factor: The step of the second rule over that of the first, for `BEHAVIOUR` and `FACTOR`.
        difference: Where they differ, for `DIFFERENT`.
    """

    verdict: Verdict
    left: dict[str, int]
    right: dict[str, int]
    factor: float | None = None
    difference: Difference | None = None


@np.errstate(all="ignore")
def compare(left: Program, right: Program) -> Sameness:
    """Compare two legal rules. Hyperparameters count by their default values, names do not count."""
    if structure(left) == structure(right):
        first, second = Counter(_rewrites(left)), Counter(_rewrites(right))
        return Sameness(Verdict.STRUCTURE, dict(first - second), dict(second - first))
    mine, yours = behaviour(left), behaviour(right)
    if mine.updates.shape == yours.updates.shape and same(mine.updates, yours.updates):
        if mine.trajectory is not None and yours.trajectory is not None and not same(mine.trajectory, yours.trajectory):
            difference = _difference(mine.trajectory, yours.trajectory, _TRAJECTORY)
            return Sameness(Verdict.DIFFERENT, {}, {}, difference=difference)
        if mine.decisions != yours.decisions:
            return Sameness(Verdict.DECISIONS, {}, {})
        factor = yours.scale / mine.scale
        verdict = Verdict.BEHAVIOUR if abs(factor - 1) < _ONE else Verdict.FACTOR
        return Sameness(verdict, {}, {}, factor=factor)
    if mine.updates.shape == yours.updates.shape:
        return Sameness(Verdict.DIFFERENT, {}, {}, difference=_difference(mine.updates, yours.updates, _PROBES))
    # One of them is not proportional to the learning rate, and the other loses nothing by showing all lanes.
    difference = _difference(respond(left, PROBE), respond(right, PROBE), _PROBES)
    return Sameness(Verdict.DIFFERENT, {}, {}, difference=difference)


def _rewrites(program: Program) -> list[str]:
    """The rules that bring a program to its canonical form, and what is left out of it before, in words."""
    pruned = prune(program)
    instructions = len(program.body) - len(pruned.body)
    states = len(program.states) - len(pruned.states)
    dead = ["leave out an instruction that does nothing"] * instructions + ["leave out a dead state"] * states
    return dead + [rule.line for rule in rewrites(program)]


class _Show(NamedTuple):
    """What two rules were shown: `t` and the learning rate, `(steps, lanes)`, and the lanes in words."""

    times: Array
    rates: Array
    lanes: tuple[str, ...]


_PROBES = _Show(np.transpose(PROBE.times), PROBE.rates[..., 0], LANES * 2)
_TRAJECTORY = _Show(trajectory.shown("t")[..., 0], trajectory.shown("lr")[..., 0], trajectory.LANES)


def _difference(mine: Array, yours: Array, show: _Show) -> Difference:
    """The largest relative difference in the first step where it is about as large as it gets."""
    size = np.abs(mine - yours) / np.maximum(np.abs(mine), np.abs(yours))
    size = np.where(digits(mine) != digits(yours), np.where(np.isnan(size), np.inf, size), -1.0)
    by_step = size.max(axis=(1, 2))
    step = int(np.argmax(by_step >= _ABOUT * by_step.max()))
    lane, place = np.unravel_index(int(size[step].argmax()), size[step].shape)
    index = next(i for i, part in enumerate(LAYOUT.slices) if part.start <= place < part.stop)
    return Difference(
        step=float(show.times[step, lane]),
        shown=show.lanes[lane],
        learning_rate=float(show.rates[step, lane]),
        parameter=LAYOUT.shapes[index],
        weight=int(place) - LAYOUT.slices[index].start,
        left=float(mine[step, lane, place]),
        right=float(yours[step, lane, place]),
    )
