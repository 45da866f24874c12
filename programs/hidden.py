"""What does not show on any probe, though it may show some day: it is hashed by itself.

The arguments of an instruction are those of `programs.probe.Observed`; the first lanes are those that are `moderate`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from programs.decisions import LEFT_OVER, largest, peak, widths
from programs.ops import OPS
from programs.probe import Array
from programs.run import SUMS

_FLATTENING = frozenset({"exp", "exp2", "exp10", "cos", "cosh", "tanh", "arctan"})  # of what is near 0, or far from it
_SCALING = frozenset({"mul", "div"})  # by 0 or infinity, all is one
_COMPARING = frozenset({"greater", "maximum", "minimum", "clip"})
HIDING = SUMS | _FLATTENING | _SCALING | _COMPARING
"""Operations in which what is small, or too large, does not show."""
_SEEN = 1e-7  # share of a number above which another, added to it, shows in six digits


def hidden(op: str, arguments: Sequence[float | Array], remembers: Sequence[bool], moderate: int) -> Iterator[Array]:
    """What does not show on any probe, though it is not 0 and not the same forever, `(steps, lanes, width)`.

    A term of a sum, or a number that another is compared with, which is too small beside that, as a share of it; that
    of which one number is made, as 0 of what is multiplied by it; and a factor of what is nothing but 0 and infinite.

    Args:
        op: An operation.
        arguments: Its arguments.
        remembers: Whether each depends on a state, and so may grow until 0 times it is no number any more.
        moderate: How many lanes are.
    """
    if len(widths(arguments)) > 1 or all(isinstance(value, float) for value in arguments):
        return
    if op not in _COMPARING and _is_flat(op, arguments, moderate):
        for term, may_grow in zip(arguments, remembers, strict=True):
            if not isinstance(term, float) and (may_grow or op in _FLATTENING):
                yield term
    if op in _FLATTENING:
        return
    if op in _SCALING:
        first, second = arguments
        if op == "div" and isinstance(second, float) and second == 0.0:
            second = math.inf
        for factor, other in ((first, second), (second, first)):
            if not isinstance(factor, float) and not _has_size(other, moderate):
                yield factor / peak(factor)
        return
    typical = [value if isinstance(value, float) else value[2, :2] for value in arguments]  # when states have filled
    if all(_are_comparable(*terms) for terms in _beside(op, typical)):
        return  # nearly always, and quickly seen
    for terms in _beside(op, arguments):
        for small, large in (terms, terms[::-1]):
            size, other = (np.abs(np.atleast_3d(term)[:, :moderate]) for term in (small, large))
            least = np.maximum(_SEEN * other, LEFT_OVER * largest(other))
            if size.any() and not np.any(size > least):
                share = np.atleast_3d(small) / peak(other)
                yield np.broadcast_to(share, np.broadcast_shapes(share.shape, np.shape(large)))


def _is_flat(op: str, arguments: Sequence[float | Array], moderate: int) -> bool:
    """Whether the result is one number, though there are arguments that are not."""
    for part in ((slice(2, 3), slice(2), slice(2)), (slice(None), slice(moderate))):  # a few numbers mostly differ
        shown = [value if isinstance(value, float) else value[part] for value in arguments]
        result = np.asarray(OPS[op].numpy(*shown))
        if not np.isfinite(result).all() or np.ptp(result) > _SEEN * np.abs(result).max():
            return False
    return any(np.ptp(value) > 0 for value in shown)


def _has_size(number: float | Array, moderate: int) -> bool:
    """Whether it is ever a number, neither 0 nor infinite, or else always 0."""
    if isinstance(number, float):
        return math.isfinite(number)
    typical = float(number[2, 0, 0])
    if typical and math.isfinite(typical):
        return True
    shown = number[:, :moderate]
    finite = np.isfinite(shown)
    return bool(finite.all() or np.any(finite & (shown != 0)))


def _beside(op: str, arguments: Sequence[float | Array]) -> list[tuple[float | Array, float | Array]]:
    """The terms of a sum, or the numbers that are compared, in pairs."""
    first, *rest = arguments
    if op == "interp":
        second, share = rest
        first, rest = (1.0 - share) * first, [share * second]
    return [(first, second) for second in rest]


def _are_comparable(first: float | Array, second: float | Array) -> bool:
    """Whether some number of each certainly shows beside the other."""
    size, other = (np.abs(np.atleast_1d(term)).max(axis=-1) for term in (first, second))
    return bool(np.any(size > _SEEN * other) and np.any(other > _SEEN * size))
