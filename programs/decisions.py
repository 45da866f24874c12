"""By which numbers a rule decides, and whether a probe shows both ways in which each decision can go.

The arguments of an instruction are those of `programs.probe.Observed`. The first lanes are those that are `moderate`,
and the last ones are the same, nudged. Before these is one with other gradients, of which updates are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from programs.kinds import Kind
from programs.layout import extents, slices
from programs.matrix import eigenvalues
from programs.ops import OPS
from programs.probe import LAYOUT, NUDGE, Array

LEFT_OVER = 1e-13
"""What is smaller than this share of a lane's largest number in a step is what cancellation left over."""

_DECIDING = frozenset({"sign", "greater", "floor"})  # jump where what they look at crosses a threshold
_WHOLE = frozenset({"floor"})  # many thresholds, a distance of 1 apart
_JUMP = {"sign": 2, "greater": 1, "floor": 1}  # at least, from one side to the other
_BRANCHING = frozenset({"where"})
_CHOOSING = frozenset({"maximum", "minimum", "clip"})  # bend there
_SHRINKING = frozenset({"clip_by_global_norm"})  # bends where the norm is the bound
JUMPING = _DECIDING | _BRANCHING | _CHOOSING | _SHRINKING
"""Operations that decide or choose."""
TURNING = frozenset({"div", "reciprocal", "inverse_root", "abs"})
"""Operations that jump or bend where an argument crosses zero."""

_ROUNDED = NUDGE * 2.0**26  # single precision keeps 24 bits
_OVERFLOW = float(np.finfo(np.float32).max)


def is_settled(op: str, arguments: Sequence[float | Array]) -> bool:
    """Whether it goes the same way forever."""
    return all(isinstance(value, float) for value in arguments[: 1 if op in _BRANCHING else None])


def is_shown(op: str, arguments: Sequence[float | Array], moderate: int) -> bool:
    """Whether the probe shows all that a branch or a choice may return.

    And a jump on both sides, for what becomes of it need not be a product: `sqrt(sign(x) - 1e-9)` is 1 until `x` is
    negative. The first step does not count where all that is looked at is 0, as what is made of states is then: what
    becomes of a side may be 0 as well. Where what is looked at overflows, in single precision too, or is what rounding
    left over, it depends on how it is written.
    """
    if op in _SHRINKING:
        return True
    if op in _CHOOSING:
        first, *rest = (value if isinstance(value, float) else value[:, : -moderate - 1] for value in arguments)
        return len(widths(arguments)) < 2 and all(np.any(first < bound) and np.any(first > bound) for bound in rest)
    shown, nudged = _nudged(arguments[: 1 if op in _BRANCHING else None], moderate)
    if not all(np.all(np.abs(value) < _OVERFLOW) for value in shown):
        return False
    if op in _BRANCHING:
        return len(np.unique(shown[0] != 0)) == 2 and np.array_equal(shown[0] != 0, nudged[0] != 0)
    if len(widths(arguments)) > 1:
        return False
    margin, moved = (_margin(op, values) for values in (shown, nudged))
    if not np.all(np.abs(moved - margin) <= _ROUNDED * np.abs(margin)):
        return False
    is_new = all(isinstance(value, float) or not np.any(value[0]) for value in shown)
    sides = np.asarray(OPS[op].numpy(*shown))
    return bool(np.ptp(sides[1:] if is_new else sides) >= _JUMP[op])


def _margin(op: str, arguments: Sequence[float | Array]) -> float | Array:
    """How far what is looked at is from the nearest threshold."""
    return arguments[0] - np.rint(arguments[0]) if op in _WHOLE else _differences(arguments)[0]


def looked_at(op: str, arguments: Sequence[float | Array]) -> Array:
    """What a decision looks at, `(steps, lanes, width)`, and what it chooses from: differences where it can.

    As a share of the largest, for the result shows how large they are; but whole numbers are no shares of anything.
    """
    first, *rest = arguments
    if op in _BRANCHING:
        columns = [*_share([first]), *_share(_differences(rest))]
    elif op in _WHOLE:
        columns = [np.atleast_3d(first)]
    elif op in _SHRINKING:
        columns = _share(_differences([np.sqrt(np.sum(np.square(first), axis=2, keepdims=True)), *rest]))
    else:
        columns = _share(_differences(arguments))
    steps, lanes, _ = max((column.shape for column in columns), key=np.prod)
    return np.concatenate([np.broadcast_to(column, (steps, lanes, column.shape[2])) for column in columns], axis=2)


def is_safe(op: str, kind: Kind, arguments: Sequence[float | Array], moderate: int) -> bool:
    """Whether what becomes of it at zero is shown, if it bends there, or of no concern, if it jumps.

    A divisor is of one sign; a root is taken of numbers of which none is negative and counts as zero; but an absolute
    value is taken of numbers of both signs.
    """
    if op != "inverse_root":
        numbers = np.atleast_3d(arguments[-1])[:, :moderate]
        crosses = np.any(numbers > 0) and np.any(numbers < 0)
        return bool(crosses if op == "abs" else not crosses)
    matrices = np.atleast_3d(arguments[0])[:, :moderate].reshape(-1, np.shape(arguments[0])[-1])
    for part, (size, _) in zip(slices(LAYOUT, kind), extents(LAYOUT, kind), strict=True):
        values = eigenvalues(matrices[:, part].reshape(-1, size, size))
        if np.any(values.min(axis=1) < -LEFT_OVER * np.abs(values).max(axis=1)):
            return False
    return True


def largest(numbers: Array) -> Array:
    """The largest finite size in every step of every lane, `(steps, lanes, 1)`; 0 where there is none."""
    size = np.abs(numbers)
    found: Array = size.max(axis=2, keepdims=True)
    if not np.isfinite(found).all():
        found = np.where(np.isfinite(size), size, 0.0).max(axis=2, keepdims=True)
    return found


def peak(numbers: Array) -> float:
    """The largest finite size of all, or 1 where that is 0: what they are made a share of."""
    return float(largest(numbers).max()) or 1.0


def _nudged(arguments: Sequence[float | Array], moderate: int) -> tuple[list[Any], list[Any]]:
    """What the moderate lanes show, and what they show when they are nudged."""
    shown = [value if isinstance(value, float) else value[:, :moderate] for value in arguments]
    return shown, [value if isinstance(value, float) else value[:, -moderate:] for value in arguments]


def _differences(arguments: Sequence[float | Array]) -> list[float | Array]:
    """Of the first from each of the others; all of them where they are not of one width."""
    first, *rest = arguments
    return [first - other for other in rest] if len(widths(arguments)) < 2 and rest else [first, *rest]


def widths(arguments: Sequence[float | Array]) -> set[int]:
    """How many numbers there are to a lane, where that is more than one."""
    return {np.shape(argument)[-1] for argument in arguments if np.size(argument) > 1} - {1}


def _share(values: Sequence[float | Array]) -> list[Array]:
    columns = [np.atleast_3d(np.asarray(value, np.float64)) for value in values]
    most = max(float(largest(column).max()) for column in columns) or 1.0
    return [column / most for column in columns]
